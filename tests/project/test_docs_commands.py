"""Every command line of the README and the pages of docs works, or it is said why it is not run.

Commands of a block are run one after the other in one folder, with a tiny checkpoint in place of
the models that they name and with fewer examples.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli.app import run as harness
from harness.tasks import load_task
from harness.tasks.paraphrase_bank import Bank, write_bank
from harness.tasks.suites import task_path
from perturbations import REGISTRY
from tests.support.checkpoints import save_tiny_llama
from tests.support.doc_commands import Block, named_files, read_blocks, run_small
from tests.support.foreign_logs import lm_eval_choice, save_lm_eval
from tests.support.make_run import make_run
from tests.support.paths import ROOT
from tests.support.saved_runs import save_run
from tests.support.served import NAME, TinyServer, serving, tiny

BLOCKS = tuple(read_blocks())
COMMANDS = [command for block in BLOCKS for command in block.commands]

PAGES_URL = "http://127.0.0.1:8080/v1"
"""Where pages have a server."""

_TRACKERS = "needs a tracker's package; tests/logs/test_trackers.py runs it where it is installed"
NOT_RUN = {
    "make demo": "minutes: the bundled model and an adapter of it; .ci/run ends with the like",
    "make test": "these are the tests",
    'pip install -c constraints.txt -e ".[all]"': "needs the network; make installs the same way",
    "pip install --no-deps -r requirements-nodeps.txt": "needs the network; make does the same",
    'accelerate launch "$(which harness)" train --config coin.yaml':
        "tests/trainers/test_train.py trains in two processes",
    "harness log runs/base --to mlflow --at sqlite:///mlflow.db": _TRACKERS,
    "harness log runs/base --to wandb --project robustness": _TRACKERS,
    "harness log runs/base --to tensorboard --at events": _TRACKERS,
    "pip install 'robustness-harness[llamacpp]'": "needs the network",
    "harness run --model llama.cpp:smollm2-135m --task sentiment --limit 20":
        "tests/models/servers/test_llamacpp_engine.py runs a tiny file",
    "pip install 'robustness-harness[vllm]'": "needs the network",
    "harness run --model vllm:path/to/checkpoint --task sentiment --levels word":
        "tests/models/engines/test_vllm_runs.py, where vLLM is installed",
    "harness plan --detect 3 --from runs/first": "needs a run of a real model",
    "harness harden --model smollm2-135m --task tickets.yaml --train labelled.csv --out ckpt "
    "--minutes 20": "needs a model that learns; tests/api/test_hardening.py has one",
    "harness harden --model path/to/checkpoint --task my-task.yaml --train labelled.csv "
    "--out hardened": "needs a model that learns; tests/api/test_hardening.py has one",
    "harness run --model CHECKPOINT --device split": "needs GPUs",
    "harness run --model CHECKPOINT --workers 2": "tests/workers runs on workers",
    "harness run --model CHECKPOINT --ray auto": "needs a cluster",
    "harness run --model CHECKPOINT --ray 10.0.0.1:6379 --workers 16 --dry-run": "needs a cluster",
    "harness paraphrase --model CHECKPOINT --task sst2 --out bank.yaml":
        "needs a model that can write; tests/paraphrasing has one that does",
    "harness paraphrase --model CHECKPOINT --task reviews.yaml --out bank.yaml":
        "needs a model that can write; tests/paraphrasing has one that does",
    "harness run --model CHECKPOINT --task reviews.yaml --paraphrase-with CHECKPOINT":
        "needs a model that can write; tests/api/test_rewording.py",
}  # fmt: skip

TASK = """\
name: reviews
source: {file: reviews.jsonl}
label_field: label
input: "Review: {{ text }}"
labels: [good, bad]
instructions: ["Is the review 'good' or 'bad'?"]
"""
REVIEWS = {"plain": "Is the review 'good' or 'bad'?"}
PUBLISHED = """\
# model

# sst2

## 10 prompts

Acc: 95.00%, prompt: Is it 'positive' or 'negative'?

## textfooler

Original prompt: Is it 'positive' or 'negative'?
Attacked prompt: b"Exists it 'positive' or 'negative'?"
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """What pages take for granted: a model, runs, a policy, task files, published prompts."""
    folder = tmp_path_factory.mktemp("stage")
    save_tiny_llama(folder / "tiny")
    save_tiny_llama(folder / "checkpoints" / "one", seed=1)
    for name in ("base", "tuned", "baseline", "candidate"):
        save_run(make_run(f"runs/{name}", strength=0.1, examples=24), folder / "runs" / name)
    for name in ("base", "tuned"):
        samples = [lm_eval_choice(n, n % 2, (-1.0, -2.0)) for n in range(8)]
        tasks = {"mood": samples, "mood_typos": samples}
        save_lm_eval(folder / "lm-eval-out" / name, tasks, model=f"org/{name}")
    for name in ("my-task.yaml", "reviews.yaml"):
        (folder / name).write_text(TASK, encoding="utf-8")
    rows = [f'{{"text": "film {n}", "label": "{("good", "bad")[n % 2]}"}}\n' for n in range(8)]
    (folder / "reviews.jsonl").write_text("".join(rows), encoding="utf-8")
    sst2 = load_task(task_path("sst2"), data_dir=data_dir)
    own = {instruction.id: instruction.text for instruction in sst2.instructions}
    instructions = {**REVIEWS, **own}
    paraphrases = {name: (f"Now answer: {text}",) for name, text in instructions.items()}
    write_bank(Bank(None, instructions, paraphrases), folder / "bank.yaml")
    (folder / "adv_prompts").mkdir()
    (folder / "adv_prompts" / "model.md").write_text(PUBLISHED, encoding="utf-8")
    for name in ("glue", "instructions/t0_multi_prompt.jsonl.xz"):
        (folder / Path(name).name).symlink_to(data_dir / name)
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that pages take for granted."""
    checkpoint = save_tiny_llama(tmp_path_factory.mktemp("served"))
    with serving(TinyServer(tiny(checkpoint))) as server:
        yield server.url


def _at(url: str, command: str) -> str:
    """The command with this server in place of the one that a page names."""
    return command.replace(PAGES_URL, url).replace("openai:NAME", f"openai:{NAME}")


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_the_commands_of_a_block_work(
    block: Block,
    stage: Path,
    served: str,
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # A plug-in of a command must not be there for the tests that come after.
    monkeypatch.setattr(REGISTRY, "_things", dict(REGISTRY._things))
    folder = tmp_path / "work"
    shutil.copytree(stage, folder, symlinks=True)
    for name, content in named_files(block.page).items():
        (folder / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HARNESS_DATA_DIR", str(data_dir))
    monkeypatch.setenv("HARNESS_HISTORY_DIR", str(tmp_path / "history"))
    monkeypatch.setenv("OPENAI_BASE_URL", served)
    monkeypatch.setenv("MY_KEY", "secret")
    for command in block.commands:
        if command.startswith("harness ") and command not in NOT_RUN:
            code = harness(run_small(_at(served, command), folder / "tiny", data_dir))
            errors = capsys.readouterr().err
            assert code == 0, f"{command}\n{errors}"
            assert "Traceback" not in errors, command


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith("make ")])
def test_the_targets_of_make_are_there(command: str) -> None:
    done = subprocess.run(
        [*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_command_is_run_or_it_is_said_why_not() -> None:
    others = {command for command in COMMANDS if not command.startswith("harness ")}
    assert others <= NOT_RUN.keys()
    assert NOT_RUN.keys() <= set(COMMANDS), "a reason for a command that no page has"
    assert len(COMMANDS) > 40
