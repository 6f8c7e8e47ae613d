"""A gate's policy: which metrics may be how bad, at which level and task, against what.

confidence: 0.95        # that no rule fails by chance, over all rules together
min_examples: 100       # below this nothing is judged
strict: false           # whether too little data is not enough to pass
rules:
  - {metric: accuracy, level: clean, min: 0.7}
  - {metric: drop, max: 0.05, margin: 0.01, tier: should}
  - {metric: consistency, level: semantic, task: sentiment, min: 0.8}
  - {metric: accuracy, max_drop: 0.02, per_task: true, overrides: {topic: {max_drop: 0.05}}}
  - {metric: accuracy, no_worse_than: 0.01}
  - {metric: spread, max: 0.1, known: {until: 2030-01-31, because: the new template}}
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from harness.core.errors import nearest_hint
from harness.core.plain_numbers import PlainNumbers
from harness.core.records import Level
from harness.metrics.measures import MEASURES
from harness.tasks.yamlfile import parse_content, read_yaml

Bound = Literal["min", "max", "max_drop", "max_relative_drop", "no_worse_than"]
BOUNDS: Final[tuple[Bound, ...]] = ("min", "max", "max_drop", "max_relative_drop", "no_worse_than")
AGAINST_BASELINE: Final = frozenset({"max_drop", "max_relative_drop", "no_worse_than"})
"""The bounds that need a baseline run."""
Tier = Literal["must", "should"]
"""Whether a rule that is broken fails the gate, or is only said."""

_Tolerance = Annotated[float, Field(ge=0, le=1)]
_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Strict(PlainNumbers):
    # A bound that is not a number is never crossed, and infinity never reached.
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


class Bounds(_Strict):
    """What a metric has to keep to, all as fractions: 0.02 is two points."""

    min: float | None = None
    """The value may not be below this."""
    max: float | None = None
    """The value may not be above this."""
    max_drop: _Tolerance | None = None
    """The value may not be worse than the baseline run's by more than this."""
    max_relative_drop: _Tolerance | None = None
    """The same as a share of the baseline run's value."""
    no_worse_than: Annotated[float, Field(gt=0, le=1)] | None = None
    """It must be shown that the value is not worse than the baseline run's by more than this."""

    def given(self) -> dict[Bound, float]:
        """The bounds that there are, by name."""
        return {one: value for one in BOUNDS if (value := getattr(self, one)) is not None}

    @model_validator(mode="after")
    def _has_a_bound(self) -> Bounds:
        if not self.given():
            raise ValueError(f"a rule needs one of {', '.join(BOUNDS)}")
        return self


class Known(_Strict):
    """A regression that is known, and borne with until a day."""

    until: date
    """The last day, as 2030-01-31."""
    because: _Words
    """Why, for those who read the verdict."""


class Rule(Bounds):
    """One metric and its bounds, all as fractions: 0.02 is two points."""

    metric: str
    """A metric with an interval, such as accuracy, drop, consistency or flip_rate."""
    level: Level | None = None
    """The level it is measured at; default: every perturbed level of the run, one by one."""
    task: str | None = None
    """The task it is measured on; default: the plain mean over the run's tasks."""
    per_task: bool = False
    """Judge each of the run's tasks, not their mean."""
    overrides: dict[str, Bounds] = Field(default_factory=dict)
    """Task -> the bounds that hold for it in place of the rule's own; needs `per_task`."""
    margin: _Tolerance = 0.0
    """Tolerance added to each bound, and the precision that is enough to judge by."""
    tier: Tier = "must"
    """`must` fails the gate where it is broken, `should` only says so."""
    known: Known | None = None
    """Where it is broken and this has not expired, the gate does not fail."""

    @field_validator("metric")
    @classmethod
    def _is_known(cls, metric: str) -> str:
        if metric not in MEASURES:
            near = nearest_hint(metric, MEASURES) or f" Available: {', '.join(MEASURES)}."
            raise ValueError(f"unknown metric {metric!r}.{near} It is given")
        return metric

    @model_validator(mode="after")
    def _speaks_of_tasks_once(self) -> Rule:
        if self.per_task and self.task is not None:
            raise ValueError("per_task judges every task, and task names one: leave one out")
        if self.overrides and not self.per_task:
            raise ValueError("overrides are of single tasks: add per_task: true")
        return self

    def bounds_for(self, task: str | None) -> dict[Bound, float]:
        """The bounds that hold for a task, or for the mean over tasks (None), by name."""
        own = self.overrides.get(task) if task is not None else None
        return own.given() if own is not None else self.given()


class Policy(_Strict):
    """What a run must keep to."""

    rules: tuple[Rule, ...]
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """1 - the chance that any rule fails although all are kept; shared out among the checks."""
    min_examples: Annotated[int, Field(ge=1)] = 1
    """With fewer examples a check is not judged."""
    strict: bool = False
    """Whether a check without enough data keeps the gate from passing too."""

    @field_validator("rules")
    @classmethod
    def _is_not_empty(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        # Not a length constraint: pydantic would count rules that are wrong as absent.
        if not rules:
            raise ValueError("a policy needs one rule at least")
        return rules


def read_policy(path: Path) -> Policy:
    """The policy in a YAML file.

    Raises:
        UsageError: no such file, or a key or value that is not allowed; the message names the line.
    """
    return read_yaml(path, Policy, what="policy")


def parse_policy(content: Mapping[str, object]) -> Policy:
    """The policy in a mapping with the keys of a policy file.

    Raises:
        UsageError: a key or value that is not allowed.
    """
    return parse_content(content, Policy, where="the policy")
