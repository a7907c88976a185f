"""Refuses requests of other pages than our own, and bodies that are too large."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = Path(__file__).parent / "static"
OURS = ("127.0.0.1", "localhost")
UPLOAD_PATH = "/api/data"
MAX_UPLOAD = 64 << 20
MAX_BODY = 64 << 10
HEADERS = {
    # Nothing on the page may come from anywhere else.
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Guard:
    """ASGI middleware.

    A page on the internet could otherwise reach us through the visitor's browser: by its own name that it
    lets point to 127.0.0.1 (the Host header tells), or by sending a form (the Origin header tells).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        max_bytes = MAX_UPLOAD if scope["path"] == UPLOAD_PATH else MAX_BODY
        too_large = f"that is more than {_size(max_bytes)}, the most that is taken here"
        origin = headers.get("origin")
        if _host(f"//{headers.get('host', '')}") not in OURS:
            await _refuse(
                send, 400, "open this page as http://127.0.0.1, with the port that the terminal told"
            )
            return
        if origin is not None and _host(origin) not in OURS:
            await _refuse(send, 403, "this page answers only itself, not other pages")
            return
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length[:18]) > max_bytes:
            await _refuse(send, 413, too_large)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > max_bytes:
                raise HTTPException(413, too_large)
            return message

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, counted, protected)


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


async def _refuse(send: Send, status: int, words: str) -> None:
    body = json.dumps({"error": words}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _size(count: int) -> str:
    return f"{count >> 20} MB" if count >= 1 << 20 else f"{count >> 10} kB"
