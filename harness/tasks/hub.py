"""What is asked of the hub, and whether it can be reached: its own clients try half a minute."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Final
from unittest.mock import patch
from urllib.parse import urlsplit

from harness.core.errors import UsageError

SECONDS: Final = 3.0
_PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@contextmanager
def reach_hub() -> Iterator[None]:
    """Leaves the hub's clients as they are, or offline for the while where the hub is not there.

    Offline, they read what they have cached and fail at once where they have nothing.
    """
    import datasets
    from huggingface_hub import constants

    endpoint = urlsplit(constants.ENDPOINT)
    with ExitStack() as changes:
        if not _reachable(endpoint.hostname or "", endpoint.port or 443):
            for module in (datasets.config, constants):
                changes.enter_context(patch.object(module, "HF_HUB_OFFLINE", True))
        yield


def _reachable(host: str, port: int) -> bool:
    """Whether a connection opens in time. Behind a proxy that is the proxy's to say."""
    if any(os.environ.get(name) for name in _PROXIES):
        return True
    opened = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=SECONDS).close()
        except OSError:
            return
        opened.set()

    # Looking up a name has no time limit of its own, so it is waited for from outside.
    attempt = threading.Thread(target=connect, daemon=True)
    attempt.start()
    attempt.join(SECONDS)
    return opened.is_set()


def check_hub_name(name: str) -> None:
    """Refuse what `datasets` would not look for on the hub: it reads folders and formats instead.

    A format without files makes it look through all of the working directory.

    Raises:
        UsageError: a file format, or a path on this machine.
    """
    if name.isidentifier() and find_spec(f"datasets.packaged_modules.{name}"):
        raise UsageError(
            f"hub: {name} is a file format, not a data set of the hub.",
            hint="Name the rows by file: or data:.",
        )
    if os.path.exists(name):  # noqa: PTH110 (Path.exists fails on an overlong name)
        raise UsageError(
            f"hub: {name} is a path on this machine, not a data set of the hub.",
            hint="Name its rows by file: or data:, or type the command in another folder.",
        )
