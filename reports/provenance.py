"""What was run, on what, and the command that runs it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reports.formatting import count, counted, day, duration
from reports.source import Run, count_at, number_at, section, text_at, texts_at


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt of a task exactly as the model saw it."""

    task: str
    text: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Facts about one run, in words, and what it takes to repeat it."""

    facts: tuple[tuple[str, str], ...]
    settings: tuple[tuple[str, str], ...]
    prompts: tuple[Prompt, ...]
    command: str


def build_provenance(run: Run) -> Provenance:
    """The provenance that a run's manifest holds."""
    return Provenance(
        facts=tuple((name, value) for name, value in _facts(run) if value),
        settings=tuple(_flat(section(run.manifest, "config"))),
        prompts=_prompts(run),
        command=_command(run),
    )


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    model, timing = section(run.manifest, "model"), section(run.manifest, "timing")
    yield "Model", text_at(model, "name")
    yield "Fingerprint", text_at(model, "fingerprint")
    yield "Parameters", count(count_at(model, "parameters") or None)
    yield "Adapter", _adapter(model)
    yield "Base model", text_at(model, "base")
    yield "Precision and device", _joined(model, "dtype", "device")
    yield "Imported from", _imported(section(run.manifest, "imported"))
    yield "Prompt format", text_at(run.manifest, "prompt_format")
    yield "Chat template", text_at(model, "chat_template_hash")
    yield "Answers", _how_measured(section(model, "offer"))
    yield "Asked of the server", _pairs(section(run.manifest, "usage"))
    yield "Scorer", run.summary.scorer
    yield "Seed", text_at(run.manifest, "seed")
    yield "Status", text_at(run.manifest, "status")
    yield "Started", day(text_at(run.manifest, "created"))
    yield "Cells", count(count_at(timing, "cells") or None)
    yield "Time", duration(number_at(timing, "seconds"))
    yield "Cells per second", text_at(timing, "cells_per_second")
    yield "Answers from the cache", count(count_at(timing, "cache_hits"))
    yield "Versions", _pairs(section(run.manifest, "versions"))
    yield "Machine", _pairs(section(run.manifest, "machine"))
    yield "Run directory", str(run.path)


def _adapter(model: Mapping[str, object]) -> str:
    """The adapter's folder, where the model's name is not the end of it: a page is for others, too,
    whom a path of this machine tells nothing."""
    folder, name = text_at(model, "adapter"), text_at(model, "name")
    return "" if folder.endswith(name.rstrip("/")) else folder


_WAYS: Final[Mapping[str, str]] = {
    "engine": "label likelihoods and text by the engine in this process",
    "echo": "label likelihoods by a server that returns those of the prompt (echo)",
    "forced": "label likelihoods by a server, token by token (teacher forcing)",
    "none": "text alone by a server, which has no label likelihoods",
}
"""How a model was asked, in words."""


def _how_measured(offer: Mapping[str, object]) -> str:
    """What the model was asked for, and what a server was tried for before."""
    words = _WAYS.get(text_at(offer, "way"), "")
    trials = offer.get("trials")
    tried = [
        f"{text_at(trial, 'what')} {text_at(trial, 'outcome')}"
        for trial in (trials if isinstance(trials, list) else ())
        if isinstance(trial, Mapping)
    ]
    return f"{words}; tried: {', '.join(tried)}" if tried else words


def _imported(facts: Mapping[str, object]) -> str:
    """Which tool's logs a run was made of, and how many files."""
    files = facts.get("files")
    if not isinstance(files, list):
        return ""
    return f"{_joined(facts, 'tool', 'version')}: {counted(len(files), 'file')}"


def _joined(parent: Mapping[str, object], *keys: str) -> str:
    return ", ".join(value for key in keys if (value := text_at(parent, key)))


def _pairs(parent: Mapping[str, object]) -> str:
    return " · ".join(f"{key} {value}" for key, value in parent.items())


def _flat(config: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            yield f"{prefix}{key}", ", ".join(str(item) for item in value)
        elif value is not None:
            yield f"{prefix}{key}", str(value)


def _prompts(run: Run) -> tuple[Prompt, ...]:
    tasks = section(run.manifest, "tasks")
    prompts = (Prompt(task, text_at(section(tasks, task), "rendered_prompt")) for task in tasks)
    return tuple(prompt for prompt in prompts if prompt.text)


def _command(run: Run) -> str:
    words = texts_at(run.manifest, "command")
    return shlex.join(words) if words else text_at(run.manifest, "command")
