"""One cell of the experiment: an arm on a task with a seed, from its data to its runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml
from draw import Row, draw_rows, make_pairs, noise_of
from form import START, Arm, Form
from others import instructions_of_others

from harness.api.training import run_training
from harness.core.atomic import write_text
from harness.core.errors import NothingToEvaluateError
from harness.core.records import Scorer
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.prepare import prepare
from harness.prompting.prompts import PromptFormat
from trainers.base_model import find_base, load_tokenizer
from trainers.config import load_train_config
from trainers.features import PairEncoder
from trainers.pairs import Pair, write_pairs

LAYOUT: Final[PromptFormat] = "coin"
SCORERS: Final[tuple[Scorer, ...]] = ("loglik", "generate")
TESTS = ("others", "published")
REWORDED = ("promptbench:checklist", "promptbench:stresstest", "promptbench:semantic")
FEWEST_INSTRUCTIONS = 3


@dataclass(frozen=True)
class Cell:
    """An arm on a task with a seed."""

    arm: str
    task: str
    seed: int

    @property
    def name(self) -> str:
        """How `--only` names it."""
        return f"{self.arm}/{self.task}/{self.seed}"


@dataclass(frozen=True)
class Place:
    """Where a form's data is read and its results are written."""

    form: Form
    data: Path
    out: Path

    def folder(self, cell: Cell) -> Path:
        """Of a task and a seed, which all arms share."""
        return self.out / cell.task / f"seed-{cell.seed}"

    def run(self, cell: Cell, test: str) -> Path:
        """The run directory of a test."""
        return self.folder(cell) / test / cell.arm

    def tests(self, cell: Cell) -> list[str]:
        """The tests that a cell has."""
        return [one for one in TESTS if one == "others" or cell.task in self.form.published]

    def is_done(self, cell: Cell) -> bool:
        """Whether every test of it has its summary."""
        return all((self.run(cell, one) / "summary.json").exists() for one in self.tests(cell))


def all_cells(form: Form) -> list[Cell]:
    """By seed first, then by task: what is cut short has some seeds of all arms."""
    return [
        Cell(arm, task, seed)
        for seed in form.seeds
        for task in form.tasks
        for arm in (START, *form.arms)
    ]


def run_cell(place: Place, cell: Cell) -> None:
    """Train and test; what is finished is not done again."""
    model = _start(place, cell)
    if cell.arm != START:
        model = _train_arm(place, cell, model)
    for test in place.tests(cell):
        if not (place.run(cell, test) / "summary.json").exists():
            _test(place, cell, model, test)


def _start(place: Place, cell: Cell) -> Path:
    form, folder = place.form, place.folder(cell)
    pairs = folder / "pairs" / f"{START}.jsonl"
    if not pairs.exists():
        rows = draw_rows(form, cell.task, place.data, seed=cell.seed).start
        _write(place, cell, pairs, Arm(wordings=1), rows, form.start.tokens)
    _train(place, cell, form.model, pairs, folder / START, {"objective": "sft"} | form.start.train)
    return folder / START


def _train_arm(place: Place, cell: Cell, start: Path) -> Path:
    form, folder, arm = place.form, place.folder(cell), place.form.arms[cell.arm]
    pairs, out = folder / "pairs" / f"{cell.arm}.jsonl", folder / "arms" / cell.arm
    if not pairs.exists():
        rows = draw_rows(form, cell.task, place.data, seed=cell.seed).arms
        _write(place, cell, pairs, arm, rows, form.tokens)
    _train(place, cell, start, pairs, out, {"objective": arm.objective} | form.train | arm.train)
    return out


def _write(place: Place, cell: Cell, path: Path, arm: Arm, rows: list[Row], tokens: int) -> None:
    form = place.form
    encoder = PairEncoder(load_tokenizer(find_base(form.model)), LAYOUT, end_token=True)

    def length(pair: Pair) -> int:
        return encoder.encode([pair])[0].tokens

    noise = noise_of(form, place.data) if arm.noisy else ()
    spec = form.tasks[cell.task]
    write_pairs(path, make_pairs(rows, spec, arm, tokens, length, noise, seed=cell.seed))


def _train(
    place: Place, cell: Cell, model: object, pairs: Path, out: Path, options: dict[str, object]
) -> None:
    fixed = {"model": str(model), "pairs": pairs, "out": out, "seed": cell.seed}
    common = {"prompt_format": LAYOUT, "epochs": 1.0, "max_length": 256, "overlong": "drop"}
    run_training(load_train_config(None, common | options | fixed))


def _test(place: Place, cell: Cell, model: Path, test: str) -> None:
    published = test == "published"
    config = RunConfig(
        model=str(model),
        tasks=(cell.task if published else str(_task_file(place, cell)),),
        instructions="promptbench" if published else None,
        perturbations=REWORDED if published else place.form.test.perturbations,
        limit=place.form.test.rows,
        data_dir=place.data,
        scorers=SCORERS,
        prompt_format=LAYOUT,
        max_new_tokens=place.form.test.max_new_tokens,
        full=True,
        cache=False,
        out=place.run(cell, test),
    )
    # No page of its own: the analysis reads all runs.
    execute(prepare(config), command=f"experiment.py --only {cell.name}")


def _task_file(place: Place, cell: Cell) -> Path:
    """The task with instructions by others; its rows and texts are the same for every seed and arm.

    Raises:
        NothingToEvaluateError: other authors have fewer instructions than an interval needs.
    """
    form, spec = place.form, place.form.tasks[cell.task]
    path = place.out / cell.task / "task.yaml"
    if path.exists():
        return path
    texts = instructions_of_others(spec, place.data, number=form.test.instructions)
    if len(texts) < FEWEST_INSTRUCTIONS:
        raise NothingToEvaluateError(
            f"{cell.task}: other authors have {len(texts)} instructions in these answer words."
        )
    rows = draw_rows(form, cell.task, place.data, seed=0).test
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({"text": row.text, "label": row.answer}) + "\n" for row in rows)
    write_text(path.with_name("test.jsonl"), lines)
    content = {
        "name": cell.task,
        "source": {"file": "test.jsonl"},
        "label_field": "label",
        "input": "{{ text }}",
        "answer_cue": spec.cue,
        "labels": spec.labels,
        "instructions": [
            {"id": name, "style": "task", "text": text} for name, text in texts.items()
        ],
    }
    write_text(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return path
