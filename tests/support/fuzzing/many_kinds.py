"""What stands beside runs and models: an index, pages, explanations, adapters, hardenings."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from tests.support.fuzzing.kind import Kind, never
from tests.support.hardening_task import SMALL, write_place
from tests.support.make_run import TASKS, make_run
from tests.support.saved_runs import save_run

_EXPECTED: Final = "expected.json"


def _two_runs(folder: Path) -> Path:
    for name, strength in (("a", 1.0), ("b", 4.0)):
        path = folder / "runs" / name
        made = make_run("x", tasks=TASKS[:1], examples=8, per_perturbation=1, strength=strength)
        save_run(made, path)
    return folder / "runs"


@contextmanager
def _history(folder: Path) -> Iterator[None]:
    """A history of the folder's own, which a copy of the folder does not make older."""
    own = patch.dict("os.environ", {"HARNESS_HISTORY_DIR": str(folder / "history")})
    with own, patch("harness.history.refresh.stamp", lambda run: "as it was"):
        yield


def _followed(folder: Path) -> dict[str, Any]:
    from harness.history.answer import answer, answer_json
    from harness.history.refresh import load_history
    from harness.history.select import Selection

    with _history(folder):
        found = answer(load_history([folder / "runs"]), Selection())
    return {**answer_json(found), "notes": []}


def _index(folder: Path) -> None:
    _two_runs(folder)
    (folder / _EXPECTED).write_text(json.dumps(_followed(folder)))


def _follow(folder: Path) -> None:
    expected = json.loads((folder / _EXPECTED).read_text("utf-8"))
    assert json.loads(json.dumps(_followed(folder))) == expected, "another history is told"


def _pages(folder: Path) -> None:
    _two_runs(folder)
    _bundle(folder)


def _bundle(folder: Path) -> None:
    from harness.history.answer import answer
    from harness.history.refresh import load_history
    from harness.history.select import Selection
    from reports.site.bundle import write_bundle
    from reports.site.site import Site

    with _history(folder):
        site = Site(answer(load_history([folder / "runs"]), Selection()))
    assert all(path.stat().st_size for path in write_bundle(site, folder / "site"))


def _explained(folder: Path) -> None:
    from harness.cli.app import run
    from tests.support.tiny_models import make_checkpoint
    from tests.support.victims import write_task

    make_checkpoint(folder / "model")
    task = write_task(folder, examples=4)
    line = f"run --task {task} --model {folder / 'model'} --out {folder / 'run'} --scorer loglik"
    own = "--perturbations keyboard,politeness --device cpu --no-cache --resamples 100 --full"
    assert run([*line.split(), *own.split(), "--instructions", "1"]) == 0
    (folder / _EXPECTED).write_text(json.dumps(_told(folder)))


def _told(folder: Path) -> Any:
    import harness

    harness.explain(folder / "run", sample=4, worst=2, checked=1)
    return json.loads((folder / "run" / "explanation.json").read_text("utf-8"))["models"]


def _explain(folder: Path) -> None:
    from harness.core.errors import HarnessError
    from harness.results.rundir import load_run
    from reports import render_again

    told: list[HarnessError] = []
    try:
        render_again(load_run(folder / "run"))
    except HarnessError as error:
        told.append(error)
    expected = json.loads((folder / _EXPECTED).read_text("utf-8"))
    assert _told(folder) == expected, "another explanation is told"
    if told:
        raise told[0]


def _adapters(folder: Path) -> None:
    import peft

    from tests.support.tiny_models import make_checkpoint, make_model

    make_checkpoint(folder / "base")
    for place, name in enumerate("ab"):
        settings = peft.LoraConfig(
            task_type="CAUSAL_LM", target_modules=["q_proj", "v_proj"], r=2 + place,
            init_lora_weights=False,
        )  # fmt: skip
        peft.get_peft_model(make_model(), settings).save_pretrained(str(folder / "adapters" / name))
        path = folder / "adapters" / name / "adapter_config.json"
        content = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps({**content, "base_model_name_or_path": str(folder / "base")}))


def _switch(folder: Path) -> None:
    """Ask the base and each adapter on it, as one command with several models does."""
    from harness.core.records import Request
    from harness.models import ModelSpec, load_model
    from harness.models.loading.kept_base import KeptBase
    from harness.models.named import check_named, expand_models

    kept = KeptBase()
    for name in expand_models([str(folder / "base"), str(folder / "adapters" / "*")]):
        check_named(name)
        model = load_model(ModelSpec(name, device="cpu"), kept=kept)
        for _, response in model.loglik([Request((5, 6, 7), {"good": (8,), "bad": (9, 10)})]):
            scores = list((response.scores or {}).values())
            assert all(math.isfinite(score) and score <= 1e-3 for score in scores), scores


def _hardening(folder: Path) -> None:
    write_place(folder)
    (folder / "options.json").write_text(json.dumps({**SMALL, "control": True, "seed": 0}))
    _begin(folder)


def _begin(folder: Path) -> None:
    """Read all that a hardening begins with, and the state of one that was stopped."""
    from harness.api.hardening_data import check_reworder, read_material
    from harness.core.errors import UsageError
    from harness.core.options import check_options
    from harness.hardening.config import HardenConfig
    from harness.hardening.folder import open_state, place_at

    try:
        options = json.loads((folder / "options.json").read_bytes())
    except (ValueError, RecursionError):
        raise UsageError("no options that can be given") from None
    if not isinstance(options, dict):
        raise UsageError("no options that can be given")
    own = {"model": folder / "model", "task": folder / "red.yaml", "train": folder / "train.jsonl"}
    given = {**options, **{name: str(path) for name, path in own.items()}}
    config = check_options(HardenConfig, {**given, "out": folder / "out"})
    material, place = read_material(config), place_at(config.out)
    check_reworder(config, material)
    assert material.rows
    assert material.wordings
    place.work.mkdir(exist_ok=True)
    state = open_state(place, config.identity(), fresh=config.fresh)
    assert state.steps is None or state.steps > 0


MANY_KINDS: Final[dict[str, Kind]] = {
    "history index": Kind(_index, _follow, share=4, files=("history/*",)),
    "pages": Kind(_pages, _bundle, share=3, files=("runs/*/*", "site/index.html")),
    "explanation": Kind(
        _explained, _explain, never, 4, ("run/attributions.sqlite", "run/explanation.json")
    ),
    "adapters": Kind(_adapters, _switch, share=5, files=("adapters/*/*",)),
    "hardening": Kind(
        _hardening, _begin, share=5,
        files=("options.json", "red.yaml", "train.jsonl", "out.hardening/*"),
    ),
}  # fmt: skip
"""Kinds of what stands beside runs and models."""
