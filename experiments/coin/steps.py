"""The experiment as a list of commands: data, the common start, then each arm with each seed.

A search is the same with candidates for arms, judged by validation rows and wordings.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
HARNESS = (sys.executable, "-m", "harness.cli")
VALIDATION = "search"
"""Where the runs of a search lie, as those of an evaluation lie under its name."""
AGAINST = "sft"
"""The arm that others are held against, if they do not name another."""
BANK = "wordings.yaml"

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One command."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Steps:
    """All commands: `first` in order, then the chains, which do not depend on each other."""

    first: tuple[Step, ...]
    chains: tuple[tuple[Step, ...], ...]

    def __iter__(self) -> Iterator[Step]:
        yield from self.first
        for chain in self.chains:
            yield from chain


def read_config(path: Path) -> Config:
    """A form of the experiment, such as small.yaml."""
    config: Config = yaml.safe_load(path.read_text(encoding="utf-8"))
    return config


def plan_steps(config: Config, data: Path, out: Path) -> Steps:
    """The commands of a form, writing under `out`."""
    if config.get("further"):
        config = {**config, "task_files": out / "tasks"}
    # By seed first: what is cut short has some seeds of all arms.
    every = sorted({seed for arm in config["arms"] for seed in seeds_of(config, arm)})
    arms = [
        (arm, seed) for seed in every for arm in config["arms"] if seed in seeds_of(config, arm)
    ]
    return Steps(
        first=(*_data(config, data, out), *_test_tasks(config), _start(config, out)),
        chains=(
            tuple(_evaluate(config, data, out, "untouched", "untouched", config["model"])),
            tuple(_evaluate(config, data, out, "start", "start", out / "start")),
            *(tuple(_arm(config, data, out, arm, seed)) for arm, seed in arms),
        ),
    )


def seeds_of(config: Config, arm: str) -> list[int]:
    """The seeds an arm is trained with: its own, or the form's."""
    seeds: list[int] = config["arms"][arm].get("seeds", config["seeds"])
    return seeds


def against(config: Config, arm: str) -> str:
    """The arm that one is held against: ablations name the one they change."""
    name: str = config["arms"].get(arm, {}).get("against", AGAINST)
    return name


def takes_part(config: Config, test: str, arm: str) -> bool:
    """Whether an evaluation is of an arm: it lists its arms, or is of all but ablations."""
    listed = config["evaluations"][test].get("arms")
    return arm in listed if listed else against(config, arm) == AGAINST


def plan_results(form: Path, out: Path) -> tuple[Step, ...]:
    """The commands that make results.json, similarity.json and report.html of the finished arms."""
    config = read_config(form)
    seed = config["seeds"][0]
    test = next(iter(config["evaluations"]))
    arms = [arm for arm in config["arms"] if against(config, arm) == AGAINST]
    models = (out / "start", *(out / "arms" / f"{arm}-{seed}" for arm in arms))
    return (
        Step("measure", _script("measure.py", form, "--out", out)),
        Step(
            "similarity",
            _script(
                *("similarity.py", config["model"], *models, "--run", out / test / "start"),
                *("--out", out / "similarity.json"),
            ),
        ),
        Step("page", _script("page.py", out)),
    )


def plan_search(config: Config, data: Path, out: Path) -> Steps:
    """The commands that compare a form's candidates on validation rows and wordings, one seed."""
    validation = out / "validation"
    search = {
        **config,
        "task_files": validation,
        "arms": config["search"]["candidates"],
        "evaluations": {VALIDATION: config["search"]["evaluation"]},
    }
    return Steps(
        first=(
            *_data(config, data, out),
            _task_files("validation tasks", config, "validation.yaml", validation, out / "rows"),
            _start(config, out),
        ),
        chains=(
            tuple(_evaluate(search, data, out, "start", "start", out / "start")),
            *(tuple(_arm(search, data, out, arm, 0)) for arm in search["arms"]),
        ),
    )


def _test_tasks(config: Config) -> Iterator[Step]:
    """The tested tasks with further instructions, where a form asks for them."""
    if config.get("further"):
        yield _task_files("test tasks", config, config["further"], config["task_files"])


def _task_files(
    name: str, config: Config, wordings: str, out: Path, rows: Path | None = None
) -> Step:
    tasks = [_task(task, spec) for task, spec in config["tasks"].items()]
    own_rows = ("--rows", rows) if rows else ()
    words = ("--wordings", HERE / wordings, *own_rows, "--out", out)
    return Step(name, _script("tasks.py", *tasks, *words))


def _data(config: Config, data: Path, out: Path) -> Iterator[Step]:
    for task, source in config["tasks"].items():
        yield Step(
            f"rows {task}",
            (
                *_script("rows.py", "--input", data / source["train"], "--task", task),
                *_script_values("--sizes", config["rows"]),
                *(_script_values("--values", source["values"]) if "values" in source else ()),
                *("--out", str(out / "rows")),
            ),
        )
    for part in ("start", "arms"):
        files = []
        for task in config["tasks"]:
            for bank in ("flan", "promptsource"):
                files.append(out / "pairs" / f"{part}.{task}.{bank}.jsonl")
                yield _templates(config, data, out, part, task, bank)
        joined = out / "pairs" / f"{part}.jsonl"
        least = config["pairs"][part].get("target_times", 5)
        words = ("--target-times", least, "--out", joined)
        yield Step(f"pairs {part}", _script("mix.py", *files, *words))
    yield from _wordings(config, data, out)


