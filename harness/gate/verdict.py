"""A gate's verdict: the checks, how each was judged, and whether the gate passed.

A check fails only where the whole interval lies beyond its bound and margin: not for bad luck. It
passes where the interval keeps within them, or where the value does and the interval is no wider
than what is tolerated. In between there is not enough data, and the check says how much would do.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Final, Literal

from harness.comparison.differences import Difference
from harness.comparison.lost import LostExample
from harness.comparison.result import plain
from harness.core.errors import ExitCode
from harness.gate.policy import AGAINST_BASELINE, Bound, Tier
from harness.results.jsonfiles import Json
from harness.stats.estimate import Interval
from harness.stats.power import examples_needed

Status = Literal["pass", "fail", "known", "not-enough-data", "missing"]
"""`known`: it fails, as was foreseen, and is borne with until a day."""
Outcome = Literal["passed", "failed", "undecided"]
_EXIT_CODES: Final[dict[Outcome, ExitCode]] = {
    "passed": ExitCode.OK,
    "failed": ExitCode.GATE_FAILED,
    "undecided": ExitCode.INCOMPLETE,
}


@dataclass(frozen=True, slots=True)
class Check:
    """One bound of one rule at one level, and how it was judged."""

    rule: int
    """The rule's place in the policy, from 1."""
    metric: str
    level: str
    task: str | None
    """None: the plain mean over tasks."""
    bound: Bound
    limit: float
    margin: float
    status: Status = "missing"
    message: str = ""
    """One line that says why."""
    value: float | None = None
    """The metric; for a bound against the baseline, by how much it is worse than the baseline's."""
    interval: Interval | None = None
    confidence: float | None = None
    """Of the interval: the policy's, shared out among its checks."""
    examples: int = 0
    examples_needed: int | None = None
    """With how many examples in all it could be judged; None where that is not the question."""
    tier: Tier = "must"

    @property
    def name(self) -> str:
        """Metric, level and task in one line."""
        return " / ".join(part for part in (self.metric, self.level, self.task) if part)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says of a run."""

    candidate: str
    baseline: str | None
    scorer: str
    confidence: float
    strict: bool
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()
    """What a reader must know: what was left out, and levels made of other perturbations."""
    levels: tuple[Difference, ...] = ()
    """Accuracy of baseline and candidate by level, the mean over tasks, on the cells of both."""
    lost: tuple[LostExample, ...] = ()
    """The examples that the candidate loses most on against the baseline."""

    @property
    def outcome(self) -> Outcome:
        """Failed where a check failed or is missing; undecided where data are too few.

        Too few data count where the policy is strict, and where a check wants something shown. A
        check of the tier `should` decides nothing.
        """
        blocking = {check.status for check in self.checks if self.blocks(check)}
        if blocking - {"not-enough-data"}:
            return "failed"
        return "undecided" if blocking else "passed"

    def blocks(self, check: Check) -> bool:
        """Whether a check keeps the gate from passing."""
        if check.tier == "should":
            return False
        if check.status == "not-enough-data":
            return self.strict or check.bound == "no_worse_than"
        return check.status in ("fail", "missing")

    @property
    def passed(self) -> bool:
        """Whether no check failed, none was missing and, if strict, all had enough data."""
        return self.outcome == "passed"

    @property
    def exit_code(self) -> ExitCode:
        """What the gate returns to the shell."""
        return _EXIT_CODES[self.outcome]

    def count(self, status: Status) -> int:
        """How many checks have this status."""
        return sum(check.status == status for check in self.checks)

    def to_dict(self) -> Json:
        """The verdict in plain JSON types, null where a number is undefined."""
        ended = {
            "outcome": self.outcome,
            "passed": self.passed,
            "exit_code": int(self.exit_code),
        }
        return plain({**asdict(self), **ended})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured for a check."""

    value: float
    interval: Interval | None
    confidence: float
    examples: int
    prompt_share: float
    """The share of the variance that further examples cannot reduce."""

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        low, high = self.interval or (0.0, 0.0)
        return (high - low) / 2

    def reach_towards(self, edge: float) -> float:
        """How far the interval reaches from the value to the side on which the edge lies."""
        low, high = self.interval or (self.value, self.value)
        return high - self.value if edge >= self.value else self.value - low


