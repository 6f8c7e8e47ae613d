"""The kinds of input: valid files, the entry that reads them, and what is surely wrong."""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from tests.support import tiny_models
from tests.support.fuzzing.command_kinds import COMMAND_KINDS
from tests.support.fuzzing.kept_kinds import KEPT_KINDS
from tests.support.fuzzing.kind import Kind, evaluate, never
from tests.support.fuzzing.log_kinds import LOG_KINDS
from tests.support.fuzzing.many_kinds import MANY_KINDS
from tests.support.fuzzing.task_kinds import TASK_KINDS
from tests.support.make_run import TASKS, make_run
from tests.support.mutated_task import ROWS, TASK
from tests.support.saved_runs import save_run
from tests.support.victims import TouchyModel


def _evaluate_all(folder: Path) -> None:
    """With every row: one that is not drawn is not rendered."""
    evaluate(folder, limit=None)


def _write_task(folder: Path) -> None:
    (folder / "task.yaml").write_text(TASK, "utf-8")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")


def _task_wrong(path: Path, place: tuple[Any, ...], value: Any) -> bool:
    if not place:
        return False
    typed = {"source", "label_field", "input", "labels", "instructions"}
    wrong = value in (None, "", [], {}, -1) or (value == "removed" and place[0] != "label_field")
    return place[0] in typed and len(place) == 1 and wrong


