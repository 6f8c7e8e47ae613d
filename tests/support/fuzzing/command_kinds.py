"""Command lines with a word changed: each ends with an exit code and at most one line of error."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import yaml

from harness.core.errors import ExitCode, UsageError
from tests.support.checkpoints import save_tiny_llama
from tests.support.foreign_logs import lm_eval_choice, save_lm_eval
from tests.support.fuzzing.kind import Kind, write_rows
from tests.support.make_run import TASKS, make_run
from tests.support.mutated_task import ROWS, TASK
from tests.support.saved_runs import save_run

_ASK: Final = ("--model", "tiny", "--task", "task.yaml", "--device", "cpu", "--limit", "3")
COMMANDS: Final[tuple[Sequence[str], ...]] = (
    ("run", *_ASK, "--perturbations", "keyboard", "--per-perturbation", "1", "--instructions", "1",
     "--scorer", "loglik", "--resamples", "100", "--confidence", "0.9", "--seed", "1", "--few-shot",
     "0", "--precision", "0.5", "--share", "1", "--prompt-format", "plain", "--target", "both",
     "--strength", "low", "--placement", "last", "--no-cache", "--quiet", "--out", "out"),
    ("run", *_ASK, "--levels", "character", "--cells", "20", "--dry-run", "--json", "--quiet"),
    ("run", *_ASK, "--model", "t*", "--levels", "word", "--dry-run", "--out", "all",
     "--paraphrase-with", "tiny"),
    ("import", "logs", "--metric", "acc", "--as-variants", "mood", "--level", "word=b", "--model",
     "org/base", "--out", "imported", "--fresh", "--quiet"),
    ("history", ".", "--model", "run", "--levels", "clean", "--since",
     "2026-01-01", "--metric", "drop", "--margin", "1", "--limit", "3", "--json"),
    ("bundle", ".", "--across-models", "--out", "site", "--quiet"),
    ("explain", "run", "--sample", "3", "--answers", "gold", "--confidence", "0.9", "--dry-run"),
    ("report", "run", "other", "--format", "md,csv,junit", "--out", "reports"),
    ("compare", "run", "other", "--metric", "accuracy", "--scorer", "loglik", "--confidence", "0.9",
     "--seed", "1", "--md", "c.md"),
    ("check", "--candidate", "run", "--baseline", "other", "--policy", "policy.yaml", "--badge",
     "b.json", "--comment", "c.md", "--junit", "j.xml", "--json"),
    ("export", "run", "--format", "csv", "--out", "samples.csv"),
    ("perturb", "Say 'yes' or 'no'.", "--levels", "character,word", "--label", "yes", "--seed", "1",
     "--per-perturbation", "2", "--strength", "high"),
    ("plan", "--instructions", "6", "--examples", "100", "--detect", "0.05", "--levels", "word",
     "--tasks", "1", "--confidence", "0.95", "--baseline-accuracy", "0.8", "--json"),
    ("check-task", "task.yaml", "--json"),
    ("init-task", "rows.jsonl", "--label", "label", "--out", "drafted.yaml", "--force"),
    ("import-task", "samples.jsonl", "--from", "samples", "--out", "ours.yaml", "--force"),
    ("baseline", "set", "run", "--store", "store", "--name", "main", "--json"),
    ("baseline", "list", "--store", "store"),
    ("data", "list", "--data-dir", ".", "--json"),
    ("init-ci", "github", "--model", "tiny"),
    ("pairs", "--source", "paraphrases", "--input", "requests.jsonl", "--levels", "character",
     "--per-row", "1", "--seed", "1", "--limit", "2", "--no-balance", "--out", "pairs.jsonl"),
    ("list", "perturbations", "--json"),
    ("show", "keyboard"),
    ("cache", "info", "--json"),
)  # fmt: skip


def _write(folder: Path) -> None:
    save_tiny_llama(folder / "tiny")
    (folder / "task.yaml").write_text(TASK, "utf-8")
    write_rows(folder / "rows.jsonl", ROWS)
    write_rows(folder / "samples.jsonl", [{"input": f"q{n}", "target": f"t{n}"} for n in range(3)])
    asked = [f"Say what the number {n} is called." for n in range(4)]
    requests = [{"instruction": text, "output": "It."} for text in asked]
    write_rows(folder / "requests.jsonl", requests)
    samples = [lm_eval_choice(doc, doc % 2, (-1.0, -2.0)) for doc in range(3)]
    save_lm_eval(folder / "logs", {"a": samples, "b": samples})
    for name in ("run", "other"):
        made = make_run(folder / name, tasks=TASKS[:1], model=name, examples=8, per_perturbation=1)
        save_run(made, folder / name)
    rules = [{"metric": "accuracy", "min": 0.1}]
    (folder / "policy.yaml").write_text(yaml.safe_dump({"rules": rules}))
    (folder / "commands.json").write_text(json.dumps(COMMANDS))


def _type(folder: Path) -> None:
    """Type each line that was changed, or all of them where none was."""
    from harness.cli.app import run

    def fail(error: Exception) -> None:
        raise error

    try:
        lines = json.loads((folder / "commands.json").read_bytes())
    except (ValueError, RecursionError):
        raise UsageError("no lines that can be typed") from None
    typed = [tuple(map(_word, line)) for line in lines if isinstance(line, list)]
    changed = [line for line in typed if line not in COMMANDS] or typed
    codes = set()
    known = dict(os.environ)
    with chdir(folder), patch("harness.cli.app.traceback.print_exception", fail):
        for line in changed:
            codes.add(run(list(line)))
    assert dict(os.environ) == known, "a command changed the environment"
    if not codes <= {ExitCode.OK, ExitCode.GATE_FAILED}:
        assert ExitCode.INTERNAL not in codes
        raise UsageError(f"exit codes {codes}")


def _word(value: Any) -> str:
    """A word that a shell could hand over: no path that leads out of the folder."""
    return str(value).replace("\0", "").replace("..", "up").lstrip("/~")


COMMAND_KINDS: Final[dict[str, Kind]] = {
    "commands": Kind(_write, _type, share=12, files=("commands.json",)),
}
"""Kinds of command lines."""
