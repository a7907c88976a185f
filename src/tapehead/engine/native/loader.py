"""The compiled library: loaded when it is first asked for, and its functions called."""

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from . import build
from .build import EngineError

_library: ctypes.CDLL | None = None
_failure: str | None = None


def why_unavailable() -> str | None:
    """None when the engine is built and loaded (the first call builds it), else the reason.

    A build that failed is not tried again until :func:`retry`.
    """
    global _library, _failure
    if _library is None and _failure is None:
        try:
            _library = build.load()
        except EngineError as error:
            _failure = str(error)
    return _failure


def retry() -> str | None:
    """Build the engine again where that failed before; what :func:`why_unavailable` then says."""
    global _failure
    _failure = None
    return why_unavailable()


def call_library(name: str, *arguments: Any) -> None:
    """Call a function of the C interface (csrc/api.cpp).

    Raises:
        EngineError: there is no library, or the function returns another code than 0.
    """
    check_code(name, function_of(name)(*arguments))


def function_of(name: str) -> Callable[..., int]:
    """A function of the C interface, which returns a code.

    Raises:
        EngineError: there is no library.
    """
    reason = why_unavailable()
    if _library is None:
        raise EngineError(f"the native engine is not available: {reason}")
    return getattr(_library, f"tapehead_{name}")


def check_code(name: str, code: int) -> None:
    """Raise an EngineError if a function of that name has returned another code than 0."""
    if code and _library is not None:
        sentence = _library.tapehead_sentence(code).decode()
        raise EngineError(f"the native engine could not do {name} (code {code}): {sentence}")


def addresses(tensors: Sequence[Tensor | int | None]) -> ctypes.Array[ctypes.c_void_p]:
    """An array of where tensors lie, as C++ takes it; whole numbers are addresses, None is null."""
    found = [tensor.data_ptr() if isinstance(tensor, Tensor) else tensor for tensor in tensors]
    return _pointers(len(found))(*found)


@functools.lru_cache(maxsize=256)
def _pointers(count: int) -> type[ctypes.Array[ctypes.c_void_p]]:
    """The type of an array of so many: where nobody holds it, ctypes makes it anew, which is slow."""
    return ctypes.c_void_p * count
