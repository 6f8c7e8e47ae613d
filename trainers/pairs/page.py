"""A page to look at before training: what is in a pairs file, what was dropped, and samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from statistics import median

from harness.core.records import stable_hash
from trainers.pairs.build import PairSet
from trainers.pairs.filters import REASONS
from trainers.pairs.record import Pair
from trainers.sampler import count_hard_negatives

_SHOWN_TARGETS = 6


def render_page(built: PairSet, *, title: str, seed: int, samples: int = 12) -> str:
    """The page, in Markdown."""
    hard = count_hard_negatives(built.pairs)
    lines = [
        f"# {title}",
        "",
        f"{len(built.pairs):,} pairs of {built.candidates:,} candidates; {hard:,} of them have a "
        "hard negative (same instruction, different input and target).",
        "",
        "## Dropped",
        "",
        *drop_table(built),
        "",
        "## By task",
        "",
        *_task_table(built.pairs),
        "",
        "## Samples",
        "",
        *_samples(built.pairs, samples, seed),
    ]
    return "\n".join(lines) + "\n"


def drop_rows(built: PairSet) -> list[tuple[str, int, str]]:
    """(reason, number, meaning) of each reason that dropped something."""
    return [(reason, n, REASONS[reason]) for reason, n in built.drops.by_reason().items()]


def drop_table(built: PairSet) -> Iterator[str]:
    """The drops as a Markdown table; a leak check that found nothing is said."""
    rows = drop_rows(built)
    if not rows:
        yield "Nothing."
    else:
        yield from _table(("reason", "number", "what it means"), rows)
    if not built.held:
        yield "\nNo file was excluded: evaluation rows may be among the pairs."


def _task_table(pairs: Sequence[Pair]) -> Iterator[str]:
    by_task: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_task.setdefault(pair.task or "-", []).append(pair)
    rows = [
        (
            task,
            len(members),
            len({pair.instruction_id for pair in members}),
            int(median(_words(pair) for pair in members)),
            ", ".join(f"{k} {n}" for k, n in Counter(p.level for p in members).most_common()),
            _targets(members),
        )
        for task, members in sorted(by_task.items())
    ]
    return _table(("task", "pairs", "instructions", "median words", "levels", "targets"), rows)


def _targets(pairs: Sequence[Pair]) -> str:
    counts = Counter(pair.target for pair in pairs)
    if len(counts) > _SHOWN_TARGETS:
        return f"{len(counts):,} different"
    return ", ".join(f"{target} {n}" for target, n in counts.most_common())


def _samples(pairs: Sequence[Pair], number: int, seed: int) -> Iterator[str]:
    rng = Random(stable_hash(seed, "samples"))
    for pair in rng.sample(pairs, min(number, len(pairs))):
        yield f"### {pair.task or 'pair'} · {pair.level} · {pair.perturbation}"
        yield ""
        for name in ("original", "paraphrase", "input", "target"):
            text = getattr(pair, name)
            if text:
                yield f"{name}:"
                yield ""
                # An indented block shows the text as it is, whatever it contains.
                yield from (f"    {line}" for line in text.split("\n"))
                yield ""


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield "| " + " | ".join(header) + " |"
    yield "|" + " --- |" * len(header)
    for row in rows:
        cells = (str(cell).replace("|", "\\|").replace("\n", " ") for cell in row)
        yield "| " + " | ".join(cells) + " |"


def _words(pair: Pair) -> int:
    texts = (pair.original, pair.paraphrase, pair.input, pair.input)
    return sum(len(text.split()) for text in texts) // 2
