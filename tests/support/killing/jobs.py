"""The jobs that are killed: their commands, what they start from, and what counts as a result."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from tests.support.hardening_task import hardening_options
from tests.support.killing.sweep import Job, Result, beside, fork


def _run_result(out: Path) -> object:
    from harness.results.rundir import load_run

    run = load_run(out)
    with closing(sqlite3.connect(f"file:{out / 'samples.sqlite'}?immutable=1", uri=True)) as db:
        samples = db.execute("SELECT * FROM samples ORDER BY variant_id, example_id").fetchall()
    texts = [
        (out / name).read_bytes() for name in ("summary.json", "variants.jsonl", "examples.jsonl")
    ]
    parts = [path.name for path in out.iterdir() if path.name.endswith(".part")]
    return run.manifest["run_id"], samples, texts, parts, (out / "report.md").is_file()


def _attack_result(out: Path) -> object:
    report = json.loads((out / "attack.json").read_bytes())
    keep = ("status", "found", "report", "search", "identity")
    return [report.get(key) for key in keep], (out / "variants.jsonl").read_bytes()


def _train_result(out: Path) -> object:
    manifest = json.loads((out / "train.json").read_bytes())
    weights = hashlib.sha256((out / "adapter_model.safetensors").read_bytes()).hexdigest()
    log = [json.loads(line) for line in (out / "log.jsonl").read_text("utf-8").splitlines()]
    losses = [(line["step"], line["loss"]) for line in log if "loss" in line]
    return manifest["status"], manifest["steps"], weights, losses


def _several_result(out: Path) -> object:
    runs = sorted(path.parent for path in out.glob("*/run.json"))
    pages = [(out / name).is_file() for name in ("report.md", "report.html")]
    return [(run.name, _run_result(run)) for run in runs], pages


def _explain_result(out: Path) -> object:
    """The cells that were explained; their numbers depend a little on what shares a batch."""
    query = "SELECT variant_id, example_id, said, tokens FROM attributions"
    with closing(sqlite3.connect(f"file:{out / 'attributions.sqlite'}?mode=ro", uri=True)) as db:
        explained = sorted(db.execute(query))
    found = json.loads((out / "explanation.json").read_bytes())
    models = [(model["name"], model["cells"]) for model in found["models"]]
    return explained, models, "## Why" in (out / "report.md").read_text("utf-8"), _run_result(out)


def _bank_result(out: Path) -> object:
    assert not list(out.glob("*.part"))
    return (out / "bank.yaml").read_bytes()


def _bundle_result(out: Path) -> object:
    return {str(path.relative_to(out)): path.stat().st_size for path in sorted(out.rglob("*"))}


def _harden_result(out: Path) -> object:
    weights = [
        hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        for folder in (out, beside(out) / "control")
        if folder.is_dir()
    ]
    texts = [
        (beside(out) / name).read_bytes()
        for name in ("hardening.json", "pairs.jsonl", "held-out.yaml", "robustness-policy.yaml")
    ]
    card = (out / "README.md").read_text("utf-8").partition("## Results")[0]  # without times
    runs = [
        (folder.name, (folder / "variants.jsonl").read_bytes())
        for folder in sorted((beside(out) / "runs").iterdir())
    ]
    return weights, texts, card, runs, (beside(out) / "report.html").is_file()


TASK = """
name: mood
description: Whether a film is good.
source: {file: mood.jsonl}
label_field: label
input: "Film: {{ text }}"
answer_cue: "Mood:"
labels: [{name: bad}, {name: good}]
instructions:
  - {id: task-1, style: task, text: "Say whether the film described here is 'good' or 'bad'."}
