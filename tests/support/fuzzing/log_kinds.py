"""Logs of other tools: whatever is in them, every sample is a score and can be stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from tests.support.foreign_logs import (
    inspect_log,
    inspect_sample,
    lm_eval_choice,
    lm_eval_text,
    promptfoo_results,
    promptfoo_row,
    save_eval,
    save_helm,
    save_lm_eval,
)
from tests.support.fuzzing.kind import Kind

_TYPOS: Final = {"typos": {"name": "typos", "prob": 0.1}}


def _lm_eval(folder: Path) -> None:
    samples = [lm_eval_choice(doc, doc % 2, (-1.0, -2.0 + doc)) for doc in range(3)]
    texts = [one for doc in range(2) for one in lm_eval_text(doc, "4", "4.", {"a": "4", "b": ""})]
    save_lm_eval(folder / "logs", {"mood": samples, "mood_typos": samples, "sums": texts})


def _inspect(folder: Path) -> None:
    (folder / "logs").mkdir()
    log = inspect_log([inspect_sample(1, "4", "C"), inspect_sample(2, "5", 0.25, epoch=2)])
    (folder / "logs" / "log.json").write_text(json.dumps(log), "utf-8")


def _archive(folder: Path) -> None:
    (folder / "logs").mkdir()
    options: dict[str, Any] = {"choices": ["dog", "owl"]}
    samples = [inspect_sample(one, "B", "C", target="B", **options) for one in (1, 2)]
    save_eval(folder / "logs" / "log.eval", inspect_log(samples))


def _promptfoo(folder: Path) -> None:
    (folder / "logs").mkdir()
    rows = [promptfoo_row(prompt, test, "Paris", 0.5) for prompt in (0, 1) for test in (0, 1)]
    (folder / "logs" / "out.json").write_text(json.dumps(promptfoo_results(rows)), "utf-8")


def _helm(folder: Path) -> None:
    save_helm(folder / "logs", {"": "yn", "typos": "nn"}, _TYPOS)


def _import(folder: Path) -> None:
    """Everything but the summary, which takes most of the time and is of our own samples."""
    from harness.logs.arrange import arrange_task
    from harness.logs.choose import choose_metric
    from harness.logs.find import read_logs
    from harness.logs.group import by_task, of_one_model
    from harness.results.rundir import RunDirectory

    logs = folder / "logs"
    single = [path for path in logs.iterdir() if path.name in ("log.json", "out.json")]
    read = of_one_model(read_logs(single or [logs]), None)
    directory = RunDirectory(folder)
    for name, own in by_task(read, as_variants=None, levels={}).items():
        task = arrange_task(name, own, choose_metric(own, None))
        assert all(0 <= sample.score <= 1 for sample in task.samples)
        directory.write_variants(task.variants)
        directory.write_examples([task])
        directory.write_json("notes.json", {"notes": task.notes, "lost": [one.lost for one in own]})
        with directory.samples() as store:
            store.write(task.samples)


LOG_KINDS: dict[str, Kind] = {
    "lm-eval logs": Kind(_lm_eval, _import, share=6, files=("logs/*",)),
    "inspect log": Kind(_inspect, _import, share=5, files=("logs/*",)),
    "inspect archive": Kind(_archive, _import, share=4, files=("logs/*",)),
    "promptfoo results": Kind(_promptfoo, _import, share=5, files=("logs/*",)),
    "helm run": Kind(_helm, _import, share=5, files=("logs/*",)),
}
