"""promptfoo's results: what `promptfoo eval -o FILE.json` writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from harness.core.errors import UsageError
from harness.core.records import stable_id
from harness.logs.bounded import items, mapping, name_of, number_of, objects, read_object, text_of
from harness.logs.record import Log, LogFile, Row, Scored, mean_of
from harness.results.jsonfiles import Json

VERSION: Final = 3
"""Of the results' format."""
_ASSERT: Final = 1
"""The `failureReason` of a response that was judged and failed."""
_EXPECTING: Final = frozenset(
    ("equals", "contains", "icontains", "starts-with", "is-json", "contains-json", "similar",
     "levenshtein", "rouge-n", "bleu", "factuality", "answer-relevance", "model-graded-closedqa")
)  # fmt: skip
"""Assertions whose value is an answer, to be shown as the right one."""


def read_promptfoo(path: Path) -> list[Log]:
    """A log per prompt and provider; prompts of one file are one task.

    Raises:
        UsageError: the file is none, is damaged, or of another version.
    """
    content, file = read_object(path)
    results = mapping(content.get("results"))
    version = results.get("version")
    if version != VERSION:
        raise UsageError(
            f"{path} has promptfoo's results in version {version!r}; {VERSION} is read.",
            hint="Repeat the evaluation with the promptfoo of today: promptfoo eval -o FILE.json",
        )
    rows = objects(results.get("results"), str(path))
    if not rows:
        raise UsageError(f"{path} holds no result.")
    description = name_of(mapping(content.get("config")).get("description"))
    version_of_tool = name_of(mapping(content.get("metadata")).get("promptfooVersion"))
    prompts = [mapping(one) for one in items(results.get("prompts"))]
    reader = _Reader(path, file, prompts, description or path.stem, version_of_tool)
    return _told_apart([reader.read(place, own) for place, own in reader.columns(rows).items()])


def _told_apart(logs: Sequence[Log]) -> list[Log]:
    """The logs, prompts of one model that are called alike with their number."""
    names = [(log.model, log.name) for log in logs]
    return [
        replace(log, name=f"{log.name} ({number})") if names.count(name) > 1 else log
        for number, (log, name) in enumerate(zip(logs, names, strict=True), 1)
    ]


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path
    file: LogFile
    prompts: Sequence[Json]
    task: str
    version: str

    def columns(self, rows: Sequence[Json]) -> dict[int, list[Json]]:
        """Place of a prompt with its provider -> its rows.

        Raises:
            UsageError: a row does not say whose it is.
        """
        found: dict[int, list[Json]] = {}
        for number, row in enumerate(rows, 1):
            place = row.get("promptIdx")
            if not isinstance(place, int) or isinstance(place, bool) or place < 0:
                raise UsageError(f"{self.path}: result {number} does not say its prompt.")
            found.setdefault(place, []).append(row)
        return dict(sorted(found.items()))

    def read(self, place: int, rows: Sequence[Json]) -> Log:
        """The log of one column."""
        prompt = (
            self.prompts[place] if place < len(self.prompts) else mapping(rows[0].get("prompt"))
        )
        provider = mapping(rows[0].get("provider"))
        tests = _by_test(rows)
        read = tuple(map(_row, tests))
        failed = sum(bool(row.get("error")) and not _is_judged(row) for row in rows)
        text = text_of(prompt.get("raw"))
        return Log(
            tool="promptfoo",
            version=self.version,
            model=name_of(provider.get("label")) or name_of(provider.get("id")),
            task=self.task,
            name=name_of(prompt.get("label")) or name_of(text) or f"prompt {place + 1}",
            text=text,
            metrics=tuple(dict.fromkeys(name for row in read for name in row.scored)),
            rows=read,
            files=(self.file,),
            lost=tuple(_lost(failed, max(map(len, tests)))),
        )


def _lost(failed: int, repeats: int) -> Iterator[str]:
    if failed:
        yield f"{failed:,} rows ended in an error of the provider"
    if repeats > 1:
        yield f"a cell's score is the mean of up to {repeats} repeats of a test"


def _by_test(rows: Sequence[Json]) -> list[list[Json]]:
    """The rows of each test; `--repeat` gives those that are asked again a place of their own."""
    found: dict[str, list[Json]] = {}
    for row in rows:
        case = mapping(row.get("testCase"))
        content = [_variables(row), case.get("assert"), case.get("description")]
        found.setdefault(text_of(content), []).append(row)
    return list(found.values())


def _row(repeats: Sequence[Json]) -> Row:
    first = repeats[0]
    case = mapping(first.get("testCase"))
    scored = [_scored(row) for row in repeats]
    names = dict.fromkeys(name for own in scored for name in own)
    return Row(
        example=_example(first),
        input=_lines(_variables(first)) or name_of(case.get("description")),
        gold=_expected(items(case.get("assert"))),
        scored={name: mean_of([own[name] for own in scored if name in own]) for name in names},
        prompt=text_of(mapping(first.get("prompt")).get("raw")),
        text=_said(first),
    )


def _variables(row: Json) -> Json:
    return mapping(row.get("vars")) or mapping(mapping(row.get("testCase")).get("vars"))


def _said(row: Json) -> str | None:
    output = mapping(row.get("response")).get("output")
    return None if output is None else text_of(output)


def _example(row: Json) -> str:
    """The test's place; where the file has none, its content."""
    place = row.get("testIdx")
    is_place = isinstance(place, int) and not isinstance(place, bool)
    return str(place) if is_place else stable_id(text_of(_variables(row)))


def _scored(row: Json) -> dict[str, Scored]:
    """Whether the test passed, its score, and the scores with names of their own."""
    said = _said(row)
    if not _is_judged(row):
        return {name: Scored(None, said) for name in ("success", "score")}
    values: dict[str, object] = {"success": row.get("success"), "score": row.get("score")}
    values |= {name_of(key): value for key, value in mapping(row.get("namedScores")).items()}
    return {name: Scored(number_of(value), said) for name, value in values.items() if name}


def _is_judged(row: Json) -> bool:
    """Whether there was a response to judge: an error of the provider is no wrong answer."""
    return _said(row) is not None or not row.get("error") or row.get("failureReason") == _ASSERT


def _expected(asserts: Sequence[object]) -> str:
    """The answer that the first assertion expects; empty where none names one."""
    for one in map(mapping, asserts):
        value = one.get("value")
        if name_of(one.get("type")) in _EXPECTING and isinstance(value, str | int | float):
            return text_of(value)
    return ""


def _lines(variables: Mapping[str, object]) -> str:
    return "\n".join(f"{key}: {text_of(value)}" for key, value in variables.items())
