"""The local page: watch a trained model, or ask about a file of one's own. Needs fastapi and uvicorn."""

from ._app import create_app as create_app
from ._serve import serve as serve

__all__ = ["create_app", "serve"]
