"""Serves the page on this machine."""

import contextlib
import socket
import threading
import time
import webbrowser

import uvicorn

from ..errors import InputError
from .app import create_app

HOST = "127.0.0.1"


def serve(port: int = 8000, *, browser: bool = True) -> None:
    """Serve the page to this machine until Ctrl-C.

    Args:
        port: 0 takes any that is free.
        browser: open the page.

    Raises:
        InputError: the port cannot be had.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"the port is {port}: give one from 1 to 65535, or 0 for any that is free")
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise InputError(
            f"port {port} cannot be had ({error.strerror}): give another with --port, or --port 0 for any"
        ) from error
    address = f"http://{HOST}:{listening.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(create_app(), log_level="warning", access_log=False))
    print(f"tapehead is at {address} (Ctrl-C ends it)", flush=True)
    if browser:
        threading.Thread(target=_open, args=(server, address), daemon=True).start()
    # uvicorn raises the Ctrl-C again that it has already obeyed.
    with listening, contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


def _open(server: uvicorn.Server, address: str) -> None:
    while not server.started:
        time.sleep(0.05)
    webbrowser.open(address)
