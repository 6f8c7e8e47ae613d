"""What is kept beside runs: policies, baselines, notes on fetched data, unfinished banks."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from tests.support.fuzzing.kind import Kind
from tests.support.make_run import TASKS, make_run
from tests.support.mutated_task import TASK
from tests.support.saved_runs import save_run
from tests.support.victims import TouchyModel

_RULES: Final = (
    {"metric": "accuracy", "min": 0.1},
    {"metric": "drop", "level": "word", "max": 0.9},
    {"metric": "accuracy", "no_worse_than": 0.5, "tier": "should"},
    {"metric": "accuracy", "max_drop": 0.4, "per_task": True, "overrides": {"one": {"min": 0.2}}},
    {"metric": "spread", "max": 0.1, "known": {"until": "2030-01-31", "because": "a template"}},
)


def _run(folder: Path, model: str) -> Path:
    made = make_run(folder, tasks=TASKS[:1], model=model, examples=12, per_perturbation=1)
    return save_run(made, folder)


def _policy(folder: Path) -> None:
    _run(folder / "run", "new")
    _run(folder / "base", "old")
    rules = [*_RULES[:3], {**_RULES[3], "overrides": {TASKS[0].name: {"min": 0.2}}}, _RULES[4]]
    content = {"confidence": 0.9, "min_examples": 5, "rules": rules}
    (folder / "policy.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def _judge(folder: Path) -> None:
    from harness.gate.files import check_runs
    from reports.rendering import VERDICT_FORMATS, write_verdict

    verdict = check_runs(folder / "run", folder / "policy.yaml", baseline=folder / "base")
    for form in VERDICT_FORMATS:
        write_verdict(verdict, form, folder / f"verdict.{form}")
        assert (folder / f"verdict.{form}").stat().st_size


def _policy_wrong(path: Path, place: tuple[Any, ...], value: Any) -> bool:
    if not place or place[-1] not in {"min", "max", "no_worse_than", "max_drop", "until"}:
        return False
    bad = isinstance(value, float) and not math.isfinite(value)
    return bad or isinstance(value, bool | list | dict) or value in ("", "x", "\ud800")


def _store(folder: Path) -> None:
    from harness.baselines.store import open_store, set_baseline

    for name in ("main", "old"):
        set_baseline(open_store(str(folder / "store")), _run(folder / name, name), name)


def _fetch(folder: Path) -> None:
    from harness.baselines.store import get_baseline, open_store

    store = open_store(str(folder / "store"))
    assert [one.name for one in store.list()] == ["main", "old"]
    for name in ("main", "old"):
        run = get_baseline(store, folder / f"fetched-{name}", name)
        assert run.manifest["model"]["name"] == name, "another run is served"


def _store_wrong(path: Path, place: tuple[Any, ...], value: Any) -> bool:
    """The files of a run are sealed."""
    return path.parent.name != "store" and path.name != "run.json"


def _notes(folder: Path) -> None:
    import hashlib
    from dataclasses import asdict

    from harness.authoring.fetch import NOTES, Fetched
    from harness.authoring.public_data import public_data
    from harness.core.atomic import write_json

    data = public_data()[0]
    content = b'{"sentence": "x", "label": 1}\n'
    path = folder / data.file
    path.parent.mkdir(parents=True)
    path.write_bytes(_packed(path, content))
    done = Fetched(data.file, data.hub, "r", 1, hashlib.sha256(content).hexdigest(), data.licence)
    write_json(folder / NOTES, {data.file: asdict(done)})


def _packed(path: Path, content: bytes) -> bytes:
    import gzip
    import lzma

    return lzma.compress(content) if path.suffix == ".xz" else gzip.compress(content, mtime=0)


def _states(folder: Path) -> None:
    from harness.authoring.fetch import state_of
    from harness.authoring.public_data import public_data

    for one in public_data():
        assert state_of(one, folder) in {"missing", "there", "as fetched", "changed"}


class _Writer(TouchyModel):
    """Rewords whatever it is asked by one of two texts."""

    def sample(self, contexts: Sequence[Any], seeds: Sequence[int], sampling: Any) -> list[str]:
        """The same texts for everything."""
        texts = ["Please judge the review that follows.", "Look at this text."]
        return [texts[seed % 2] for seed in seeds]


def _begun(folder: Path) -> None:
    (folder / "task.yaml").write_text(TASK.replace("rows.jsonl", "../rows.jsonl"), "utf-8")
    _reword(folder)


def _reword(folder: Path) -> None:
    from harness.paraphrasing import ParaphraseConfig, read_bank, write_bank, write_paraphrases
    from harness.tasks.load import load_task

    path = folder / "bank.yaml"
    (folder.parent / "rows.jsonl").write_text(json.dumps({"text": "t", "label": "positive"}) + "\n")
    task = load_task(folder / "task.yaml", data_dir=None)
    begun = read_bank(path) if path.exists() else None
    bank = write_paraphrases(
        _Writer(),
        task,
        ParaphraseConfig(rounds=1, temperatures=(1.0,)),
        begun=begun,
    )
    write_bank(bank, path)
    assert read_bank(path).instructions == bank.instructions


KEPT_KINDS: Final[dict[str, Kind]] = {
    "policy": Kind(_policy, _judge, _policy_wrong, 9, ("policy.yaml",)),
    "baseline": Kind(_store, _fetch, _store_wrong, 8, ("store/*", "store/*/*")),
    "data notes": Kind(_notes, _states, share=3, files=("*", "*/*")),
    "paraphrase": Kind(_begun, _reword, share=5, files=("bank.yaml",)),
}
"""Kinds of what is kept."""