def decide(check: Check, evidence: Evidence, *, min_examples: int) -> Check:
    """The check, judged by what was measured."""
    judged = replace(
        check,
        value=evidence.value,
        interval=evidence.interval,
        confidence=evidence.confidence,
        examples=evidence.examples,
    )
    if evidence.examples < min_examples:
        message = f"{evidence.examples} examples, the policy wants {min_examples}"
        return _undecided(judged, message, min_examples)
    if evidence.interval is None:
        return _undecided(judged, "one example says nothing about others", None)
    position = _position(check, evidence.interval)
    if position == "beyond":
        return replace(judged, status="fail", message=f"{_shown(judged)} is {_beyond(check)}")
    if position == "within" or _is_precise(check, evidence):
        return replace(judged, status="pass", message=f"{_shown(judged)} keeps to {_limit(check)}")
    return _wait(judged, evidence)


def _position(check: Check, interval: Interval) -> Literal["within", "beyond", "across"]:
    """Where the whole interval lies, seen from the bound moved by its margin."""
    edge, (low, high) = _edge(check), interval
    if check.bound == "min":
        low, high, edge = -high, -low, -edge
    if low > edge:
        return "beyond"
    return "within" if high <= edge else "across"


def _edge(check: Check) -> float:
    return check.limit + (-check.margin if check.bound == "min" else check.margin)


def _is_precise(check: Check, evidence: Evidence) -> bool:
    """Whether the value keeps to the bound and a worsening beyond tolerance would have shown.

    Where no worsening at all is tolerated, no data could rule out a tiny one: then it is enough
    that none is shown.
    """
    if check.bound == "no_worse_than":
        return False  # this one is to be shown
    if check.bound in AGAINST_BASELINE and _tolerated(check) == 0:
        return True
    return _keeps(check, evidence.value) and evidence.half_width <= _tolerated(check)


def _keeps(check: Check, value: float) -> bool:
    return value >= _edge(check) if check.bound == "min" else value <= _edge(check)


def _tolerated(check: Check) -> float:
    return check.margin + (check.limit if check.bound in AGAINST_BASELINE else 0.0)


def _wait(check: Check, evidence: Evidence) -> Check:
    edge = _edge(check)
    wanted = abs(evidence.value - edge)
    if _keeps(check, evidence.value):
        wanted = max(wanted, _tolerated(check))
    needed = examples_needed(
        evidence.examples,
        evidence.reach_towards(edge),
        wanted,
        fixed_share=evidence.prompt_share,
    )
    if needed is None:
        tail = "no number of examples would tell, more instructions might"
    else:
        tail = f"about {needed} examples would tell, {evidence.examples} are there"
    return _undecided(check, f"{_shown(check)} is on both sides of {_limit(check)}: {tail}", needed)


def _undecided(check: Check, message: str, needed: int | None) -> Check:
    return replace(check, status="not-enough-data", message=message, examples_needed=needed)


def _shown(check: Check) -> str:
    what = check.metric
    if check.bound in AGAINST_BASELINE:
        relative = "relative " if check.bound == "max_relative_drop" else ""
        what = f"{relative}worsening of {check.metric}"
    low, high = check.interval or (0.0, 0.0)
    return f"{what} {check.value:.3f} [{low:.3f}, {high:.3f}]"


def _beyond(check: Check) -> str:
    return f"wholly {'below' if check.bound == 'min' else 'above'} {_limit(check)}"


def _limit(check: Check) -> str:
    margin = f" (margin {check.margin:g})" if check.margin else ""
    return f"{check.bound} {check.limit:g}{margin}"
