"""The local page: watch a trained model, or ask about a file of one's own. Needs fastapi and uvicorn."""

from .app import create_app as create_app
from .serve import serve as serve

__all__ = ["create_app", "serve"]
