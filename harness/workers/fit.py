"""How many workers fit the machines that there are, and what each has of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Node:
    """What a machine has for workers."""

    name: str
    cpus: int
    gpus: int
    memory: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Share:
    """What each worker has."""

    cpus: int
    """Its threads."""
    gpus: int
    memory: int
    """Bytes that its model needs beside a GPU's; 0 where it lies on one."""

    def count(self, node: Node) -> int:
        """How many workers of this share a machine holds."""
        limits = [
            there // each
            for there, each in ((node.cpus, self.cpus), (node.gpus, self.gpus),
                                (node.memory, self.memory))
            if each
        ]  # fmt: skip
        return min(limits)

    def count_all(self, nodes: Sequence[Node]) -> int:
        """How many of them all machines hold."""
        return sum(map(self.count, nodes))


def fit(nodes: Sequence[Node], workers: int | None, *, memory: int, on_gpu: bool) -> Share:
    """The share of each worker: a GPU, or as many cores as so many workers leave.

    Args:
        nodes: The machines, one at least.
        workers: How many there are to be; None for one per GPU, or per machine without one, where
            the smallest machine decides how many cores a worker has.
        memory: Bytes that a model on a CPU needs.
        on_gpu: Whether workers have a GPU each.

    Raises:
        UsageError: they do not fit.
    """
    if on_gpu:
        share = Share(0, 1, 0)
        there = share.count_all(nodes)
        if (workers or 1) > there:
            raise _too_many(workers or 1, there, f"{_count(there, 'GPU')} of {_where(nodes)}")
        return share
    most = max(node.cpus for node in nodes)
    if workers is None:
        share = Share(max(min(node.cpus for node in nodes), 1), 0, memory)
        wanted = 1
    else:
        shares = (Share(cpus, 0, memory) for cpus in range(most, 1, -1))
        wanted = workers
        share = next((one for one in shares if one.count_all(nodes) >= wanted), Share(1, 0, memory))
    if share.count_all(nodes) < wanted:
        raise _do_not_fit(nodes, wanted, memory)
    return share


def _do_not_fit(nodes: Sequence[Node], wanted: int, memory: int) -> UsageError:
    by_cores = Share(1, 0, 0).count_all(nodes)
    if by_cores < wanted:
        return _too_many(wanted, by_cores, f"{_count(by_cores, 'core')} of {_where(nodes)}")
    largest = sum(node.memory for node in nodes)
    return _too_many(
        wanted,
        Share(1, 0, memory).count_all(nodes),
        f"{_gigabytes(largest)} of memory of {_where(nodes)}, at {_gigabytes(memory)} each",
    )


def _too_many(wanted: int, there: int, what: str) -> UsageError:
    verb = "does" if wanted == 1 else "do"
    hint = f"Type: --workers {there}" if there else "Type a smaller --dtype, or use other machines."
    return UsageError(f"{_count(wanted, 'worker')} {verb} not fit the {what}.", hint=hint)


def _where(nodes: Sequence[Node]) -> str:
    return nodes[0].name if len(nodes) == 1 else f"{len(nodes)} nodes"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