"""


def _run_options(folder: Path) -> list[str]:
    from tests.support.checkpoints import save_tiny_llama

    rows = [{"text": f"film number {n}", "label": "good" if n % 2 else "bad"} for n in range(24)]
    (folder / "mood.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "mood.yaml").write_text(TASK)
    model = save_tiny_llama(folder / "tiny")
    return ["--model", str(model), "--task", str(folder / "mood.yaml"), "--device", "cpu"]


def _run(folder: Path, *more: str) -> list[str]:
    own = ["--perturbations", "keyboard", "--resamples", "100", "--window", "16"]
    own += ["--scorer", "calibrated"]  # priors are written, too
    return ["run", *_run_options(folder), *own, "--no-cache", "--quiet", "--limit", "12", *more]


def _done(arguments: Sequence[str], start: Path) -> Path:
    """A folder in which a command has ended well."""
    code, _, said = fork([*arguments, "--out", str(start)], start, 0)
    assert code == 0, said
    return start


def _alone(command: Sequence[str], out: Path, result: Result) -> Job:
    """A job that begins with nothing and that the same command ends."""
    whole = [*command, "--out", str(out)]
    return Job(whole, [whole], result)


def _over_another(command: Sequence[str], folder: Path, out: Path, result: Result) -> Job:
    """A job that starts over in a folder of another seed."""
    start = _done([*command, "--seed", "5"], folder / "start")
    plain = [*command, "--out", str(out)]
    return Job([*plain, "--fresh"], [[*plain, "--fresh"], plain], result, start)


def _until(folder: Path, out: Path) -> Job:
    own = ["--levels", "character", "--resamples", "100", "--window", "16", "--no-cache"]
    own += ["--scorer", "loglik", "--limit", "12", "--cells", "30", "--until", "0.01", "--quiet"]
    return _alone(["run", *_run_options(folder), *own], out, _run_result)


def _several(folder: Path, out: Path) -> Job:
    from tests.support.checkpoints import save_tiny_llama

    other = save_tiny_llama(folder / "other", seed=1)
    return _alone(_run(folder, "--model", str(other)), out, _several_result)


def _attack(folder: Path, out: Path) -> Job:
    own = ["--level", "character", "--budget", "60", "--quiet", "--no-cache"]
    return _alone(["attack", *_run_options(folder), *own], out, _attack_result)


def _explain(folder: Path, out: Path) -> Job:
    start = _done(_run(folder), folder / "start")
    own = ["--sample", "6", "--worst", "2", "--checked", "2", "--quiet"]
    explain = ["explain", str(out), *own]
    return Job(explain, [explain], _explain_result, start)


def _paraphrase(folder: Path, out: Path) -> Job:
    from tests.support.checkpoints import save_tiny_llama

    task = folder / "films.yaml"
    task.write_text(TASK.replace("Say whether", "Read the review of a film. Say whether"))
    _run_options(folder)  # writes the rows
    model = save_tiny_llama(folder / "writer", context=2048)
    own = ["--rounds", "2", "--min-similarity", "-1", "--quiet", "--device", "cpu"]
    paraphrase = ["paraphrase", "--model", str(model), "--task", str(task), *own]
    whole = [*paraphrase, "--out", str(out / "bank.yaml")]
    return Job(whole, [whole], _bank_result)


def _import(folder: Path, out: Path) -> Job:
    from tests.support.foreign_logs import lm_eval_choice, save_lm_eval

    samples = [lm_eval_choice(doc, doc % 2, (-1.0, -2.0 + doc)) for doc in range(6)]
    logs = save_lm_eval(folder / "logs", {"mood": samples})
    return _alone(["import", str(logs), "--quiet"], out, _run_result)


def _bundle(folder: Path, out: Path) -> Job:
    run = _done(_run(folder), folder / "one")
    return _alone(["bundle", str(run), "--quiet"], out, _bundle_result)


def _harden(folder: Path, out: Path, *more: str) -> Job:
    harden = ["harden", *hardening_options(folder), "--quiet", *more]
    return _alone(harden, out, _harden_result)


def _train(folder: Path) -> list[str]:
    from tests.support.trainers_tiny import save_tiny, tiny_llama, write_tiny_pairs

    pairs = write_tiny_pairs(folder / "pairs.jsonl", 24)
    base = save_tiny(folder / "base", tiny_llama())
    own = ["--batch", "8", "--micro-batch", "4", "--max-steps", "4", "--save-every", "1"]
    own += ["--keep", "2", "--lora-r", "4", "--device", "cpu"]
    return ["train", "--model", str(base), "--pairs", str(pairs), *own]


JOBS: Final[Mapping[str, Callable[[Path, Path], Job]]] = {
    "run": lambda folder, out: _alone(_run(folder), out, _run_result),
    "fresh": lambda folder, out: _over_another(_run(folder), folder, out, _run_result),
    "until": _until,
    "several": _several,
    "attack": _attack,
    "explain": _explain,
    "paraphrase": _paraphrase,
    "import": _import,
    "bundle": _bundle,
    "train": lambda folder, out: _alone(_train(folder), out, _train_result),
    "train-fresh": lambda folder, out: _over_another(_train(folder), folder, out, _train_result),
    "harden": _harden,
    "harden-alone": lambda folder, out: _harden(folder, out, "--no-control"),
}
"""Job -> what makes it, from a folder for its files and the one that it writes to."""
