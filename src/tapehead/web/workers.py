"""Threads that compute, so that the page answers while they do."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import torch
from starlette.exceptions import HTTPException
from starlette.types import Receive

MAX_WORKERS = 4
MAX_WAITING = 200
CLIENT_CLOSED_REQUEST = 499
"""The status of a request whose client has closed the connection; nobody receives it."""

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """A bounded pool of threads with a bounded queue."""

    def __init__(self) -> None:
        count = min(MAX_WORKERS, os.cpu_count() or 1)
        # One question a core beats many cores a question: a step of a machine is too small to share.
        self._pool = ThreadPoolExecutor(count, "tapehead", initializer=torch.set_num_threads, initargs=(1,))
        self._waiting = 0

    async def run(self, receive: Receive, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a worker.

        When the client closes the connection, a call that still waits for a worker is not made; one that has
        begun goes on to its end, and its result is dropped.

        Args:
            receive: the request's ASGI channel, its body already read.
            function: what to call.
            *args: its arguments.
            **kwargs: its arguments by keyword.

        Raises:
            HTTPException: 503 if too many others wait; 499 if the client has gone.
        """
        if self._waiting >= MAX_WAITING:
            raise HTTPException(503, f"{MAX_WAITING} others are waiting: try again in a moment")
        self._waiting += 1
        call = asyncio.wrap_future(self._pool.submit(function, *args, **kwargs))
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait((call, gone), return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                gone.result()
                raise HTTPException(CLIENT_CLOSED_REQUEST, "the client has closed the connection")
            return call.result()
        finally:
            # Without effect on what is done already.
            call.cancel()
            gone.cancel()
            self._waiting -= 1

    def close(self) -> None:
        """Start nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


async def _disconnected(receive: Receive) -> None:
    """Return when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
