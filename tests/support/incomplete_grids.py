"""Runs drawn from a logistic mixed model, asked by a balanced incomplete design."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.evaluation.design import Design
from harness.metrics.grid import Group
from harness.stats.arrays import Booleans, Floats
from harness.stats.variant_means import leave_out_means


@dataclass(frozen=True)
class Drawn:
    """The full grid of a run, and the part of it that was asked."""

    full: Group
    asked: Group


def draw_run(
    shape: tuple[int, int, int],
    share: float,
    rng: np.random.Generator,
    *,
    instructions: float = 0.35,
    variants: float = 0.3,
    centre: float = 1.0,
) -> Drawn:
    """A level of `shape`: instructions, variants per instruction, examples; effects in logits."""
    count, each, examples = shape
    family = np.repeat(np.arange(count), each)
    ability = centre + 1.8 * rng.normal(size=(1, examples))
    ability = ability + instructions * rng.normal(size=(count, 1))
    ability = ability + 0.4 * rng.normal(size=(count, examples))
    clean = (rng.logistic(size=ability.shape) < ability)[family].astype(np.float64)
    change = -0.4 + variants * rng.normal(size=(count * each, 1))
    own = ability[family] + change + 0.5 * rng.normal(size=(count * each, examples))
    score = (rng.logistic(size=own.shape) < own).astype(np.float64)
    names = [str(one) for one in range(count * each)]
    mask = Design(share, int(rng.integers(1 << 30))).cells("level", names, examples)
    full = _group(score, clean, family, each)
    return Drawn(full, cut(full, mask))


def cut(full: Group, mask: Booleans) -> Group:
    """The group with these cells alone; clean instructions stay asked on all examples."""
    if mask.all():
        return full
    first = np.unique(full.families, return_index=True)[1]
    values = np.vstack([np.where(mask, full.score, 0.0), full.clean_score[first]])
    there = np.vstack([mask, np.ones((len(first), mask.shape[1]), dtype=np.bool_)])
    return replace(
        full,
        score=np.where(mask, full.score, 0.0),
        answer=np.where(mask, full.answer, 0).astype(np.int16),
        present=mask,
        matched=mask,
        others=leave_out_means(values, there)[: len(mask)],
    )


def _group(score: Floats, clean: Floats, family: np.ndarray, each: int) -> Group:
    prompts, examples = score.shape
    everywhere = np.ones(score.shape, dtype=np.bool_)
    gold = np.arange(examples) % 2
    return Group(
        task="simulated",
        rows=np.arange(prompts),
        variants=tuple(map(str, range(prompts))),
        examples=tuple(map(str, range(examples))),
        families=family,
        score=score,
        answer=np.where(score > 0, gold, 1 - gold).astype(np.int16),
        present=everywhere,
        clean_score=clean,
        clean_answer=np.where(clean > 0, gold, 1 - gold).astype(np.int16),
        matched=everywhere,
        classes=2,
        planned=prompts * examples,
        kinds=np.arange(prompts) % each,
        clean_present=everywhere,
    )
