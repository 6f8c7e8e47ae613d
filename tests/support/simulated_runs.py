"""Runs drawn from a latent model, fast enough to draw hundreds: for comparisons and gates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.comparison import RunData

LEVELS = {"clean": "clean", "character": "keyboard", "word": "synonyms"}


@dataclass(frozen=True)
class World:
    """What the runs of one question share: instructions and examples of one task."""

    seed: int
    instructions: int = 6
    examples: int = 120
    task: str = "sentiment"

    def run(
        self,
        name: str,
        *,
        shift: float = 0.0,
        luck: int = 0,
        share: float = 0.6,
        scorer: str = "loglik",
        prompt_luck: float = 0.1,
    ) -> RunData:
        """A model's run; `shift` in logits moves every cell, `luck` seeds what is the model's own.

        `share` is how much of a cell's luck all models have in common, `prompt_luck` the standard
        deviation of the model's own luck with a prompt.
        """
        common, own = np.random.default_rng(self.seed), np.random.default_rng([self.seed, luck])
        variants = self._variants()
        shape = (len(variants), self.examples)
        skill = 0.3 * common.normal(size=(self.instructions, 1))
        ability = 1.0 + common.normal(size=(1, self.examples)) * 1.2
        ability = ability + skill[variants["instruction_id"].str[1:].astype(int)]
        ability = ability - 0.5 * (variants["level"] != "clean").to_numpy()[:, None]
        ability = ability + shift + prompt_luck * own.normal(size=(len(variants), 1))
        cells = common.logistic(size=shape)
        right = np.where(own.random(shape) < share, cells, own.logistic(size=shape)) < ability
        return RunData(name, self._manifest(), variants, self._samples(variants, right, scorer))

    def _variants(self) -> pd.DataFrame:
        rows = [
            {
                "id": f"{self.task}-{level}-{number}", "task": self.task, "level": level,
                "perturbation": perturbation, "instruction_id": f"i{number}", "index": 0, "seed": 7,
                "text": f"{level} wording {number}", "target": "instruction",
            }
            for level, perturbation in LEVELS.items()
            for number in range(self.instructions)
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def _samples(self, variants: pd.DataFrame, right: np.ndarray, scorer: str) -> pd.DataFrame:
        gold = np.array(["no", "yes"])[np.arange(self.examples) % 2]
        other = np.where(gold == "no", "yes", "no")
        examples = np.array([f"e{number:04d}" for number in range(self.examples)])
        return pd.DataFrame(
            {
                "variant_id": np.repeat(variants["id"].to_numpy(), self.examples),
                "example_id": np.tile(examples, len(variants)),
                "gold": np.tile(gold, len(variants)),
                "prediction": np.where(right, gold, other).ravel(),
                "score": right.ravel().astype(float),
                "correct": right.ravel(),
                "parsed": True,
                "scorer": scorer,
            }
        )

    def _manifest(self) -> dict[str, object]:
        return {
            "prompt_format": "plain",
            "config": {"scorers": ["loglik"], "few_shot": 0},
            "model": {"chat_template_hash": None},
            "tasks": {
                self.task: {
                    "labels": ["no", "yes"],
                    "chance": 0.5,
                    "example_ids": [f"e{number:04d}" for number in range(self.examples)],
                    "rendered_prompt": "clean wording 0\n\nReview: fine\nSentiment:",
                }
            },
        }
