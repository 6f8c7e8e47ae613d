"""Rows: the tokens that one or several requests need, each token once, as a flattened tree.

A request's labels share its context, and contexts may share a beginning. A row holds the union of
such paths in depth-first order, so that the descendants of node `n` are exactly the nodes
`n+1 … ends[n]-1`; a query at node `q` may look at node `k` where `k <= q < ends[k]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.core.records import Request

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """Which (node, next token) log-probabilities add up to one label's score."""

    request: int
    label: str
    steps: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens that follow a prefix, what is read from them, and how they branch."""

    tokens: tuple[int, ...]
    reads: tuple[Read, ...]
    depths: tuple[int, ...] | None = None
    """Distance of each node from the prefix's end; None for a chain, where it is the index."""
    ends: tuple[int, ...] | None = None
    """One past the last descendant of each node; None for a chain."""


def build_row(members: Sequence[int], requests: Sequence[Request], prefix: int) -> Row:
    """The row of the requests `members`, whose contexts share their first `prefix` tokens."""
    paths = sorted(_label_paths(members, requests, prefix))
    tokens: list[int] = []
    depths: list[int] = []
    ends: list[int] = []
    reads: list[Read] = []
    branch: list[int] = []  # nodes of the current path, by depth
    before: Tokens = ()
    for path, start, request, label, continuation in paths:
        shared = common_length(before, path)
        for node in branch[shared:]:
            ends[node] = len(tokens)
        del branch[shared:]
        for token in path[shared:]:
            branch.append(len(tokens))
            depths.append(len(branch) - 1)
            tokens.append(token)
            ends.append(0)
        nodes = branch[start : start + len(continuation)]
        reads.append(Read(request, label, tuple(zip(nodes, continuation, strict=True))))
        before = path
    for node in branch:
        ends[node] = len(tokens)
    if len(branch) == len(tokens):
        return Row(tuple(tokens), tuple(reads))
    return Row(tuple(tokens), tuple(reads), tuple(depths), tuple(ends))


def common_length(left: Sequence[int], right: Sequence[int]) -> int:
    """How many leading tokens the two have in common."""
    limit = min(len(left), len(right))
    if left[:limit] == right[:limit]:
        return limit
    low, high = 0, limit  # left[:low] == right[:low], and they differ before `high`
    while high - low > 1:
        middle = (low + high) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _label_paths(
    members: Sequence[int], requests: Sequence[Request], prefix: int
) -> Iterable[tuple[Tokens, int, int, str, Tokens]]:
    """(tokens fed, index of the context's last one, request, label, continuation) of each label.

    A continuation's last token is only ever predicted, never fed.
    """
    for member in members:
        own = requests[member].context[prefix:]
        for label, continuation in requests[member].continuations.items():
            yield own + continuation[:-1], len(own) - 1, member, label, continuation


def build_chains(requests: Sequence[Request]) -> list[Row]:
    """Rows without branches that between them hold every request's labels, each path once.

    A path that another one begins with is read from that one's row.
    """
    paths = sorted(_label_paths(range(len(requests)), requests, 0))
    rows: list[Row] = []
    reads: list[Read] = []
    for index, (path, start, request, label, continuation) in enumerate(paths):
        steps = tuple(enumerate(continuation, start=start))
        reads.append(Read(request, label, steps))
        after = paths[index + 1][0] if index + 1 < len(paths) else ()
        if after[: len(path)] != path:
            rows.append(Row(path, tuple(reads)))
            reads = []
    return rows
