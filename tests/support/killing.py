"""Kills a job at each of its writes, one by one, and sees whether the same command ends it well.

Writes are found by interposition: Python's audit events for opening to write, renaming, removing
and making folders; SQLite's own trace of statements; and safetensors' writer, which is also cut
half way. Each kill is an `os._exit` in a forked process: nothing is flushed, closed or cleaned up.

    OMP_NUM_THREADS=1 python -m tests.support.killing JOB [STEP]

prints how many points the job (run, fresh, until, attack, train, train-fresh, harden, harden-alone)
has, and every one after which it did not end as it should. What the jobs import is loaded once, in
the process that forks, so that a point takes one to three seconds; of a hardening, ten.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.hardening_task import hardening_options

KILLED = 77
_CHANGES = {
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "os.link",
    "os.symlink",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_STATEMENTS = re.compile(
    r"\s*(BEGIN|COMMIT|CREATE|DELETE|PRAGMA journal|PRAGMA wal)", re.IGNORECASE
)


@dataclass
class _Points:
    """The points of one process, and the one at which it is killed."""

    folder: str = ""
    kill_at: int = 0
    seen: list[str] = field(default_factory=list)

    def reach(self, what: str, *, before_exit: Callable[[], None] | None = None) -> None:
        self.seen.append(what)
        if len(self.seen) == self.kill_at:
            if before_exit:
                before_exit()
            os._exit(KILLED)


_points = _Points()


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _points.folder:
        return
    path = str(arguments[0]) if arguments else ""
    if not path.startswith(_points.folder):
        return
    if event in _CHANGES or (event == "open" and (arguments[2] or 0) & _WRITING):
        _points.reach(f"{event} {Path(path).name}")


def _statement(text: str) -> None:
    if _STATEMENTS.match(text):
        _points.reach(f"sqlite {text.split('(', maxsplit=1)[0].strip()[:30]}")


def _watch_sqlite() -> None:
    connect = sqlite3.connect

    def watched(database: Any, *arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(database, *arguments, **options)
        if _points.folder and _points.folder in str(database) and "mode=ro" not in str(database):
            _points.reach(f"opened {Path(database).name}")
            connection.set_trace_callback(_statement)
        return connection

    sqlite3.connect = watched  # type: ignore[assignment]


def _watch_safetensors() -> None:
    import safetensors.torch

    save = safetensors.torch.save_file

    def watched(tensors: Any, filename: Any, metadata: Any = None) -> None:
        path = Path(filename)
        watched_here = str(path).startswith(_points.folder or "\0")
        if watched_here:
            _points.reach(f"save {path.name}")
        save(tensors, filename, metadata)
        if watched_here:
            half = path.stat().st_size // 2
            _points.reach(f"half of {path.name}", before_exit=lambda: os.truncate(path, half))

    safetensors.torch.save_file = watched


@dataclass(frozen=True)
class Job:
    """A command, the state that it starts from, and what counts as its result."""

    arguments: Sequence[str]
    again: Sequence[Sequence[str]]
    """The commands of which each must end a killed job well (or, but for the first, refuse)."""
    result: Callable[[Path], object]
    start: Path | None = None
    """A folder whose copy is there when the job begins."""


def _fork(arguments: Sequence[str], folder: Path, kill_at: int) -> tuple[int, list[str], str]:
    """Run a command in a process of its own; returns its exit code, points and messages."""
    read, write = os.pipe()
    log = folder.parent / "log"
    pid = os.fork()
    if pid == 0:
        from harness.cli.app import run

        opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, 1)
        os.dup2(opened, 2)
        _points.folder, _points.kill_at = str(folder), kill_at
        code = run(list(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(write, json.dumps(_points.seen).encode()[-60_000:])
        os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        seen = stream.read()
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), json.loads(seen or b"[]"), log.read_text("utf-8")


def sweep(job: Job, out: Path, *, step: int = 1) -> tuple[list[str], list[str]]:
    """Kill the job at every `step`-th point; returns all points, and what went wrong."""
    _prepare(job, out)
    code, points, said = _fork(job.arguments, out, 0)
    assert code == 0, said
    wanted = job.result(out)
    wrong: list[str] = []
    for kill_at in range(1, len(points) + 1, step):
        for number, again in enumerate(job.again):
            _prepare(job, out)
            code, _, said = _fork(job.arguments, out, kill_at)
            assert code == KILLED, f"point {kill_at} was not reached: {said}"
            code, _, said = _fork(again, out, 0)
            refused = number > 0 and code == 2 and "--fresh" in said and said.count("\n") == 1
            if not refused and (code != 0 or job.result(out) != wanted):
                what = "another result" if code == 0 else f"exit {code}: {said[-300:]}"
                wrong.append(f"{kill_at} ({points[kill_at - 1]}), then {again[-1]}: {what}")
                print(wrong[-1], flush=True)
    return points, wrong


def _prepare(job: Job, out: Path) -> None:
    for folder in (out, _beside(out)):
        shutil.rmtree(folder, ignore_errors=True)
    if job.start is not None:
        shutil.copytree(job.start, out)


def _beside(out: Path) -> Path:
    """Where a hardening keeps all but its checkpoint."""
    return out.with_name(f"{out.name}.hardening")


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


def _harden_result(out: Path) -> object:
    weights = [
        hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        for folder in (out, _beside(out) / "control")
        if folder.is_dir()
    ]
    texts = [
        (_beside(out) / name).read_bytes()
        for name in ("hardening.json", "pairs.jsonl", "held-out.yaml", "robustness-policy.yaml")
    ]
    card = (out / "README.md").read_text("utf-8").partition("## Results")[0]  # without times
    runs = [
        (folder.name, (folder / "variants.jsonl").read_bytes())
        for folder in sorted((_beside(out) / "runs").iterdir())
    ]
    return weights, texts, card, runs, (_beside(out) / "report.html").is_file()


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


def make_job(name: str, folder: Path) -> tuple[Job, Path]:
    """A job by name, with its files in `folder`, and the folder that it writes to."""
    out = folder / "out"
    if name in {"run", "fresh"}:
        own = ["--perturbations", "keyboard", "--resamples", "100", "--window", "16"]
        own += ["--scorer", "calibrated"]  # priors are written, too
        run = ["run", *_run_options(folder), *own, "--no-cache", "--quiet", "--limit", "12"]
        job = Job([*run, "--out", str(out)], [[*run, "--out", str(out)]], _run_result)
        if name == "fresh":
            start = folder / "start"
            assert _fork([*run, "--seed", "5", "--out", str(start)], start, 0)[0] == 0
            fresh = [*run, "--out", str(out), "--fresh"]
            job = Job(fresh, [fresh, [*run, "--out", str(out)]], _run_result, start)
        return job, out
    if name == "until":
        own = ["--levels", "character", "--resamples", "100", "--window", "16", "--no-cache"]
        own += ["--scorer", "loglik"]
        grow = ["--limit", "12", "--cells", "30", "--until", "0.01", "--quiet", "--out", str(out)]
        refine = ["run", *_run_options(folder), *own, *grow]
        return Job(refine, [refine], _run_result), out
    if name == "attack":
        own = ["--level", "character", "--budget", "60", "--quiet", "--no-cache"]
        attack = ["attack", *_run_options(folder), *own, "--out", str(out)]
        return Job(attack, [attack], _attack_result), out
    if name in {"harden", "harden-alone"}:
        harden = ["harden", *hardening_options(folder), "--out", str(out), "--quiet"]
        harden += ["--no-control"] if name == "harden-alone" else []
        return Job(harden, [harden], _harden_result), out
    from tests.support.trainers_tiny import save_tiny, tiny_llama, write_tiny_pairs

    pairs = write_tiny_pairs(folder / "pairs.jsonl", 24)
    base = save_tiny(folder / "base", tiny_llama())
    own = ["--batch", "8", "--micro-batch", "4", "--max-steps", "4", "--save-every", "1"]
    own += ["--keep", "2", "--lora-r", "4", "--device", "cpu"]
    train = ["train", "--model", str(base), "--pairs", str(pairs), *own]
    job = Job([*train, "--out", str(out)], [[*train, "--out", str(out)]], _train_result)
    if name == "train-fresh":
        start = folder / "start"
        assert _fork([*train, "--seed", "5", "--out", str(start)], start, 0)[0] == 0
        fresh = [*train, "--out", str(out), "--fresh"]
        job = Job(fresh, [fresh, [*train, "--out", str(out)]], _train_result, start)
    return job, out


def _warm_up() -> None:
    """Load once, before the forks, what each job would load: two thirds of a point's time."""
    import gc
    from importlib import import_module

    names = ("transformers", "trainers.train", "harness.evaluation.execute", "reports.rendering")
    for name in (*names, "harness.api.hardening"):
        import_module(name)
    import_module("reports.charts.runtime").javascript()
    for name in ("reports.html", "harness.metrics.summary", "harness.results.provenance"):
        import_module(name)
    gc.freeze()  # a collection in a child would look through all of this again


def main(name: str, step: int) -> int:
    """Sweep one job; returns the exit code."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    _watch_sqlite()
    _watch_safetensors()
    _warm_up()
    with tempfile.TemporaryDirectory() as place:
        os.environ["HARNESS_CACHE_DIR"] = f"{place}/cache"
        sys.addaudithook(_hook)
        points, wrong = sweep(*make_job(name, Path(place)), step=step)
    killed = len(range(0, len(points), step))
    print(f"{name}: {len(points)} points, {killed} tried, {len(wrong)} wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1))
