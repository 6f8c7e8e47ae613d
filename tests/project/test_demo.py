"""The demo's adapter: what it was trained on stands beside it, and nothing that the demo asks."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from safetensors.numpy import load_file

from harness import make_pairs
from harness.models.loading.bundled import BUNDLED
from harness.tasks import load_task
from harness.tasks.rows import read_file
from harness.tasks.suites import task_path
from tests.support.paths import ROOT

ADAPTER = ROOT / "examples" / "adapters" / "mood-lora"
STARTER = ROOT / "harness" / "tasks" / "shipped" / "starter"
HELD_OUT = [STARTER / "sentiment.jsonl", STARTER / "sentiment.fewshot.jsonl"]


def test_it_is_small_and_of_the_bundled_model() -> None:
    config = json.loads((ADAPTER / "adapter_config.json").read_text("utf-8"))
    recipe = yaml.safe_load((ADAPTER / "recipe.yaml").read_text("utf-8"))
    assert config["base_model_name_or_path"] == recipe["model"]
    assert recipe["model"] in BUNDLED
    assert (config["r"], config["lora_alpha"]) == (recipe["lora_r"], recipe["lora_alpha"])
    assert sorted(config["target_modules"]) == sorted(recipe["lora_targets"])
    weights = ADAPTER / "adapter_model.safetensors"
    assert weights.stat().st_size < 600_000
    tensors = load_file(weights)
    assert len(tensors) == 30 * 2 * 2
    assert {min(one.shape) for one in tensors.values()} == {recipe["lora_r"]}


def test_its_pairs_are_made_by_the_command_of_its_card_and_hold_nothing_that_is_tested(
    tmp_path: Path,
) -> None:
    made = make_pairs(
        "paraphrases", ADAPTER / "rows.jsonl", tmp_path / "pairs.jsonl",
        bank=ADAPTER / "wordings.yaml", perturbations="paraphrase", max_ratio=3, exclude=HELD_OUT,
    )  # fmt: skip
    assert len(made.pairs) == len(read_file(ADAPTER / "rows.jsonl")) == 152
    assert made.dropped == {}
    assert made.frame["target"].value_counts().to_dict() == {"positive": 76, "negative": 76}
    task = load_task(task_path("sentiment"), data_dir=None)
    asked = {one.text for one in task.instructions} | {
        text for texts in task.paraphrases.values() for text in texts
    }
    assert not asked & {*made.frame["original"], *made.frame["paraphrase"]}
    assert not {one.input for one in task.examples} & set(made.frame["input"])
