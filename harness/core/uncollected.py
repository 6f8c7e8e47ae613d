"""Python's collector of cycles, put aside while many objects are made that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """A block in which no cycles are looked for.

    The collector wakes whenever enough objects were made, and looks through those that it knows:
    where hundreds of thousands are made and none of them is garbage, that is much of the time.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
