"""A gate's policy: which metrics may be how bad, at which level and task, against what.

confidence: 0.95        # that no rule fails by chance, over all rules together
min_examples: 100       # below this nothing is judged
strict: false           # whether too little data is not enough to pass
rules:
  - {metric: accuracy, level: clean, min: 0.7}
  - {metric: drop, max: 0.05, margin: 0.01}
  - {metric: consistency, level: semantic, task: sentiment, min: 0.8}
  - {metric: accuracy, max_drop: 0.02}
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from harness.core.errors import nearest_hint
from harness.core.records import Level
from harness.metrics.measures import MEASURES
from harness.tasks.yamlfile import parse_content, read_yaml

Bound = Literal["min", "max", "max_drop"]
BOUNDS: Final[tuple[Bound, ...]] = ("min", "max", "max_drop")

_Tolerance = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    # A bound that is not a number is never crossed, and infinity never reached.
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


class Rule(_Strict):
    """One metric and its bounds, all as fractions: 0.02 is two points."""

    metric: str
    """A metric with an interval, such as accuracy, drop, consistency or flip_rate."""
    level: Level | None = None
    """The level it is measured at; default: every perturbed level of the run, one by one."""
    task: str | None = None
    """The task it is measured on; default: the plain mean over the run's tasks."""
    min: float | None = None
    """The value may not be below this."""
    max: float | None = None
    """The value may not be above this."""
    max_drop: _Tolerance | None = None
    """The value may not be worse than the baseline run's by more than this."""
    margin: _Tolerance = 0.0
    """Tolerance added to each bound, and the precision that is enough to judge by."""

    @field_validator("metric")
    @classmethod
    def _is_known(cls, metric: str) -> str:
        if metric not in MEASURES:
            near = nearest_hint(metric, MEASURES) or f" Available: {', '.join(MEASURES)}."
            raise ValueError(f"unknown metric {metric!r}.{near} It is given")
        return metric

    @model_validator(mode="after")
    def _has_a_bound(self) -> Rule:
        if all(getattr(self, bound) is None for bound in BOUNDS):
            raise ValueError(f"a rule needs one of {', '.join(BOUNDS)}")
        return self

    def bound(self, name: Bound) -> float | None:
        """One of the rule's bounds."""
        return {"min": self.min, "max": self.max, "max_drop": self.max_drop}[name]


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
