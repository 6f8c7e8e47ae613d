"""Builds the content of a realistic run directory without a model: for tests of what reads runs.

Predictions come from a small latent model (an example has a difficulty, a wording has a skill), so
that wordings agree, flip and degrade the way real ones do.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from harness.records import stable_hash, stable_id


@dataclass(frozen=True)
class TaskPlan:
    """A task to make up: its wordings, labels and how well the clean wording works."""

    name: str
    labels: tuple[str, ...]
    instructions: tuple[str, ...]
    clean_accuracy: float
    examples: int = 60

    @property
    def chance(self) -> float:
        return 1 / len(self.labels)


TASKS: Final = (
    TaskPlan(
        "sentiment",
        ("negative", "positive"),
        (
            "Read the review and decide how its writer feels. "
            "Answer with 'positive' or 'negative'.",
            "You are a film critic. Say whether the review below is 'positive' or 'negative'.",
            "Classify the sentiment of this text as 'positive' or 'negative'.",
        ),
        0.86,
    ),
    TaskPlan(
        "topic",
        ("world", "sports", "business", "science"),
        (
            "Which section of a newspaper does this article belong to? "
            "Answer with 'world', 'sports', 'business' or 'science'.",
            "As an editor, file the article under 'world', 'sports', 'business' or 'science'.",
            "Name the topic of the text: 'world', 'sports', 'business' or 'science'.",
        ),
        0.71,
    ),
    TaskPlan(
        "inference",
        ("entailment", "neutral", "contradiction"),
        (
            "Does the first sentence imply the second? "
            "Answer 'entailment', 'neutral' or 'contradiction'.",
            "You are a logician. Decide between 'entailment', 'neutral' and 'contradiction'.",
            "Compare the two sentences and answer 'entailment', 'neutral' or 'contradiction'.",
        ),
        0.58,
    ),
    TaskPlan(
        "acceptability",
        ("acceptable", "unacceptable"),
        (
            "Is this sentence grammatical English? Answer 'acceptable' or 'unacceptable'.",
            "You are a linguist. Judge the sentence 'acceptable' or 'unacceptable'.",
            "Judge the grammar of the sentence: 'acceptable' or 'unacceptable'.",
        ),
        0.5,
    ),
)

PERTURBATIONS: Final[dict[str, tuple[str, float]]] = {
    "keyboard": ("character", 0.10),
    "swap_letters": ("character", 0.07),
    "homoglyphs": ("character", 0.16),
    "synonyms": ("word", 0.04),
    "drop_words": ("word", 0.05),
    "distractor": ("sentence", 0.02),
    "politeness": ("sentence", -0.01),
    "paraphrase": ("semantic", 0.015),
}
"""Name -> level and the accuracy that it costs the base model."""


@dataclass(frozen=True)
class MadeRun:
    """What `harness.load_run` gives, made up."""

    path: Path
    manifest: dict[str, Any]
    summary: dict[str, Any]
    variants: pd.DataFrame
    samples: pd.DataFrame

    @property
    def compact_samples(self) -> pd.DataFrame:
        return self.samples.drop(columns=["scores", "text"])


def make_run(
    path: Path | str = "runs/base",
    *,
    model: str = "SmolLM2-135M-Instruct",
    tasks: tuple[TaskPlan, ...] = TASKS,
    strength: float = 1.0,
    per_perturbation: int = 2,
    examples: int | None = None,
    seed: int = 0,
) -> MadeRun:
    """A run of `model`: `strength` scales what every perturbation costs it.

    Runs of the same tasks and seed share their variants and examples, as real ones do.
    """
    if examples is not None:
        tasks = tuple(replace(task, examples=examples) for task in tasks)
    variants = [row for task in tasks for row in _variant_rows(task, per_perturbation, seed)]
    samples = pd.DataFrame(
        [row for task in tasks for row in _sample_rows(task, variants, strength, model, seed)]
    )
    manifest = _manifest(tasks, variants, samples, model, seed, Path(path))
    summary = make_summary(manifest, samples)
    return MadeRun(Path(path), manifest, summary, pd.DataFrame(variants), samples)


def _variant_rows(task: TaskPlan, per_perturbation: int, seed: int) -> list[dict[str, Any]]:
    rows = []
    for number, text in enumerate(task.instructions, start=1):
        instruction_id = f"{'role' if text.startswith(('You', 'As')) else 'task'}-{number}"
        rows.append(_variant_row(task, instruction_id, "clean", "clean", 0, seed, text, text))
        for name, (level, _) in PERTURBATIONS.items():
            for index in range(per_perturbation):
                rng = np.random.default_rng(stable_hash(seed, task.name, number, name, index))
                changed = _perturb(name, text, rng)
                rows.append(
                    _variant_row(task, instruction_id, level, name, index, seed, text, changed)
                )
    return rows


def _variant_row(
    task: TaskPlan,
    instruction_id: str,
    level: str,
    perturbation: str,
    index: int,
    seed: int,
    original: str,
    text: str,
) -> dict[str, Any]:
    before, after = original.split(), text.split()
    changed = sum(word not in after for word in before) / len(before)
    return {
        "id": stable_id(seed, task.name, instruction_id, perturbation, index),
        "task": task.name,
        "level": level,
        "perturbation": perturbation,
        "instruction_id": instruction_id,
        "index": index,
        "seed": stable_hash(seed, task.name, instruction_id, perturbation, index) % 2**31,
        "text": text,
        "original": original,
        "edits": [],
        "validity": None
        if level == "clean"
        else {
            "words_changed": changed,
            "char_distance": abs(len(text) - len(original)) + round(changed * len(before)),
            "protected_intact": perturbation != "drop_words" or index == 0,
            "similarity": None,
        },
        "target": "instruction",
    }


def _perturb(name: str, text: str, rng: np.random.Generator) -> str:
    words = text.split(" ")
    plain = [i for i, word in enumerate(words) if word.isalpha() and len(word) > 3]
    chosen = [int(i) for i in rng.choice(plain, size=min(2, len(plain)), replace=False)]
    if name == "distractor":
        return f"{text} And true is true and false is false."
    if name == "politeness":
        return f"Please help me with this, if you would be so kind. {text}"
    if name == "paraphrase":
        tail = text[text.index("'") :]
        return f"Your job: look closely at what follows and choose one of {tail}"
    for i in chosen:
        words[i] = _change_word(name, words[i])
    return " ".join(word for word in words if word)


def _change_word(name: str, word: str) -> str:
    middle = len(word) // 2
    match name:
        case "keyboard":
            return word[:middle] + "q" + word[middle + 1 :]
        case "swap_letters":
            return word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
        case "homoglyphs":
            return word.replace("e", "\u0435").replace("a", "\u0430").replace("o", "\u043e")
        case "synonyms":
            return {"review": "critique", "decide": "determine", "text": "passage"}.get(
                word, f"particular {word}"
            )
        case _:
            return ""


def _sample_rows(
    task: TaskPlan, variants: list[dict[str, Any]], strength: float, model: str, seed: int
) -> list[dict[str, Any]]:
    rng = np.random.default_rng(stable_hash(seed, task.name, "examples"))
    gold = rng.integers(len(task.labels), size=task.examples)
    difficulty = rng.permutation((np.arange(task.examples) + 0.5) / task.examples)
    rows = []
    for variant in (row for row in variants if row["task"] == task.name):
        noise = np.random.default_rng(stable_hash(seed, model, variant["id"]))
        cost = PERTURBATIONS.get(variant["perturbation"], ("clean", 0.0))[1] * strength
        skill = task.clean_accuracy - max(0.0, noise.normal(cost, 0.5 * abs(cost) + 0.01))
        correct = difficulty + noise.normal(0, 0.08, task.examples) < skill
        for i in range(task.examples):
            rows.append(_sample_row(task, variant, i, int(gold[i]), bool(correct[i]), noise))
    return rows


def _sample_row(
    task: TaskPlan,
    variant: dict[str, Any],
    number: int,
    gold: int,
    correct: bool,
    noise: np.random.Generator,
) -> dict[str, Any]:
    others = [label for i, label in enumerate(task.labels) if i != gold]
    prediction = task.labels[gold] if correct else others[int(noise.integers(len(others)))]
    scores = {
        label: float(-noise.uniform(0.2, 1.0) if label == prediction else -noise.uniform(1.1, 4))
        for label in task.labels
    }
    return {
        "variant_id": variant["id"],
        "example_id": str(number),
        "task": task.name,
        "level": variant["level"],
        "perturbation": variant["perturbation"],
        "instruction_id": variant["instruction_id"],
        "gold": task.labels[gold],
        "prediction": prediction,
        "correct": correct,
        "parsed": True,
        "scorer": "loglik",
        "scores": scores,
        "text": None,
    }


def _manifest(
    tasks: tuple[TaskPlan, ...],
    variants: list[dict[str, Any]],
    samples: pd.DataFrame,
    model: str,
    seed: int,
    path: Path,
) -> dict[str, Any]:
    manifest = {
        "schema_version": 1,
        "status": "complete",
        "command": f"harness run --model {model} --suite core --seed {seed} --out {path}",
        "created": "2026-11-22T10:04:11+00:00",
        "finished": "2026-11-22T10:05:02+00:00",
        "config": {
            "model": model,
            "suite": "core",
            "levels": ["character", "word", "sentence", "semantic"],
            "per_perturbation": 2,
            "limit": tasks[0].examples if tasks else 0,
            "scorer": "loglik",
        },
        "model": {
            "name": model,
            "kind": "hf",
            "path": f"models/{model}",
            "fingerprint": f"{stable_hash(model):016x}{stable_hash(model, 1):016x}",
            "parameters": 134_515_008,
            "dtype": "bfloat16",
            "device": "cpu",
            "max_context": 2048,
            "base": None,
            "adapter": None,
            "chat_template_hash": "9c1f0a77e2b04d1c",
        },
        "prompt_format": "plain",
        "versions": {"python": "3.11.7", "torch": "2.13.0", "transformers": "5.23.0"},
        "machine": {"system": "Linux 6.1 x86_64", "cpu": "2 cores", "memory": "8 GB"},
        "seed": seed,
        "tasks": {
            task.name: {
                "description": f"Made-up {task.name} task.",
                "labels": list(task.labels),
                "chance": task.chance,
                "examples": task.examples,
                "example_ids": [str(i) for i in range(task.examples)],
                "instructions": len(task.instructions),
                "variants": sum(row["task"] == task.name for row in variants),
                "no_ops": {"synonyms": 1} if task.name == "topic" else {},
                "duplicates": {"paraphrase": 2},
                "rendered_prompt": f"{task.instructions[0]}\n\nText: An example.\nAnswer:",
            }
            for task in tasks
        },
        "timing": {
            "cells": len(samples),
            "seconds": 51.2,
            "cells_per_second": round(len(samples) / 51.2, 1),
            "cache_hits": 0,
        },
        "notes": [],
    }
    return json.loads(json.dumps(manifest))


def make_summary(manifest: dict[str, Any], samples: pd.DataFrame) -> dict[str, Any]:
    """A summary of the right shape, with plain estimates in place of the real statistics."""
    tasks = {
        name: _task_summary(samples[samples["task"] == name], task)
        for name, task in manifest["tasks"].items()
    }
    return {
        "schema_version": 1,
        "run_id": stable_id(manifest["command"]),
        "model": manifest["model"]["name"],
        "scorer": "loglik",
        "seed": manifest["seed"],
        "confidence": 0.95,
        "levels": _macro([task["levels"] for task in tasks.values()]),
        "tasks": tasks,
        "perturbations": _macro([task["perturbations"] for task in tasks.values()]),
        "worst_variants": _worst_variants(samples),
    }


def _task_summary(samples: pd.DataFrame, task: dict[str, Any]) -> dict[str, Any]:
    clean = samples[samples["level"] == "clean"]
    levels = {str(level): _stats(part, clean, task) for level, part in samples.groupby("level")}
    return {
        "chance": task["chance"],
        "labels": task["labels"],
        "above_chance": levels["clean"]["accuracy_ci"][0] > task["chance"],
        "levels": levels,
        "perturbations": {
            str(name): _stats(part, clean, task) for name, part in samples.groupby("perturbation")
        },
    }


def _stats(part: pd.DataFrame, clean: pd.DataFrame, task: dict[str, Any]) -> dict[str, Any]:
    table = part.pivot_table(index="variant_id", columns="example_id", values="correct").astype(
        float
    )
    scores = table.to_numpy()
    by_prompt = pd.Series(scores.mean(axis=1), index=table.index)
    base = clean.pivot_table(index="variant_id", columns="example_id", values="correct")
    per_example = base.to_numpy(dtype=float).mean(axis=0) - scores.mean(axis=0)
    joined = part.merge(clean, on=["instruction_id", "example_id"], suffixes=("", "_clean"))
    flips = joined["prediction"] != joined["prediction_clean"]
    is_clean = part["level"].iloc[0] == "clean"
    above = float(base.to_numpy(dtype=float).mean()) > task["chance"] + 0.1
    agreement = scores.mean(axis=0) ** 2 + (1 - scores.mean(axis=0)) ** 2
    return {
        "accuracy": float(scores.mean()),
        "accuracy_ci": _interval(scores.mean(axis=0)),
        "std_over_prompts": float(by_prompt.std(ddof=0)),
        "drop": None if is_clean else float(per_example.mean()),
        "drop_ci": None if is_clean else _interval(per_example),
        "pdr": None if is_clean else float(per_example.mean() / max(base.to_numpy().mean(), 1e-9)),
        "pdr_flag": None if above else "clean accuracy is not above chance",
        "worst_prompt_accuracy": float(by_prompt.min()),
        "worst_prompt_id": by_prompt.idxmin(),
        "best_prompt_accuracy": float(by_prompt.max()),
        "spread": float(by_prompt.max() - by_prompt.min()),
        "consistency": float(agreement.mean()),
        "consistency_ci": _interval(agreement),
        "kappa": float(2 * agreement.mean() - 1),
        "correct_and_consistent": float((scores.min(axis=0) == 1).mean()),
        "instance_sensitivity": float(1 - agreement.mean()),
        "flip_rate": None if is_clean else float(flips.mean()),
        "flips_right_wrong": int((joined["correct_clean"] & ~joined["correct"]).sum()),
        "flips_wrong_right": int((~joined["correct_clean"] & joined["correct"]).sum()),
        "unparsed_rate": float(1 - part["parsed"].mean()),
        "accuracy_parsed": float(scores.mean()),
        "prompts": len(table),
        "examples": int(table.shape[1]),
        "cells": len(part),
    }


def _interval(values: np.ndarray) -> list[float]:
    half = 1.96 * float(values.std()) / max(len(values), 1) ** 0.5
    return [float(values.mean()) - half, float(values.mean()) + half]


_COUNTS: Final = ("flips_right_wrong", "flips_wrong_right", "prompts", "examples", "cells")


def _macro(groups: list[dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    names = list(dict.fromkeys(name for group in groups for name in group))
    return {name: _mean([group[name] for group in groups if name in group]) for name in names}


def _mean(stats: list[dict[str, Any]]) -> dict[str, Any]:
    mean: dict[str, Any] = {}
    for key in stats[0]:
        values = [one[key] for one in stats if one[key] is not None]
        if key in _COUNTS:
            mean[key] = sum(values)
        elif isinstance(values[0] if values else None, list):
            centre = np.mean(values, axis=0)
            half = np.diff(centre)[0] / 2 / len(values) ** 0.5
            mean[key] = [float(centre.mean() - half), float(centre.mean() + half)]
        elif not values or isinstance(values[0], str):
            mean[key] = None
        else:
            mean[key] = float(np.mean(values))
    return mean


def _worst_variants(samples: pd.DataFrame, count: int = 20) -> list[dict[str, Any]]:
    keys = ["variant_id", "task", "level", "perturbation", "instruction_id"]
    rows = samples.groupby(keys)["correct"].agg(["mean", "size"]).reset_index()
    clean = rows[rows["level"] == "clean"].set_index(["task", "instruction_id"])["mean"]
    worst = []
    for row in rows[rows["level"] != "clean"].itertuples():
        base = float(clean[(row.task, row.instruction_id)])
        drop = base - float(row.mean)
        half = 1.2 / float(row.size) ** 0.5
        worst.append(
            {
                **{key: getattr(row, key) for key in keys},
                "accuracy": float(row.mean),
                "clean_accuracy": base,
                "drop": drop,
                "drop_ci": [drop - half, drop + half],
                "examples": int(row.size),
            }
        )
    return sorted(worst, key=lambda one: -one["drop"])[:count]
