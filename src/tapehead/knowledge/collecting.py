"""When Python looks for cycles of objects that nobody needs any more."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without the search for cycles of objects, for whoever makes a million of them and not one cycle.

    It takes a third of the time of reading 100,000 people, and half that of laying out their ties.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
