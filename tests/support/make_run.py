"""Builds the content of a realistic run directory without a model: for tests of what reads runs.

Predictions come from a small latent model (an example has a difficulty, a variant has a skill), so
that variants agree, flip and degrade the way real ones do.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from harness.core.records import LeftOut, Validity, Variant, stable_hash, stable_id
from harness.metrics.summary import summarize
from harness.metrics.task_facts import task_facts
from harness.results.summary import Summary
from harness.results.summary_file import parse_summary


@dataclass(frozen=True)
class TaskPlan:
    """A task to make up: its instructions, labels and clean accuracy."""

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


_FRAMES: Final = {
    "distractor": ("{text} And true is true.", "{text} And false is not true."),
    "politeness": ("Please help me with this. {text}", "{text} Thank you very much."),
    "paraphrase": (
        "Your job: look closely at what follows and choose one of {labels}",
        "Have a look at this and settle for one of {labels}",
    ),
}


@dataclass(frozen=True)
class MadeRun:
    """What `harness.load_run` returns, made up."""

    path: Path
    manifest: dict[str, Any]
    summary: Summary
    variants: pd.DataFrame
    samples: pd.DataFrame
    examples: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return tuple(LeftOut(**row) for row in self.manifest.get("left_out", ()))

    @property
    def variant_records(self) -> tuple[Variant, ...]:
        return tuple(_record(row) for row in self.variants.to_dict("records"))

    @property
    def compact_samples(self) -> pd.DataFrame:
        return self.samples.drop(columns=["scores", "text"], errors="ignore")

    @property
    def scored_samples(self) -> pd.DataFrame:
        return self.samples.drop(columns=["text"], errors="ignore")

    @property
    def priors(self) -> dict[str, dict[str, float]]:
        return {}

    def said(self, limit: int, length: int) -> dict[tuple[str, str], str]:
        if "text" not in self.samples:
            return {}
        rows = self.samples[self.samples["text"].notna()].sort_values(["example_id", "variant_id"])
        keys = zip(rows["variant_id"], rows["example_id"], strict=True)
        texts = [str(text)[:length] for text in rows["text"]]
        return dict(list(zip(keys, texts, strict=True))[:limit])


@cache
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

    Runs of the same tasks and seed share their variants and examples, as real ones do. The same
    arguments give the very same run: take it as read-only, and `dataclasses.replace` its parts.
    """
    if examples is not None:
        tasks = tuple(replace(task, examples=examples) for task in tasks)
    variants = [row for task in tasks for row in _variant_rows(task, per_perturbation, seed)]
    samples = pd.DataFrame(
        [row for task in tasks for row in _sample_rows(task, variants, strength, model, seed)]
    )
    manifest = _manifest(tasks, variants, samples, model, seed, Path(path))
    frame = pd.DataFrame(variants)
    summary = make_summary(manifest, samples, frame)
    return MadeRun(Path(path), manifest, summary, frame, samples, _examples(samples))


EMPTY_SUMMARY: Final = summarize(
    pd.DataFrame({"scorer": []}), pd.DataFrame({"level": []}), {}, seed=0
)
"""Of a run without samples."""


def edit_summary(run: MadeRun, edit: Callable[[dict[str, Any]], None]) -> MadeRun:
    """The run with its summary.json edited."""
    content = run.summary.to_json()
    edit(content)
    return replace(run, summary=parse_summary(json.dumps(content), source="summary.json"))


def _record(row: dict[Any, Any]) -> Variant:
    validity = row["validity"]
    return Variant(**{**row, "edits": (), "validity": validity and Validity(**validity)})


def _examples(samples: pd.DataFrame) -> pd.DataFrame:
    rows = samples[["task", "example_id", "gold"]].drop_duplicates(["task", "example_id"])
    keys = zip(rows["task"], rows["example_id"], strict=True)
    inputs = [f"Text {key} of {task}." for task, key in keys]
    hashes = [stable_id(text, gold) for text, gold in zip(inputs, rows["gold"], strict=True)]
    return rows.rename(columns={"example_id": "id"}).assign(input=inputs, hash=hashes)


