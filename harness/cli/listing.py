"""What the harness knows by name, as rows to list and texts to show."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from harness.core.errors import UnknownNameError
from harness.core.records import CLEAN, PERTURBED_LEVELS

KINDS = ("tasks", "suites", "perturbations", "levels", "models", "recipes")

Row = dict[str, str | int | float]


def list_kind(kind: str) -> list[Row]:
    """One row a thing of that kind, one of `KINDS`."""
    listers = {
        "tasks": _tasks,
        "suites": _suites,
        "perturbations": _perturbations,
        "levels": _levels,
        "models": _models,
        "recipes": _recipes,
    }
    return listers[kind]()


def show_name(name: str) -> str:
    """A task's or suite's file, a perturbation's description, or the schema of task files.

    What is several of them (`paraphrase` is a task and a perturbation) is shown as each, with a
    line of dashes between.

    Raises:
        UnknownNameError: nothing has that name.
    """
    from harness.tasks.suites import suite_names, task_names
    from perturbations import REGISTRY

    ways: list[tuple[Sequence[str], Callable[[str], str]]] = [
        (["task-schema"], _show_schema),
        (suite_names(), _show_suite),
        (task_names(), _show_task),
        (REGISTRY.names(), _show_perturbation),
    ]
    texts = [show(name) for names, show in ways if name in names]
    if not texts:
        raise UnknownNameError("name", name, [known for names, _ in ways for known in names])
    return "\n---\n".join(texts)


def _show_schema(_: str) -> str:
    from harness.tasks.schema import json_schema

    return json.dumps(json_schema(), indent=2)


def _show_suite(name: str) -> str:
    from harness.tasks.suites import suites_dir

    return (suites_dir() / f"{name}.yaml").read_text(encoding="utf-8").rstrip()


def _show_task(name: str) -> str:
    from harness.tasks.suites import task_path

    return task_path(name).read_text(encoding="utf-8").rstrip()


def _show_perturbation(name: str) -> str:
    return "\n".join(f"{key}: {value}" for key, value in _perturbation_row(name).items())


def _tasks() -> list[Row]:
    from harness.tasks.schema import TaskSpec
    from harness.tasks.suites import read_suite, suite_names, suites_dir
    from harness.tasks.yamlfile import read_yaml

    rows: list[Row] = []
    for suite in suite_names():
        for name in read_suite(suite).tasks:
            spec = read_yaml(suites_dir() / suite / f"{name}.yaml", TaskSpec, what="task")
            rows.append(
                {
                    "name": name,
                    "suite": suite,
                    "labels": ", ".join(label.answer for label in spec.labels) or spec.kind,
                    "instructions": len(spec.instructions),
                    "paraphrases": sum(len(texts) for texts in spec.paraphrases.values()),
                    "description": spec.description,
                }
            )
    return rows


def _suites() -> list[Row]:
    from harness.tasks.suites import read_suite, suite_names

    suites = [read_suite(name) for name in suite_names()]
    return [
        {"name": s.name, "tasks": ", ".join(s.tasks), "description": s.description} for s in suites
    ]


def _perturbations() -> list[Row]:
    from perturbations import REGISTRY

    order = {level: position for position, level in enumerate(PERTURBED_LEVELS)}
    names = sorted(REGISTRY.names(), key=lambda name: order[REGISTRY.get(name).level])
    return [_perturbation_row(name) for name in names]


def _perturbation_row(name: str) -> Row:
    from perturbations import REGISTRY

    perturbation = REGISTRY.get(name)
    return {
        "name": perturbation.name,
        "level": perturbation.level,
        "amount": perturbation.amount,
        "languages": ", ".join(perturbation.languages),
        "description": f"{perturbation.description} {perturbation.validity_note}".rstrip(),
        "needs": ", ".join(perturbation.needs),
    }


def _levels() -> list[Row]:
    from perturbations import REGISTRY

    about = {
        CLEAN: "the instruction as written; what every drop is measured against",
        "character": "typos and look-alikes: the words stay, their letters change",
        "word": "other words of the same meaning, missing, split or misspelt words",
        "sentence": "something is added or laid out differently; the instruction is whole",
        "semantic": "the same request in other words",
    }
    counts = dict.fromkeys(about, 0)
    for perturbation in REGISTRY:
        counts[perturbation.level] += 1
    return [
        {"name": name, "perturbations": counts[name], "description": text}
        for name, text in about.items()
    ]


def _recipes() -> list[Row]:
    from perturbations.search.recipes import RECIPES

    return [
        {
            "name": recipe.name,
            "levels": ", ".join(recipe.levels),
            "description": recipe.description,
            "needs": ", ".join(recipe.needs),
        }
        for recipe in RECIPES
    ]


def _models() -> list[Row]:
    from harness.models.loading.bundled import BUNDLED

    rows: list[Row] = [
        {"name": alias, "description": model.description} for alias, model in BUNDLED.items()
    ]
    kinds = {
        "DIRECTORY": "a transformers checkpoint in safetensors",
        "OWNER/NAME": "a model of the hub",
        "FILE.gguf": "a GGUF checkpoint",
        "ADAPTER/": "a PEFT adapter; its base is read from adapter_config.json, or --base",
    }
    return rows + [{"name": name, "description": text} for name, text in kinds.items()]
