"""Ray: a cluster that is there, or one of our own on this machine, with authentication."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from harness.core.errors import IncompleteRunError, MissingPackageError, UsageError
from harness.workers.fit import Node

if TYPE_CHECKING:
    from types import ModuleType

ANSWERS_WITHIN: Final = 30.0
"""Seconds that a cluster has to answer."""
CONNECTS_WITHIN: Final = 5.0
"""Seconds that its machine has to take a connection."""
_STORE_BYTES: Final = 80 * 2**20
"""Of shared memory for answers on their way; Ray asks for no less."""
_QUIET: Final[dict[str, Any]] = {
    "log_to_driver": False,
    "logging_level": "ERROR",
    "include_dashboard": False,
}
_TRY: Final = """
import sys, ray
try:
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
except BaseException as error:
    print("failed:", type(error).__name__, " ".join(str(error).split()))
    sys.exit(1)
print("works")
"""


@contextmanager
def connected(address: str | None) -> Iterator[ModuleType]:
    """Ray, connected to a cluster, or to one of our own on this machine that ends with it.

    Args:
        address: `host:port` of a cluster that this machine is part of, or `auto`; None for this
            machine alone. A connection that this process has already is used as it is.

    Raises:
        MissingPackageError: Ray is not installed.
        UsageError: no cluster answers there, or it wants another version or a token.
        IncompleteRunError: the cluster's head is lost meanwhile.
    """
    with _environment({} if address else _own_environment()):
        ray = import_ray()
        if ray.is_initialized():
            yield ray
            return
        if address is not None:
            _try(address)
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        else:
            _start(ray)
    try:
        yield ray
    except SystemExit:  # Ray's own end, where the cluster's head is gone; it answers SIGTERM, too
        raise IncompleteRunError(
            "the run was ended: the cluster's head does not answer any more, or by a signal.",
            hint="All answers so far are kept; the same command goes on.",
        ) from None
    finally:
        ray.shutdown()
        _read_environment()


def has_authentication() -> bool:
    """Whether the cluster that is connected asks for a token."""
    raylet: Any = import_module("ray._raylet")
    return bool(raylet.get_authentication_mode() == raylet.AuthenticationMode.TOKEN)


def node_here() -> Node:
    """This machine as far as it is known without Ray, which may find less where it is limited."""
    import torch

    names = os.sysconf_names
    known = "SC_PHYS_PAGES" in names and "SC_PAGE_SIZE" in names
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else sys.maxsize
    return Node("this machine", os.cpu_count() or 1, torch.cuda.device_count(), memory)


def nodes_of(ray: ModuleType) -> list[Node]:
    """The machines of the cluster that are alive."""
    return [
        Node(
            name=node["NodeManagerHostname"],
            cpus=int(node["Resources"].get("CPU", 0)),
            gpus=int(node["Resources"].get("GPU", 0)),
            memory=int(node["Resources"].get("memory", 0)),
        )
        for node in ray.nodes()
        if node["Alive"]
    ]


def import_ray() -> ModuleType:
    """Ray itself.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        import ray
    except ImportError:
        raise MissingPackageError(
            "ray",
            needed_for="evaluating with workers",
            install="pip install 'robustness-harness[ray]'",
        ) from None
    return ray


def _own_environment() -> dict[str, str]:
    """Of a Ray of our own: nobody else can ask it anything, and it tells nobody that it runs."""
    wanted = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token"}
    if os.environ.get("RAY_AUTH_MODE", "token") == "token":
        wanted["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    return {name: value for name, value in wanted.items() if name not in os.environ}


def _read_environment() -> None:
    """Have Ray read how it authenticates anew: it does so when it is first imported."""
    raylet: Any = import_module("ray._raylet")
    raylet.Config.initialize("")
    raylet.AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    """Variables for the processes that are started meanwhile; Ray takes them nowhere else."""
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name in wanted:
            os.environ.pop(name, None)


def _start(ray: ModuleType) -> None:
    _read_environment()
    try:
        ray.init(address="local", object_store_memory=_STORE_BYTES, **_QUIET)
    except Exception as error:
        raise UsageError(f"Ray does not start on this machine: {first_line(error)}") from error


def _try(address: str) -> None:
    """Connect in a process of its own first: one that gets no answer ends the process that asks.

    Raises:
        UsageError: nothing answers in time, or not as a cluster for us.
    """
    if address.startswith("ray://"):
        raise UsageError(
            f"--ray {address} is a client's address, and the run is to be part of the cluster.",
            hint="Type on one of its machines: --ray auto",
        )
    host, _, port = address.rpartition(":")
    if port.isdecimal():
        _knock(host, int(port))
    command = [sys.executable, "-c", _TRY, address]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=ANSWERS_WITHIN, check=False
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"--ray {address}: no Ray answers there within {ANSWERS_WITHIN:.0f} seconds.",
            hint="Type: ray status --address HOST:PORT, with the port that ray start --head named.",
        ) from None
    if done.returncode != 0:
        raise _explain(address, done.stdout.partition("failed: ")[2].strip())


def _knock(host: str, port: int) -> None:
    """Whether anything listens at all.

    Raises:
        UsageError: the system's reason.
    """
    try:
        socket.create_connection((host, port), timeout=CONNECTS_WITHIN).close()
    except (OSError, OverflowError) as error:
        raise _explain(f"{host}:{port}", str(error)) from None


def _explain(address: str, reason: str) -> UsageError:
    """What a failed connection means."""
    where = f"--ray {address}"
    if "Version mismatch" in reason:
        told = reason.partition("Version mismatch: ")[2]
        return UsageError(
            f"{where}: {told}", hint="Install the same versions of Ray and Python everywhere."
        )
    if "uthenticat" in reason or "oken" in reason:
        return UsageError(
            f"{where}: the cluster wants a token, and there is none or another one here.",
            hint="Type first: export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=FILE, with the "
            "cluster's token.",
        )
    if "any running Ray instance" in reason:
        return UsageError(
            f"{where}: no Ray runs on this machine.",
            hint="Type first: ray start --address=HOST:PORT, or --workers N for this machine "
            "alone.",
        )
    return UsageError(
        f"{where}: no Ray answers there ({reason[:300] or 'the connection was given up'}).",
        hint="Type: ray status --address HOST:PORT, with the port that ray start --head named.",
    )


def first_line(error: BaseException) -> str:
    """What an error says first."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
