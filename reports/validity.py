"""Whether the variants can be trusted: how many, how far from the original, a few to read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.core.records import LeftOut, Validity, Variant, in_level_order
from harness.results.summary import PerturbationValidity, Summary
from reports.diff import Mark, word_marks
from reports.left_out import reason_of


@dataclass(frozen=True, slots=True)
class AuditSample:
    """One variant to read: does it still ask for the same?"""

    task: str
    instruction_id: str
    marks: tuple[Mark, ...]
    validity: Validity | None


@dataclass(frozen=True, slots=True)
class ValidityRow:
    """What one perturbation made over all tasks, and a few of its variants."""

    perturbation: str
    level: str
    stats: PerturbationValidity
    unparsed_rate: float | None
    samples: tuple[AuditSample, ...]
    left_out: str = ""
    """Why it made none, or none for some tasks, where it could not be applied."""


def build_validity(
    summary: Summary,
    variants: Sequence[Variant],
    left_out: Iterable[LeftOut] = (),
    samples_each: int = 3,
) -> tuple[ValidityRow, ...]:
    """One row per perturbation, those that were left out too, by level and as they come."""
    lost = {one.name: one for one in left_out}
    rows = [
        replace(row, left_out=reason_of(lost[row.perturbation]))
        if row.perturbation in lost
        else row
        for row in (_row(name, summary, variants, samples_each) for name in summary.validity)
    ]
    rows += [_left_out_row(one) for name, one in lost.items() if name not in summary.validity]
    order = in_level_order(list(dict.fromkeys(row.level for row in rows)))
    return tuple(sorted(rows, key=lambda row: order.index(row.level)))


def _row(
    name: str, summary: Summary, variants: Sequence[Variant], samples_each: int
) -> ValidityRow:
    validity, stats = summary.validity[name], summary.perturbations.get(name)
    unparsed = stats.unparsed_rate if stats else None
    own = [variant for variant in variants if variant.perturbation == name]
    return ValidityRow(
        perturbation=name,
        # A perturbation that made nothing at all has no variant to tell its level.
        level=validity.level or "none made",
        stats=validity,
        unparsed_rate=unparsed.value if unparsed else None,
        samples=_audit(own, samples_each),
    )


def _left_out_row(one: LeftOut) -> ValidityRow:
    nothing = PerturbationValidity(one.level, 0, 0, 0, 0, 0, None, None, None)
    return ValidityRow(one.name, one.level, nothing, None, (), reason_of(one))


def _audit(variants: Sequence[Variant], wanted: int) -> tuple[AuditSample, ...]:
    """Up to `wanted` variants, spread evenly over the tasks and instructions."""
    step = max(1, len(variants) // wanted)
    return tuple(
        AuditSample(
            task=variant.task,
            instruction_id=variant.instruction_id,
            marks=word_marks(variant.original, variant.text),
            validity=variant.validity,
        )
        for variant in variants[::step][:wanted]
    )
