"""The page and its calls. An error that the user can mend has a sentence and a status of 400 to 499."""

import base64
import contextlib
import json
import mimetypes
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from .. import __version__, knowledge
from ..errors import TapeheadError
from ..viz.player_page import Recording, SearchRecording, pack, record_answer, record_episode
from ..viz.player_page.html import STATIC as PLAYER_STATIC
from .guard import DOCS_PATH, STATIC, Guard
from .library import Library
from .workers import Workers

SITE = Path(__file__).parents[3] / "site"
"""The built documentation, which a checkout may have."""
MAX_QUESTION = 500
MAX_NAME = 200


class Words(JSONResponse):
    """JSON in ASCII: a lone surrogate in somebody's question would not survive UTF-8."""

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return json.dumps(content, allow_nan=False).encode("ascii")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TraceRequest(_Body):
    """Which model is to do its task."""

    model: str = Field(max_length=MAX_NAME)
    length: int | None = Field(None, ge=1, le=500)
    seed: int = Field(0, ge=0, le=2**53)


class AskRequest(_Body):
    """A question in words."""

    data: str = Field(max_length=MAX_NAME, description="what POST /api/data called it, or an example")
    question: str = Field(min_length=1, max_length=MAX_QUESTION)
    model: str | None = Field(None, max_length=MAX_NAME)


def create_app() -> FastAPI:
    """The page as an ASGI application; it answers requests to 127.0.0.1 and localhost only."""
    workers = Workers()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        workers.close()

    # The ready-made documentation pages of FastAPI load scripts from the network.
    app = FastAPI(
        title="tapehead",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        default_response_class=Words,
    )
    app.add_middleware(Guard)
    _add_error_handlers(app)
    _add_calls(app, workers, Library())

    @app.get("/", include_in_schema=False)
    async def index() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    # Browsers run modules only of this type, and a system's own table of types may say otherwise.
    mimetypes.add_type("text/javascript", ".js")
    app.mount("/static", StaticFiles(directory=STATIC))
    app.mount("/player", StaticFiles(directory=PLAYER_STATIC))
    if _has_docs():
        app.mount(DOCS_PATH, StaticFiles(directory=SITE))
    return app


def _has_docs() -> bool:
    return (SITE / "objects.inv").is_file()  # that it is a documentation site, and nobody else's folder


def _add_calls(app: FastAPI, workers: Workers, library: Library) -> None:
    @app.get("/api/models")
    async def models() -> dict[str, Any]:
        """The models to watch, the examples to ask about, where the documentation is (None: not built)."""
        docs = f"{DOCS_PATH}/index.html" if _has_docs() else None
        return {"models": library.watchable(), "examples": library.examples(), "docs": docs}

    @app.post("/api/trace")
    async def trace(body: TraceRequest, request: Request) -> dict[str, Any]:
        """Let a model do its task."""
        return await workers.run(request.receive, _performed, library, body)

    @app.post(
        "/api/data",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def data(
        request: Request, filename: Annotated[str, Query(min_length=1, max_length=MAX_NAME)]
    ) -> dict[str, Any]:
        """Take a family tree or a map into memory; it is never written to disk."""
        content = await request.body()
        return await workers.run(request.receive, library.take, content, filename)

    @app.post("/api/examples/{name}")
    async def example(name: str, request: Request) -> dict[str, Any]:
        """What is in an example, as for one's own data."""
        return await workers.run(request.receive, library.describe, name)

    @app.post("/api/ask")
    async def ask(body: AskRequest, request: Request) -> dict[str, Any]:
        """Ask the network, and the exact solver beside it."""
        return await workers.run(request.receive, _answered, library, body)


def _performed(library: Library, request: TraceRequest) -> dict[str, Any]:
    machine = library.machine(request.model)
    recording = record_episode(request.model, length=request.length, seed=request.seed, machine=machine)
    return {"title": recording.title, "about": recording.subtitle, "recording": _bytes(recording)}


def _answered(library: Library, request: AskRequest) -> dict[str, Any]:
    graph = library.graph(request.data)
    if request.model is not None:
        library.check_name(request.model)
    question = knowledge.parse(request.question, graph)
    asked = knowledge.needs_network(question)
    machine = None
    if asked or request.model is not None:
        model = str(knowledge.model_for(question, request.model))
        machine = library.machine(model) if asked else None
    answer = knowledge.ask_parsed(graph, question, machine, words=request.question)
    recording = None if answer.network is None else _bytes(record_answer(graph, answer))
    return {**answer.to_dict(), "lines": answer.lines, "recording": recording}


def _bytes(recording: Recording | SearchRecording) -> str:
    return base64.b64encode(pack(recording)).decode()


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(TapeheadError)
    async def mend(_: Request, error: TapeheadError) -> Words:
        return Words({"error": str(error)}, status_code=400)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Words:
        words = f"there is nothing at {request.url.path}" if error.status_code == 404 else str(error.detail)
        return Words({"error": words}, status_code=error.status_code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Words:
        return Words({"error": "; ".join(_sentence(part) for part in error.errors()[:3])}, status_code=422)

    @app.exception_handler(ModuleNotFoundError)
    async def missing(_: Request, error: ModuleNotFoundError) -> Words:
        words = (
            f'{error.name or "a package"} is not installed, and this needs it: pip install "tapehead[all]"'
        )
        return Words({"error": words}, status_code=400)

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> Words:
        words = f"something inside tapehead broke ({type(error).__name__}); the terminal says where"
        return Words({"error": words}, status_code=500)


def _sentence(part: dict[str, Any]) -> str:
    where = ".".join(str(step) for step in part["loc"] if step not in ("body", "query"))
    message = part["msg"][:200]
    return f"{where[:80]}: {message}" if where else message
