"""The experiment as a list of commands: data, the common start, then each arm with each seed.

A search is the same with candidates for arms, judged by validation rows and wordings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from commands import HERE, Config, Step, flags, harness, script, task_word
from data import plan_data

from harness.core.errors import UnknownNameError

VALIDATION = "search"
"""Where the runs of a search lie, as those of an evaluation lie under its name."""
AGAINST = "sft"
"""The arm that others are held against, if they do not name another."""


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
    """A form of the experiment, such as small.yaml.

    Raises:
        UnknownNameError: it names an arm, or pairs, that it does not have.
    """
    config: Config = yaml.safe_load(path.read_text(encoding="utf-8"))
    _check_names(config)
    return config


def _check_names(config: Config) -> None:
    """Now, and not after the hours that the arms before it take."""
    made = (config["pairs"], config["wordings"]["pairs"], config["wordings"].get("halves", {}))
    pairs = [name for kind in made for name in kind]
    arms = list(config["arms"])
    trained = {**config["arms"], **config.get("search", {}).get("candidates", {})}
    for name, options in trained.items():
        _check("pairs", options.get("pairs", "arms"), pairs, f"arm {name}")
        _check("arm", options.get("against", AGAINST), arms, f"arm {name}")
    for name, options in config["evaluations"].items():
        for arm in options.get("arms", ()):
            _check("arm", arm, [*arms, "untouched", "start"], f"evaluation {name}")
    for arm in (*config.get("states", ()), *([config["best"]] if "best" in config else ())):
        _check("arm", arm, arms, "the best one or its states")


def _check(kind: str, name: str, names: Collection[str], where: str) -> None:
    if name not in names:
        raise UnknownNameError(kind, name, names, hint=f"The form names it for {where}.")


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
        first=(*plan_data(config, data, out), *_test_tasks(config), _start(config, out)),
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
    plain = [arm for arm in config["arms"] if against(config, arm) == AGAINST]
    arms = config.get("states", plain)
    models = (out / "start", *(out / "arms" / f"{arm}-{seed}" for arm in arms))
    return (
        Step("measure", script("measure.py", form, "--out", out)),
        Step(
            "similarity",
            script(
                *("similarity.py", config["model"], *models, "--run", out / test / "start"),
                *("--out", out / "similarity.json"),
            ),
        ),
        Step("page", script("page.py", out)),
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
            *plan_data(config, data, out),
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
    tasks = [task_word(task, spec) for task, spec in config["tasks"].items()]
    own_rows = ("--rows", rows) if rows else ()
    words = ("--wordings", HERE / wordings, *own_rows, "--out", out)
    return Step(name, script("tasks.py", *tasks, *words))


def _start(config: Config, out: Path) -> Step:
    """One plain tuning until the tasks can be done, from which every arm begins."""
    return Step(
        "start",
        harness(
            *("train", "--model", config["model"], "--pairs", out / "pairs" / "start.jsonl"),
            *("--out", out / "start", *flags(config["train"] | config["start"])),
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
        harness(
            *("train", "--model", out / "start", "--pairs", pairs, "--out", tuned),
            *(*flags(options), "--seed", seed),
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
            harness(
                *("run", "--model", model, "--full", "--scorer", "loglik"),
                *("--task", ",".join(files)),
                *("--data-dir", data, "--prompt-format", config["train"]["prompt_format"]),
                *(*flags(options), "--out", out / test / name, "--quiet"),
            ),
        )


def _tested(config: Config, task: str) -> str:
    """The task as it is evaluated: with further or other instructions, where a file has them."""
    if "task_files" in config:
        return str(config["task_files"] / f"{task}.yaml")
    return task_word(task, config["tasks"][task])
