"""The gate that keeps what hardening reached: a policy file, judged by `harness check`."""

from __future__ import annotations

from typing import Final

import yaml

from harness.gate.policy import Policy, parse_policy
from harness.gate.verdict import Verdict
from harness.results.summary import Summary

TOLERANCE: Final = 0.02
"""How much worse than the hardened checkpoint a later one may be: two points."""


def make_policy(summary: Summary) -> Policy:
    """What a later checkpoint must keep to, beside the run of the hardened one as its baseline.

    Clean accuracy may not fall below the lower end of the hardened one's interval, and no level's
    accuracy by more than two points; less agreement between wordings is only said.
    """
    clean = summary.levels["clean"].accuracy
    least = None if clean is None else clean.low
    floor = [{"metric": "accuracy", "level": "clean", "min": round(least, 4)}] if least else []
    rules: list[dict[str, object]] = [
        *floor,
        {"metric": "accuracy", "level": "clean", "max_drop": TOLERANCE},
        {"metric": "accuracy", "max_drop": TOLERANCE},
        {"metric": "consistency", "max_drop": TOLERANCE, "tier": "should"},
    ]
    return parse_policy({"rules": rules})


def say_power(verdict: Verdict) -> str:
    """Whether the policy would notice if what was reached were lost again.

    Args:
        verdict: of the policy on the model before hardening.
    """
    if verdict.outcome == "failed":
        return "The policy fails the model before hardening, as it should."
    unsure = verdict.count("not-enough-data")
    if unsure:
        return (
            f"The policy would not fail the model before hardening: {unsure} of "
            f"{len(verdict.checks)} checks have not enough data. More instructions in the task "
            "file, then more --limit and --cells, would decide."
        )
    return "The policy passes the model before hardening, too: there was nothing to lose."


def write_policy(policy: Policy, *, how: str) -> str:
    """The policy as the text of a YAML file, with the commands that judge by it as its head."""
    head = "".join(f"# {line}\n" for line in how.splitlines())
    content = policy.model_dump(mode="json", exclude_defaults=True)
    return f"{head}{yaml.safe_dump(content, sort_keys=False, width=100)}"
