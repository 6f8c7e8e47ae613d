"""Templates x rows: promptsource's Jinja templates or FLAN's template strings, filled with data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Protocol

import jinja2

from harness.core.errors import UnknownNameError, UsageError
from harness.core.records import stable_hash
from harness.results.jsonfiles import parse_object
from harness.tasks.rows import Row, iter_fields, read_file
from harness.tasks.sandbox import OverBudgetError, TemplateSandbox, render_bounded
from trainers.pairs.filled import Filled, Instance, complete, pair_templates
from trainers.pairs.filters import Drops
from trainers.pairs.leaks import Held
from trainers.pairs.record import Pair

_PARTS = "|||"
_FLAN_FIELD = re.compile(r"\{(\w+)\}")
_STRAY_N = re.compile(r"\}n$", re.MULTILINE)
_FLAN_FORM = "FLAN templates are a JSON object of lists of {input, target}"
_ROWS_A_PAIR = 4
"""Rows that are filled for each pair asked for: what filters drop must be made up for."""


@dataclass(frozen=True, slots=True)
class TemplateOptions:
    """Which templates are filled with what."""

    task: str
    """A data set of the template file, such as `glue/sst2` (promptsource) or `sst2` (FLAN)."""
    rows: Path
    """The data."""
    labels: tuple[str, ...] = ()
    """Answer words by the number in the rows' label column, for FLAN templates."""
    label_field: str = "label"
    fields: Mapping[str, str] | None = None
    """Template's name of a field -> the rows' name."""


class Template(Protocol):
    """One template of a task."""

    @property
    def name(self) -> str:
        """What it is called in its file."""
        ...

    def fill(self, row: Row, options: TemplateOptions) -> tuple[str, str] | None:
        """Prompt and answer for a row, or None where the template does not apply to it."""
        ...


def template_pairs(
    path: Path,
    options: TemplateOptions,
    *,
    seed: int,
    drops: Drops,
    held: Held | None = None,
    limit: int | None = None,
) -> Iterator[Pair]:
    """Pairs of templates that ask for the same answer words of the same row.

    Rows with a held-out text are dropped before they are filled into templates, where a short text
    could not be found again.

    Raises:
        UsageError: the template file or the rows cannot be read, or no template can be filled.
        UnknownNameError: no templates of that task.
    """
    templates = read_templates(path, options.task)
    rows = _sample(read_file(options.rows), limit, seed)
    rows = [(number, row) for number, row in rows if not _leaks(row, held, options, drops)]
    instances = [
        Instance(options.task, number, tuple(_fill(templates, row, options, path, number)))
        for number, row in rows
    ]
    if not any(instance.filled for instance in instances):
        raise UsageError(
            f"no template of {options.task!r} can be filled from {options.rows}, whose rows have "
            f"{', '.join(rows[0][1]) if rows else 'all leaked'}; the first is {templates[0]}.",
            hint="Type: --field TEMPLATE_NAME=ROW_NAME, and --labels for FLAN templates.",
        )
    kept = complete(instances, drops)
    return pair_templates(kept, source="templates", file=path.name, seed=seed, drops=drops)


def read_templates(path: Path, task: str) -> Sequence[Template]:
    """The templates of a task: FLAN's from a .json file, promptsource's from a .jsonl file.

    Raises:
        UsageError: a file of another form.
        UnknownNameError: no such task; the message offers the nearest.
    """
    if path.suffix == ".json":
        return _read_flan(path, task)
    rows = read_file(path)
    by_task: dict[str, list[Template]] = {}
    for row in rows:
        if not isinstance(row.get("jinja"), str):
            raise UsageError(f"{path}: a row of promptsource templates needs a text under 'jinja'.")
        name = "/".join(str(row[key]) for key in ("dataset", "subset") if row.get(key))
        by_task.setdefault(name, []).append(_Jinja.of(row))
    return _of_task(by_task, task)


@dataclass(frozen=True, slots=True)
class _Flan:
    name: str
    input: str
    target: str

    def fill(self, row: Row, options: TemplateOptions) -> tuple[str, str] | None:
        values = _named(row, options)
        label = row.get(options.label_field)
        if options.labels and isinstance(label, int) and 0 <= label < len(options.labels):
            listed = "\n".join(f"- {word}" for word in options.labels)
            values |= {"options_": f"OPTIONS:\n{listed}", "answer": options.labels[label]}
        filled = [_format(text, values) for text in (self.input, self.target)]
        return (filled[0], filled[1]) if filled[0] and filled[1] else None