def _variant_rows(task: TaskPlan, per_perturbation: int, seed: int) -> list[dict[str, Any]]:
    rows = []
    for number, text in enumerate(task.instructions, start=1):
        instruction_id = f"{'role' if text.startswith(('You', 'As')) else 'task'}-{number}"
        rows.append(_variant_row(task, instruction_id, "clean", "clean", 0, seed, text, text))
        for name, (level, _) in PERTURBATIONS.items():
            for index in range(per_perturbation):
                rng = np.random.default_rng(stable_hash(seed, task.name, number, name, index))
                changed = _perturb(name, text, index, rng)
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


def _perturb(name: str, text: str, index: int, rng: np.random.Generator) -> str:
    if name in _FRAMES:
        frames = _FRAMES[name]
        labels = text[text.index("'") :]
        return frames[index % len(frames)].format(text=text, labels=labels) + "!" * (index // 2)
    words = text.split(" ")
    plain = [i for i, word in enumerate(words) if word.isalpha() and len(word) > 3]
    chosen = [int(i) for i in rng.choice(plain, size=min(2, len(plain)), replace=False)]
    for i in chosen:
        words[i] = _change_word(name, words[i])
    return " ".join(word for word in words if word) + "." * index


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
        "score": float(correct),
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
        "run_id": f"{stable_hash(model, seed):012x}"[:12],
        "status": "complete",
        "command": f"harness run --model {model} --suite core --seed {seed} --out {path}",
        "created": "2026-11-22T10:04:11+00:00",
        "finished": "2026-11-22T10:05:02+00:00",
        "identity": {"seed": seed},
        "content": {"model": f"{stable_hash(model):016x}"},
        "config": {
            "model": model,
            "suite": "core",
            "levels": ["character", "word", "sentence", "semantic"],
            "per_perturbation": 2,
            "limit": tasks[0].examples if tasks else 0,
            "scorers": ["loglik"],
            "confidence": 0.95,
            "resamples": 200,
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
        "tasks": {task.name: _task_entry(task, variants) for task in tasks},
        "design": _full_design(tasks, len(samples)),
        "timing": {
            "cells": len(samples),
            "seconds": 51.2,
            "cells_per_second": round(len(samples) / 51.2, 1),
            "cache_hits": 0,
        },
        "notes": [],
    }
    as_read: dict[str, Any] = json.loads(json.dumps(manifest))
    return as_read


def _task_entry(task: TaskPlan, variants: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "description": f"Made-up {task.name} task.",
        "labels": list(task.labels),
        "label_words": list(task.labels),
        "answer_cue": "Answer:",
        "placement": "first",
        "few_shot": [],
        "label_tokens": [1 + len(label) // 6 for label in task.labels],
        "chance": task.chance,
        "examples": task.examples,
        "example_ids": [str(i) for i in range(task.examples)],
        "instructions": len(task.instructions),
        "variants": sum(row["task"] == task.name for row in variants),
        "no_ops": {"synonyms": 1} if task.name == "topic" else {},
        "duplicates": {"paraphrase": 2},
        "rendered_prompt": f"{task.instructions[0]}\n\nText: An example.\nAnswer:",
    }


def _full_design(tasks: tuple[TaskPlan, ...], cells: int) -> dict[str, Any]:
    instructions = max((len(task.instructions) for task in tasks), default=0)
    examples = max((task.examples for task in tasks), default=0)
    return {
        "share": 1.0,
        "cells": cells,
        "full_cells": cells,
        "instructions": instructions,
        "of_instructions": instructions,
        "examples": examples,
        "of_examples": examples,
        "layers": [],
    }


def make_summary(
    manifest: dict[str, Any], samples: pd.DataFrame, variants: pd.DataFrame
) -> Summary:
    """The summary of these samples, as a run writes it."""
    body = summarize(
        samples.drop(columns=["text"]),
        variants,
        {name: task_facts(task) for name, task in manifest["tasks"].items()},
        seed=manifest["seed"],
        resamples=200,
    )
    return replace(
        body,
        schema_version=1,
        run_id=manifest["run_id"],
        model=manifest["config"]["model"],
        scorer="loglik",
    )
