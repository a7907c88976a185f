"""Checks before every request: it comes from a page of this machine, and its body is not too large."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = Path(__file__).parent / "static"
LOCAL_HOSTS = ("127.0.0.1", "localhost")
UPLOAD_PATH = "/api/data"
MAX_UPLOAD = 64 << 20
MAX_BODY = 64 << 10
HEADERS = {
    # The page loads scripts, styles and data from this server only.
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


DOCS_PATH = "/docs"
DOCS_POLICY = "default-src 'self' 'unsafe-inline' data: blob:; frame-ancestors 'self'"
"""The documentation is a static folder of our own: its pages have scripts in them, and frames."""


class Guard:
    """ASGI middleware that refuses requests of other pages and large bodies.

    A page on the internet could otherwise reach this server through the user's browser: by letting its own
    name point to 127.0.0.1 (seen in the Host header), or by sending a form (seen in the Origin header).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        max_size = MAX_UPLOAD if scope["path"] == UPLOAD_PATH else MAX_BODY
        too_large = f"the request is larger than {_size(max_size)}, the most that is accepted here"
        origin = headers.get("origin")
        if _host(f"//{headers.get('host', '')}") not in LOCAL_HOSTS:
            await _refuse(
                send, 400, "open this page as http://127.0.0.1, with the port that the terminal shows"
            )
            return
        if origin is not None and _host(origin) not in LOCAL_HOSTS:
            await _refuse(send, 403, "this server answers only its own page, not other pages")
            return
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length[:18]) > max_size:
            await _refuse(send, 413, too_large)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_size:
                raise HTTPException(413, too_large)
            return message

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
                if scope["path"].startswith(f"{DOCS_PATH}/"):
                    MutableHeaders(scope=message)["Content-Security-Policy"] = DOCS_POLICY
            await send(message)

        await self.app(scope, counted, protected)


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


async def _refuse(send: Send, status: int, message: str) -> None:
    body = json.dumps({"error": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _size(count: int) -> str:
    return f"{count >> 20} MB" if count >= 1 << 20 else f"{count >> 10} kB"