def _rows_as(suffix: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        _write_task(folder)
        (folder / "rows.jsonl").unlink()
        task = yaml.safe_load(TASK)
        task["source"] = {"file": f"rows{suffix}"}
        (folder / "task.yaml").write_text(yaml.safe_dump(task, sort_keys=False))
        mark = "\t" if ".tsv" in suffix else ","
        lines = [mark.join(ROWS[0]), *(mark.join(map(str, row.values())) for row in ROWS)]
        content = "\n".join(lines).encode()
        (folder / f"rows{suffix}").write_bytes(
            gzip.compress(content, mtime=0) if suffix.endswith(".gz") else content
        )

    return make


def _rows_wrong(path: Path, place: tuple[Any, ...], value: Any) -> bool:
    if len(place) != 2 or value == "doubled":
        return False
    return place[1] in {"text", "label"} and value in (None, "removed", "renamed")


def _write_variants(folder: Path) -> None:
    _write_task(folder)
    text = yaml.safe_load(TASK)["instructions"][0]["text"]
    rows = [
        {"task": "mood", "level": level, "perturbation": name, "text": text + end, "id": name}
        for level, name, end in (("clean", "clean", ""), ("word", "a", " Now"), ("word", "b", "."))
    ]
    (folder / "variants.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _write_pairs(folder: Path) -> None:
    from tests.support.trainers_tiny import write_tiny_pairs

    write_tiny_pairs(folder / "pairs.jsonl", 6)


def _read_pairs(folder: Path) -> None:
    from trainers.pairs import hash_pairs, read_pairs

    assert hash_pairs(read_pairs(folder / "pairs.jsonl"))


def _pairs_wrong(path: Path, place: tuple[Any, ...], value: Any) -> bool:
    if len(place) != 2 or place[1] not in {"original", "paraphrase", "target"}:
        return False
    return value is None or value in ("removed", "") or isinstance(value, list | dict)


def _write_chats(folder: Path) -> None:
    turns = ["system", "user", "assistant"]
    rows = [
        {"messages": [{"role": role, "content": f"Say what {role} {n} is."} for role in turns]}
        for n in range(4)
    ]
    (folder / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _build_chats(folder: Path) -> None:
    from trainers.pairs.build import build_pairs
    from trainers.pairs.config import PairsConfig, pairs_options

    config = PairsConfig(
        source="paraphrases", input=folder / "chats.jsonl", perturbations=("keyboard",),
        out=folder / "out.jsonl", balance=False,
    )  # fmt: skip
    build_pairs(pairs_options(config)[0])


def _write_templates(folder: Path) -> None:
    rows = [{"sentence": f"toy {n}", "label": n % 2} for n in range(4)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    sources = (
        "Nice? {{sentence}} ||| {{answer_choices[label]}}",
        "{{sentence}}: is it? ||| {{answer_choices[label]}}",
    )
    templates = [
        {"dataset": "toys", "name": str(n), "jinja": text, "answer_choices": "no ||| yes"}
        for n, text in enumerate(sources)
    ]
    (folder / "templates.jsonl").write_text("".join(json.dumps(one) + "\n" for one in templates))
    inputs = ("Is {sentence} nice?", "Is it nice: {sentence}")
    flan = {"toys": [{"input": one, "target": "{label}"} for one in inputs]}
    (folder / "flan.json").write_text(json.dumps(flan))


def _build_templates(folder: Path) -> None:
    from trainers.pairs.build import PairsOptions, build_pairs
    from trainers.pairs.templates import TemplateOptions

    own = TemplateOptions("toys", folder / "rows.jsonl")
    for name in ("templates.jsonl", "flan.json"):
        build_pairs(PairsOptions("templates", folder / name, templates=own, balance=False))


def _write_config(folder: Path) -> None:
    _write_pairs(folder)
    values = {
        "model": "tiny", "pairs": "pairs.jsonl", "out": "out", "batch": 8, "micro_batch": 4,
        "max_steps": 4, "learning_rate": 1e-3, "save_every": 2, "objective": "coin",
    }  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump(values))


def _read_config(folder: Path) -> None:
    from trainers.config import load_train_config

    config = load_train_config(folder / "config.yaml", {})
    assert math.isfinite(config.learning_rate)
    assert config.batch > 0


def _write_run(folder: Path) -> None:
    save_run(
        make_run(folder / "run", tasks=TASKS[:1], examples=8, per_perturbation=1), folder / "run"
    )


def _report(folder: Path) -> None:
    from harness import load_run
    from harness.results.export import export_samples
    from reports import render

    run = load_run(folder / "run")
    render([run], ["md", "csv", "junit"], folder / "reports")
    export_samples(folder / "run", file_format="jsonl", out=folder / "samples.jsonl")


def _run_wrong(path: Path, place: tuple[Any, ...], value: Any) -> bool:
    """Whatever the manifest vouches for may not change at all."""
    if path.name != "run.json":
        return True
    return (
        bool(place)
        and place[0] in {"run_id", "status", "files", "samples", "tasks"}
        and (value is None or isinstance(value, bool) or value == "removed")
    )


def _write_unfinished(folder: Path) -> None:
    """A run that was killed after its last cell: all is there, and nothing vouches for it."""
    _write_task(folder)
    evaluate(folder)
    manifest = json.loads((folder / "out" / "run.json").read_text("utf-8"))
    manifest |= {"status": "running", "files": {}}
    (folder / "out" / "run.json").write_text(json.dumps(manifest))


def _read_unfinished(folder: Path) -> None:
    """As it is, then resumed."""
    from harness import load_run
    from harness.core.errors import HarnessError
    from harness.results.export import export_samples

    with contextlib.suppress(HarnessError):
        assert load_run(folder / "out", partial=True).variants is not None
        export_samples(
            folder / "out", file_format="jsonl", out=folder / "samples.jsonl", partial=True
        )
    evaluate(folder)


def _write_attack(folder: Path) -> None:
    _write_task(folder)
    _attack(folder)
    path = folder / "out" / "attack.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"status": "running"}))


def _attack(folder: Path) -> None:
    from harness.attacks.config import AttackConfig
    from harness.attacks.prepare import prepare_attack
    from harness.attacks.run import execute_attack

    config = AttackConfig(
        model="touchy", task=str(folder / "task.yaml"), out=folder / "out", level="character",
        budget=40, search_examples=4, report_examples=6, cache=False,
    )  # fmt: skip
    touchy = patch("harness.attacks.prepare.load_model", lambda *_, **__: TouchyModel())
    alone = patch("harness.attacks.prepare._load_similarity", lambda _: (None, ()))
    with touchy, alone:
        report = execute_attack(prepare_attack(config), command="fuzz").report
    assert 0 <= report["report"]["accuracy"] <= 1


def _write_cache(folder: Path) -> None:
    from harness.core.cache import ResponseCache
    from harness.core.records import Response

    with ResponseCache(folder / "cache.sqlite") as cache:
        cache.put({bytes([n]) * 16: Response({"a": -float(n), "b": -2.0}) for n in range(40)})
    with sqlite3.connect(folder / "cache.sqlite") as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA journal_mode=DELETE")


def _read_cache(folder: Path) -> None:
    from harness.core.cache import ResponseCache
    from harness.core.records import Response

    with ResponseCache(folder / "cache.sqlite") as cache:
        keys = [bytes([n]) * 16 for n in range(40)]
        for key, response in cache.get(keys).items():
            assert response.scores == {"a": -float(key[0]), "b": -2.0}, "another answer is served"
        cache.put({b"k" * 16: Response({"a": -1.0})})


def _write_bank(folder: Path) -> None:
    _write_task(folder)
    task = yaml.safe_load(TASK)
    text = task["instructions"][0]["text"]
    bank = {
        "task": "mood",
        "instructions": {"a": text},
        "paraphrases": {"a": [f"Please decide. {text}"]},
        "rejected": {"length": 2},
    }
    (folder / "bank.yaml").write_text(yaml.safe_dump(bank))


def _read_bank(folder: Path) -> None:
    from harness.tasks import load_tasks
    from harness.tasks.paraphrase_bank import add_bank, read_bank

    tasks = load_tasks(suite=None, names=(str(folder / "task.yaml"),), data_dir=None)
    add_bank(tasks, read_bank(folder / "bank.yaml"))


def _write_model(folder: Path) -> None:
    tiny_models.make_checkpoint(folder / "model", chat=True)


def _ask_model(folder: Path) -> None:
    from harness.core.records import Request
    from harness.models import ModelSpec, load_model
    from harness.models.token_requests import encode

    model = load_model(ModelSpec(str(folder / "model"), device="cpu"))
    prompt = model.tokenizer.render_chat([{"role": "user", "content": "Is it good?"}])
    context, good, bad = (
        tuple(ids) for ids in encode(model.tokenizer, [prompt, " good", " bad"], special=False)
    )
    requests = [Request(context, {"good": good, "bad": bad})]
    for _, response in model.loglik(requests):
        scores = list((response.scores or {}).values())
        assert all(math.isfinite(score) and score <= 1e-3 for score in scores), scores


_SIZES = {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers"}


def _model_wrong(path: Path, place: tuple[Any, ...], value: Any) -> bool:
    return path.name == "config.json" and bool(place) and place[-1] in _SIZES


KINDS: dict[str, Kind] = {
    "task": Kind(_write_task, evaluate, _task_wrong, 14, ("task.yaml",)),
    "rows jsonl": Kind(_write_task, _evaluate_all, _rows_wrong, 8, ("rows.jsonl",)),
    "rows csv": Kind(_rows_as(".csv"), evaluate, never, 5, ("rows.csv",)),
    "rows tsv": Kind(_rows_as(".tsv"), evaluate, never, 4, ("rows.tsv",)),
    "rows csv.gz": Kind(_rows_as(".csv.gz"), evaluate, never, 4, ("rows.csv.gz",)),
    "variants": Kind(
        _write_variants,
        lambda folder: evaluate(folder, perturbations=(), variants=folder / "variants.jsonl"),
        share=7,
        files=("variants.jsonl",),
    ),
    "bank": Kind(_write_bank, _read_bank, share=5, files=("bank.yaml",)),
    "pairs": Kind(_write_pairs, _read_pairs, _pairs_wrong, 7),
    "chats": Kind(_write_chats, _build_chats, share=6),
    "templates": Kind(_write_templates, _build_templates, share=6),
    "config": Kind(_write_config, _read_config, share=6, files=("config.yaml",)),
    "run": Kind(_write_run, _report, _run_wrong, 10, ("run/*",)),
    "unfinished": Kind(_write_unfinished, _read_unfinished, share=6, files=("out/*",)),
    "attack": Kind(_write_attack, _attack, share=5, files=("out/*",)),
    "cache": Kind(_write_cache, _read_cache, share=5),
    "model": Kind(_write_model, _ask_model, _model_wrong, 6, ("model/*",)),
    **TASK_KINDS,
    **KEPT_KINDS,
    **COMMAND_KINDS,
    **LOG_KINDS,
    **MANY_KINDS,
}
"""Every kind by its name."""