def _templates(config: Config, data: Path, out: Path, part: str, task: str, bank: str) -> Step:
    """Pairs of one task's rows in two wordings of FLAN or of promptsource."""
    source, name = config["tasks"][task], f"{part}.{task}.{bank}"
    files = {"flan": "flan_v1_templates.json", "promptsource": "promptsource_templates.jsonl.gz"}
    labels = ("--labels", ",".join(source["labels"])) if bank == "flan" else ()
    fields = [
        word
        for theirs, own in source.get("fields", {}).items()
        for word in ("--field", f"{theirs}={own}")
    ]
    excluded = [
        word for one in config["tasks"].values() for word in ("--exclude", data / one["dev"])
    ]
    return Step(
        f"pairs {name}",
        _harness(
            *("pairs", "--source", "templates", "--input", data / "instructions" / files[bank]),
            *("--task", source[bank], *labels, *fields),
            *("--rows", out / "rows" / f"{task}.{part}.jsonl"),
            *(*excluded, "--limit", config["pairs"][part][bank]),
            *("--out", out / "pairs" / f"{name}.jsonl"),
        ),
    )


def _wordings(config: Config, data: Path, out: Path) -> Iterator[Step]:
    """The rows of the arms' pairs under other wordings, a part of them perturbed: all, or half.

    Neither the test's nor the validation's perturbations are among them.
    """
    folder = out / "pairs"
    for name, options in config["wordings"]["pairs"].items():
        banks = [HERE / bank for bank in options.get("banks", [BANK])]
        requests, bank = folder / f"{name}.requests.jsonl", folder / f"{name}.bank.json"
        yield Step(
            f"requests {name}",
            _script(
                *("wordings.py", folder / "arms.jsonl", "--rows", out / "rows"),
                *("--wordings", *banks, "--requests", requests, "--bank", bank),
            ),
        )
        held_out = (*config["wordings"]["hold_out"], *options.get("hold_out", ()))
        if "perturbations" in options:  # these and no others, so there is nothing to hold out
            chosen = ["--perturbations", options["perturbations"]]
        else:
            chosen = ["--levels", options.get("levels", "all")]
            chosen += [word for one in held_out for word in ("--hold-out", one)]
        yield Step(
            f"pairs {name}",
            _harness(
                *("pairs", "--source", "paraphrases", "--input", requests, "--bank", bank),
                *(*chosen, "--no-balance", "--data-dir", data),
                *("--out", folder / f"{name}.jsonl"),
            ),
        )
    yield Step(
        "pairs both",
        _script(
            *("mix.py", folder / "arms.jsonl", "--every-other", folder / "wordings.jsonl"),
            *("--target-times", 1, "--out", folder / "both.jsonl"),
        ),
    )


def _start(config: Config, out: Path) -> Step:
    """One plain tuning until the tasks can be done, from which every arm begins."""
    return Step(
        "start",
        _harness(
            *("train", "--model", config["model"], "--pairs", out / "pairs" / "start.jsonl"),
            *("--out", out / "start", *_flags(config["train"] | config["start"])),
            *("--seed", 0),
        ),
    )


def _arm(config: Config, data: Path, out: Path, arm: str, seed: int) -> Iterator[Step]:
    """A training from the start, and its evaluation."""
    options = dict(config["train"] | config["continue"] | config["arms"][arm])
    for planned in ("seeds", "against"):
        options.pop(planned, None)
    pairs = out / "pairs" / f"{options.pop('pairs', 'arms')}.jsonl"
    tuned = out / "arms" / f"{arm}-{seed}"
    yield Step(
        f"train {arm}-{seed}",
        _harness(
            *("train", "--model", out / "start", "--pairs", pairs, "--out", tuned),
            *(*_flags(options), "--seed", seed),
        ),
    )
    yield from _evaluate(config, data, out, arm, f"{arm}-{seed}", tuned)


def _evaluate(
    config: Config, data: Path, out: Path, arm: str, name: str, model: object
) -> Iterator[Step]:
    """Runs on dev rows under instructions that no training saw."""
    for test, settings in config["evaluations"].items():
        if not takes_part(config, test, arm):
            continue
        options = {key: value for key, value in settings.items() if key != "arms"}
        tasks = options.pop("tasks", list(config["tasks"]))
        files = [_tested(config, task) for task in tasks]
        yield Step(
            f"evaluate {name} {test}",
            _harness(
                *("run", "--model", model, "--task", ",".join(files)),
                *("--data-dir", data, "--prompt-format", config["train"]["prompt_format"]),
                *(*_flags(options), "--out", out / test / name, "--quiet"),
            ),
        )


def _tested(config: Config, task: str) -> str:
    """The task as it is evaluated: with further or other instructions, where a file has them."""
    if "task_files" in config:
        return str(config["task_files"] / f"{task}.yaml")
    return _task(task, config["tasks"][task])


def _task(task: str, spec: Config) -> str:
    """What `harness run --task` takes: the name of a shipped task, or another's file."""
    return str(HERE / spec["file"]) if "file" in spec else task


def _harness(*words: object) -> tuple[str, ...]:
    return (*HARNESS, *(str(word) for word in words))


def _script(name: str, *words: object) -> tuple[str, ...]:
    return (sys.executable, str(HERE / name), *(str(word) for word in words))


def _script_values(flag: str, values: Sequence[object]) -> tuple[str, ...]:
    return (flag, *(str(value) for value in values))


def _flags(options: Mapping[str, object]) -> Iterator[str]:
    for key, value in options.items():
        flag = key.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
        else:
            yield from (f"--{flag}", ",".join(value) if isinstance(value, list) else str(value))
