"""What a run answered to cells: right or wrong, and how sure it was of the right label."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from harness.core.records import RIGHT_FROM
from harness.explanation.store import Key
from harness.explanation.values import log_odds
from harness.results.kinds import open_tasks
from harness.results.primary import primary_samples
from harness.results.rundir import Run
from harness.results.store import read_scores


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one cell."""

    gold: str
    prediction: str | None
    score: float
    log_odds: float
    """Of the right label, in nats; NaN where no scorer compared labels."""
    is_open: bool
    """Whether answers are free text, which flip where right becomes wrong."""

    @property
    def is_right(self) -> bool:
        """Whether the answer counts as right."""
        return self.score >= RIGHT_FROM

    def flips_to(self, other: Outcome) -> bool:
        """Whether the other answer to the same example is another one."""
        if self.is_open:
            return self.is_right != other.is_right
        return self.prediction != other.prediction


def read_outcomes(run: Run, keys: Collection[Key]) -> dict[Key, Outcome]:
    """What became of these cells by the run's first scorer."""
    samples = primary_samples(run)
    held = samples[samples["variant_id"].isin({variant for variant, _ in keys})]
    scores = _scores(run, keys)
    free = open_tasks(run.manifest["tasks"])
    wanted = set(keys)
    return {
        (str(variant), str(example)): Outcome(
            str(gold),
            answer if isinstance(answer, str) else None,
            float(score),
            log_odds(scores.get((str(variant), str(example))), str(gold)),
            str(task) in free,
        )
        for variant, example, task, gold, answer, score in zip(
            held["variant_id"], held["example_id"], held["task"], held["gold"],
            held["prediction"].astype(object), held["score"], strict=True,
        )
        if (variant, example) in wanted
    }  # fmt: skip


def _scores(run: Run, keys: Collection[Key]) -> dict[Key, dict[str, float]]:
    """Label likelihoods by the first scorer; by another of the run where that one reads text."""
    variants = sorted({variant for variant, _ in keys})
    examples = sorted({example for _, example in keys})
    path = run.path / "samples.sqlite"
    for scorer in dict.fromkeys((run.summary.scorer, "calibrated", "loglik")):
        found = read_scores(path, scorer, variants, examples)
        if found:
            return found
    return {}


def loss_of(clean: Outcome, perturbed: Outcome) -> float:
    """How many nats of log-odds the right label lost; NaN where they are not known."""
    lost = clean.log_odds - perturbed.log_odds
    return lost if math.isfinite(lost) else math.nan
