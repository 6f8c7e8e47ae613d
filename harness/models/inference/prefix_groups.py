"""Groups: requests that share a prefix worth computing once, each with its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from harness.core.records import Request
from harness.models.inference.packing import Placed
from harness.models.inference.token_tree import Read, Row, Tokens, build_row, common_length

PREFIX_OVERHEAD = 16
"""What a prefix of its own costs beside its tokens (a smaller forward), in tokens."""
ROOT_SAVES = 256
"""What a root of all prefixes must save, in tokens: it is one more forward, after which theirs are
the shorter."""
BUNDLE_SHARED = 8
"""Contexts that share this many tokens after the prefix are put in one row."""
BUNDLE_LENGTH = 256
"""A row of several contexts grows no longer than this: attention in a row is quadratic."""


@dataclass(frozen=True, slots=True)
class Group:
    """A prefix, possibly empty, and the rows that follow it."""

    prefix: Tokens
    rows: tuple[Row, ...]


def group_requests(requests: Sequence[Request]) -> list[Group]:
    """The requests as groups that compute few tokens in all.

    Requests with the same context end up in one row and are computed once. No prefix reaches the
    last token of a context, so that every score is read from a row. Requests without labels are
    left out.
    """
    asked = [i for i, request in enumerate(requests) if request.continuations]
    order = sorted(asked, key=lambda i: requests[i].context)
    return [
        Group(
            prefix, tuple(build_row(b, requests, len(prefix)) for b in _bundle(m, requests, prefix))
        )
        for prefix, m in _share_prefixes(order, [request.context for request in requests])
    ]


def group_contexts(contexts: Sequence[Tokens]) -> list[Group]:
    """Contexts that will be gone on from, a row each; its only read names the context."""
    order = sorted(range(len(contexts)), key=lambda i: contexts[i])
    return [
        Group(prefix, tuple(Row(contexts[i][len(prefix) :], (Read(i, "", ()),)) for i in members))
        for prefix, members in _share_prefixes(order, contexts)
    ]


def shared_root(prefixes: Sequence[Tokens]) -> Tokens:
    """What all prefixes begin with and go on after; nothing where that would save little."""
    if len(prefixes) < 2:
        return ()
    first, last = min(prefixes), max(prefixes)
    length = min(common_length(first, last), *(len(prefix) - 1 for prefix in prefixes))
    return first[:length] if (len(prefixes) - 1) * length >= ROOT_SAVES else ()


def fill_waves(groups: Sequence[Group], budget: int) -> Iterator[list[Group]]:
    """Groups whose rows are batched together: small ones fill a budget of tokens jointly.

    Neighbours have prefixes of like length, as those are padded to the longest.
    """
    wave: list[Group] = []
    tokens = 0
    for group in sorted(groups, key=lambda group: len(group.prefix)):
        if wave and (tokens >= budget or not wave[-1].prefix):
            yield wave
            wave, tokens = [], 0
        wave.append(group)
        tokens += len(group.prefix) + sum(len(row.tokens) for row in group.rows)
    if wave:
        yield wave


def place_rows(wave: Sequence[Group]) -> list[Placed]:
    """The rows of a wave, each with the prefix that it follows."""
    return [
        Placed(row, index, len(group.prefix))
        for index, group in enumerate(wave)
        for row in group.rows
    ]


def _share_prefixes(
    order: Sequence[int], contexts: Sequence[Tokens]
) -> list[tuple[Tokens, list[int]]]:
    """(prefix, members) of the contexts in the order given, in which they are sorted."""
    members: dict[Tokens, list[int]] = {}
    for start, end, length in _choose_prefixes([contexts[i] for i in order]):
        prefix = contexts[order[start]][:length]
        members.setdefault(prefix, []).extend(order[start:end])
    return list(members.items())


@dataclass(slots=True)
class _Interval:
    """Neighbouring contexts `start:end` that share their first `depth` tokens."""

    depth: int
    start: int
    saved: int = 0
    """Tokens that the best choice inside the interval saves."""
    cuts: list[tuple[int, int, int]] = field(default_factory=list)
    """That choice: (start, end, prefix length)."""

    def add(self, child: _Interval) -> None:
        self.saved += child.saved
        self.cuts += child.cuts

    def close(self, end: int) -> None:
        """Prefer one prefix for the whole interval where that saves more than its parts."""
        whole = (end - self.start - 1) * self.depth - PREFIX_OVERHEAD
        if whole > self.saved:
            self.saved, self.cuts = whole, [(self.start, end, self.depth)]


def _choose_prefixes(contexts: Sequence[Tokens]) -> list[tuple[int, int, int]]:
    """Cuts sorted contexts into (start, end, prefix length) so that most tokens are saved.

    The intervals of contexts that share a beginning form a tree. It is walked from the bottom up
    (as LCP intervals of a suffix array are), each interval kept whole or as its children.
    """
    if not contexts:
        return []
    open_intervals = [_Interval(0, 0)]
    for index in range(1, len(contexts) + 1):
        shared = _shared(contexts[index - 1], contexts[index]) if index < len(contexts) else 0
        start, last = index - 1, None
        while open_intervals[-1].depth > shared:
            last = open_intervals.pop()
            last.close(index)
            start = last.start
            if shared <= open_intervals[-1].depth:
                open_intervals[-1].add(last)
                last = None
        if shared > open_intervals[-1].depth:
            open_intervals.append(_Interval(shared, start))
            if last is not None:
                open_intervals[-1].add(last)
    return list(_fill_gaps(open_intervals[0].cuts, len(contexts)))


def _shared(left: Tokens, right: Tokens) -> int:
    return max(0, min(common_length(left, right), len(left) - 1, len(right) - 1))


def _fill_gaps(cuts: list[tuple[int, int, int]], total: int) -> Iterator[tuple[int, int, int]]:
    """The cuts, in order, and between them what shares no prefix worth computing."""
    at = 0
    for start, end, length in cuts:
        if at < start:
            yield at, start, 0
        yield start, end, length
        at = end
    if at < total:
        yield at, total, 0


def _bundle(
    members: Sequence[int], requests: Sequence[Request], prefix: Tokens
) -> Iterator[list[int]]:
    """Splits members, sorted by context, into those that are put in one row each."""
    bundle: list[int] = []
    length = 0
    for member in members:
        context = requests[member].context
        own = len(context) - len(prefix)
        if bundle:
            before = requests[bundle[-1]].context
            shared = common_length(before, context) - len(prefix)
            same = before == context
            if same or (shared >= BUNDLE_SHARED and length + own - shared <= BUNDLE_LENGTH):
                bundle.append(member)
                length += own - shared
                continue
            yield bundle
        bundle, length = [member], own
    if bundle:
        yield bundle
