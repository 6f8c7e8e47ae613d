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
    arms = [(arm, seed) for seed in config["seeds"] for arm in config["arms"]]
    return Steps(
        first=(*_data(config, data, out), _start(config, out)),
        chains=(
            tuple(_evaluate(config, data, out, "untouched", config["model"])),
            tuple(_evaluate(config, data, out, "start", out / "start")),
            *(tuple(_arm(config, data, out, arm, seed)) for arm, seed in arms),
        ),
    )


def plan_results(form: Path, out: Path) -> tuple[Step, ...]:
    """The commands that make results.json, similarity.json and report.html of the finished arms."""
    config = read_config(form)
    seed = config["seeds"][0]
    test = next(iter(config["evaluations"]))
    models = (out / "start", *(out / "arms" / f"{arm}-{seed}" for arm in config["arms"]))
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
    tasks = [out / "validation" / f"{task}.yaml" for task in config["tasks"]]
    search = {
        **config,
        "tasks": {str(task): {} for task in tasks},
        "arms": config["search"]["candidates"],
        "evaluations": {VALIDATION: config["search"]["evaluation"]},
    }
    return Steps(
        first=(
            *_data(config, data, out),
            Step(
                "validation tasks",
                _script(
                    *("validation.py", *_tasks(config), "--rows", out / "rows"),
                    *("--out", out / "validation"),
                ),
            ),
            _start(config, out),
        ),
        chains=(
            tuple(_evaluate(search, data, out, "start", out / "start")),
            *(tuple(_arm(search, data, out, arm, 0)) for arm in search["arms"]),
        ),
    )


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
    requests, bank = folder / "requests.jsonl", folder / "bank.json"
    held_out = config["wordings"]["hold_out"]
    yield Step(
        "requests",
        _script(
            *("wordings.py", folder / "arms.jsonl", "--rows", out / "rows"),
            *("--requests", requests, "--bank", bank),
        ),
    )
    yield Step(
        "pairs wordings",
        _harness(
            *("pairs", "--source", "paraphrases", "--input", requests, "--bank", bank),
            *("--levels", "all", "--no-balance", "--data-dir", data),
            *(word for name in held_out for word in ("--hold-out", name)),
            *("--out", folder / "wordings.jsonl"),
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
    pairs = out / "pairs" / f"{options.pop('pairs', 'arms')}.jsonl"
    tuned = out / "arms" / f"{arm}-{seed}"
    yield Step(
        f"train {arm}-{seed}",
        _harness(
            *("train", "--model", out / "start", "--pairs", pairs, "--out", tuned),
            *(*_flags(options), "--seed", seed),
        ),
    )
    yield from _evaluate(config, data, out, f"{arm}-{seed}", tuned)


def _evaluate(config: Config, data: Path, out: Path, name: str, model: object) -> Iterator[Step]:
    """Runs on dev rows under instructions that no training saw."""
    for test, options in config["evaluations"].items():
        yield Step(
            f"evaluate {name} {test}",
            _harness(
                *("run", "--model", model, "--task", ",".join(_tasks(config))),
                *("--data-dir", data, "--prompt-format", config["train"]["prompt_format"]),
                *(*_flags(options), "--out", out / test / name, "--quiet"),
            ),
        )


def _tasks(config: Config) -> list[str]:
    """What `harness run --task` takes: names of shipped tasks, and files of others."""
    return [
        str(HERE / spec["file"]) if "file" in spec else task
        for task, spec in config["tasks"].items()
    ]


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