@dataclass(frozen=True, slots=True)
class _Jinja:
    name: str
    source: str
    choices: tuple[str, ...]

    @classmethod
    def of(cls, row: Row) -> _Jinja:
        choices = str(row.get("answer_choices") or "")
        words = tuple(word.strip() for word in choices.split(_PARTS)) if choices else ()
        return cls(str(row.get("name")), str(row["jinja"]), words)

    def fill(self, row: Row, options: TemplateOptions) -> tuple[str, str] | None:
        values: dict[str, object] = {**row, **_named(row, options)}
        try:
            # Choices may be templates themselves, where they differ by row.
            values["answer_choices"] = [_render(choice, row) for choice in self.choices]
            filled = _render(self.source, values)
        except OverBudgetError:
            raise
        except Exception:  # a template can make Python raise anything
            return None
        prompt, parts, answer = filled.partition(_PARTS)
        return (prompt, answer) if parts and prompt.strip() and answer.strip() else None


def _render(source: str, values: Mapping[str, object]) -> str:
    return render_bounded(_compile(source), values)


@lru_cache(maxsize=1024)
def _compile(source: str) -> jinja2.Template:
    sandbox = TemplateSandbox()
    return sandbox.from_string(sandbox.bounded(source))


def _read_flan(path: Path, task: str) -> Sequence[Template]:
    try:
        content = parse_object(path.read_bytes(), str(path))
        by_task = {
            name: [
                _Flan(f"{name}-{number}", _repair(one["input"]), _repair(one["target"]))
                for number, one in enumerate(templates)
            ]
            for name, templates in content.items()
        }
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}.") from None
    except UsageError as error:
        raise UsageError(error.message, hint=f"{_FLAN_FORM}.") from None
    except (ValueError, AttributeError, KeyError, TypeError):
        raise UsageError(f"{path}: {_FLAN_FORM}; this is not.") from None
    return _of_task(by_task, task)


def _repair(text: str) -> str:
    # The published strings of some tasks hold "n" where a line break was meant.
    return _STRAY_N.sub("}", text)


def _of_task(by_task: Mapping[str, Sequence[Template]], task: str) -> Sequence[Template]:
    if task not in by_task:
        raise UnknownNameError("task of the templates", task, by_task)
    return by_task[task]


def _fill(
    templates: Iterable[Template], row: Row, options: TemplateOptions, path: Path, number: int
) -> Iterator[Filled]:
    for template in templates:
        try:
            filled = template.fill(row, options)
        except OverBudgetError as error:
            raise UsageError(
                f"{path}: the template {template.name!r} fails on row {number + 1}: {error}."
            ) from None
        if filled:
            yield Filled(template.name, filled[0].strip(), filled[1].strip())


def _named(row: Row, options: TemplateOptions) -> dict[str, object]:
    renamed = {name: row[own] for name, own in (options.fields or {}).items() if own in row}
    return {**row, **renamed}


def _format(template: str, values: Mapping[str, object]) -> str | None:
    if any(name not in values for name in _FLAN_FIELD.findall(template)):
        return None
    return _FLAN_FIELD.sub(lambda match: str(values[match[1]]), template)


def _leaks(row: Row, held: Held | None, options: TemplateOptions, drops: Drops) -> bool:
    leaks = held is not None and any(held.is_in(text) for _, text in iter_fields(row))
    if leaks:
        drops.add("leak", options.task)
    return leaks


def _sample(rows: Sequence[Row], limit: int | None, seed: int) -> list[tuple[int, Row]]:
    """Numbered rows: all, or a seeded sample large enough for that many pairs."""
    numbered = list(enumerate(rows))
    if limit is None or len(rows) <= _ROWS_A_PAIR * limit:
        return numbered
    rng = Random(stable_hash(seed, "rows"))
    return sorted(rng.sample(numbered, _ROWS_A_PAIR * limit), key=lambda one: one[0])
