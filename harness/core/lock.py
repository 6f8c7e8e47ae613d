"""One writer a folder: two jobs in one would write over each other's files."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.core.errors import UsageError

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)
"""What file systems that know no locks answer."""


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Make the folder, and keep other processes from writing to it meanwhile.

    The lock is the open folder itself: no file is left, and a killed process holds nothing.
    Where locks are not known (Windows, some network file systems) there is none.

    Raises:
        UsageError: the folder cannot be made, or another process writes to it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}.") from None
    if sys.platform == "win32":
        yield
        return
    import fcntl  # not on Windows

    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}.") from None
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"another process is writing to {folder}.",
                hint="Wait for its end, or give this one a folder of its own with --out.",
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        yield
    finally:
        os.close(opened)
