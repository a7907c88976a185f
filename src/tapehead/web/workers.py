"""Threads that compute, so that the page answers while they do."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from starlette.exceptions import HTTPException

MAX_WORKERS = 4
MAX_WAITING = 200


class Workers:
    """A bounded pool with a bounded queue."""

    def __init__(self) -> None:
        count = min(MAX_WORKERS, os.cpu_count() or 1)
        # One question a core beats many cores a question: a step of a machine is too small to share.
        self._pool = ThreadPoolExecutor(count, "tapehead", initializer=torch.set_num_threads, initargs=(1,))
        self._waiting = 0

    async def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in a worker.

        Raises:
            HTTPException: 503, when too many others wait.
        """
        if self._waiting >= MAX_WAITING:
            raise HTTPException(503, f"{MAX_WAITING} others are waiting: try again in a moment")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Start nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
