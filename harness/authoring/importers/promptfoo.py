"""Configurations of promptfoo: prompts x variables x assertions, as a task with its rows inside."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.authoring.importers.carried import Carried, ForeignFile, TaskContent
from harness.authoring.importers.foreign_yaml import Tagged
from harness.authoring.importers.shapes import PromptfooShape, check_shape
from harness.core.errors import UsageError
from harness.tasks.rows import read_file
from harness.tasks.template import template_name
from harness.tasks.yamlfile import read_text

FORMAT: Final = "promptfoo"
_VARIABLE: Final = re.compile(r"\{\{-?\s*(\w+)\s*-?\}\}")
_JINJA: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_GRADED: Final = {
    "equals": "exact",
    "contains": "contains",
    "icontains": "contains",
    "contains-any": "contains",
    "icontains-any": "contains",
    "is-json": "json_schema",
    "contains-json": "json_schema",
    "bleu": "bleu",
    "rouge-n": "rouge",
}
"""Assertions that a grader of ours stands for."""
_OF_A_TEST: Final = frozenset(("vars", "assert", "description"))
_OF_AN_ASSERT: Final = frozenset(("type", "value", "$ref"))
_CARRIED: Final = frozenset(
    ("prompts", "tests", "defaultTest", "description", "assertionTemplates")
)
_FILE: Final = re.compile(r"\S+\.(?:txt|md|json|js|mjs|ts|py|yaml|j2)(?::\w+)?")
MAX_ROWS: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Test:
    """One row of variables, and what is asserted of it."""

    number: int
    variables: Mapping[str, object]
    asserts: tuple[Mapping[str, Any], ...]


def import_promptfoo(file: ForeignFile) -> Carried:
    """The task of a configuration, and what of it is not carried over."""
    check_shape(file, PromptfooShape)
    carried = Carried(FORMAT)
    importer = _Importer(file, carried)
    prompts, tests = importer.prompts(), importer.tests()
    if not prompts:
        carried.block(file.line("prompts"), "prompts", "none is a text that can be an instruction")
    if not tests:
        carried.block(file.line("tests"), "tests", "none has variables and assertions")
    if not carried.blocking:
        importer.make(prompts, tests)
    for key in file.content:
        if key not in _CARRIED:
            asked = "--model of a run says who is asked"
            why = asked if key == "providers" else "no such thing here"
            carried.lose(file.line(key), key, why)
    return carried


@dataclass(frozen=True, slots=True)
class _Importer:
    file: ForeignFile
    carried: Carried

    def prompts(self) -> list[str]:
        """The texts of the prompts; files are read where they are text."""
        given = self.file.content.get("prompts") or []
        each = given if isinstance(given, list) else [given]
        return [text for one in each for text in self._prompt(one)]

    def _prompt(self, given: object) -> Iterator[str]:
        if isinstance(given, Mapping):
            given = given.get("raw") or given.get("id")
        if isinstance(given, Tagged) or not isinstance(given, str):
            self._lose("prompts", f"prompt {given}", "it is no text")
            return
        place = given.removeprefix("file://")
        if place != given or _FILE.fullmatch(given):
            yield from self._prompt_file(place)
        else:
            yield given

    def _prompt_file(self, place: str) -> Iterator[str]:
        if not place.endswith((".txt", ".md")):
            self._lose("prompts", place, "only .txt and .md files are read, and code is never run")
            return
        try:
            text = read_text(self.file.path.parent / place, what="prompt")
        except UsageError as error:
            self._lose("prompts", place, error.message)
            return
        yield from (part.strip() for part in re.split(r"^---\s*$", text, flags=re.MULTILINE))

    def tests(self) -> list[_Test]:
        """The rows: each combination of variables that are lists is one."""
        given = self.file.content.get("tests") or []
        if isinstance(given, str):
            given = self._table(given)
        found = list(itertools.islice(self._each_test(given), MAX_ROWS + 1))
        if len(found) > MAX_ROWS:
            self._lose("tests", f"rows after the first {MAX_ROWS:,}", "a task file holds no more")
        return found[:MAX_ROWS]

    def _each_test(self, given: Sequence[object]) -> Iterator[_Test]:
        default = self.file.content.get("defaultTest")
        shared = default if isinstance(default, Mapping) else {}
        for number, one in enumerate(given, 1):
            if isinstance(one, Mapping):
                yield from self._test(number, one, shared)
            else:
                self._lose("tests", f"test {number}: {one}", "it is no mapping of vars and assert")

    def _table(self, place: str) -> list[object]:
        """Rows of a CSV file of variables, `__expected` among them."""
        try:
            rows = read_file(self.file.path.parent / place.removeprefix("file://"))
        except UsageError as error:
            self._lose("tests", place, error.message)
            return []
        return [
            {
                "vars": {name: row[name] for name in row if not name.startswith("__")},
                "assert": [_short_assert(str(row["__expected"]))] if row.get("__expected") else [],
            }
            for row in rows
        ]

    def _test(
        self, number: int, test: Mapping[str, Any], shared: Mapping[str, Any]
    ) -> Iterator[_Test]:
        for key in sorted({*shared, *test} - _OF_A_TEST):
            self._lose("tests", f"test {number}: {key}", _why_not(key, test.get(key)))
        variables = {**(shared.get("vars") or {}), **(test.get("vars") or {})}
        asserts = [*(shared.get("assert") or []), *(test.get("assert") or [])]
        for name, value in variables.items():
            if isinstance(value, str) and value.startswith("file://"):
                what = f"test {number}: {name}: {value}"
                self._lose("tests", what, "files of variables are not read")
                return
        lists = {k: v if isinstance(v, list) else [v] for k, v in variables.items()}
        for values in itertools.product(*lists.values()):
            row = dict(zip(lists, values, strict=True))
            yield _Test(number, row, tuple(self._resolved(asserts)))

    def _resolved(self, asserts: Sequence[object]) -> Iterator[Mapping[str, Any]]:
        """The assertions, those of `assertionTemplates` in place of their names."""
        templates = self.file.content.get("assertionTemplates") or {}
        for one in asserts:
            if isinstance(one, Mapping) and isinstance(name := one.get("$ref"), str):
                one = templates.get(name.rpartition("/")[2], one)  # noqa: PLW2901
            if isinstance(one, Mapping):
                yield one

    def make(self, prompts: Sequence[str], tests: Sequence[_Test]) -> None:
        """Add the task of the assertions that most tests share."""
        kinds = Counter(
            _GRADED[kind] for test in tests for kind in {_kind(one) for one in test.asserts}
            if kind in _GRADED
        )  # fmt: skip
        if not kinds:
            self._name_asserts(tests, "")
            self.carried.block(self.file.line("tests"), "assert", "no assertion has a grader here")
            return
        grader = kinds.most_common(1)[0][0]
        rows = list(self._rows(tests, grader))
        self._name_asserts(tests, grader)
        inputs = [name for name in tests[0].variables if name != "reference"]
        self.carried.tasks.append(
            {
                "name": _task_name(self.file.path),
                "description": " ".join(str(self.file.content.get("description") or "").split()),
                "source": {"rows": rows},
                "input": "\n".join(map(_shown, inputs)),
                "answer": self._answer(grader, tests),
                "instructions": [
                    {"id": f"task-{n}", "style": "task", "text": self._instruction(n, text)}
                    for n, text in enumerate(prompts, 1)
                ],
            }
        )

    def _answer(self, grader: str, tests: Sequence[_Test]) -> TaskContent:
        asserted = [one for test in tests for one in test.asserts if _grader(one) == grader]
        options: TaskContent = {"name": grader}
        if grader == "json_schema":
            options |= self._json_options(asserted)
        elif grader == "contains":
            cased = self._all(asserted, "contains", "the case of letters counts in no row")
            options |= {"normalize": "none" if cased else "case", "whole_words": False}
        elif grader == "exact":
            options["normalize"] = "none"
        else:
            options |= {"variant": "rouge1"} if grader == "rouge" else {}
            self._lose("tests", f"assert {_kind(asserted[0])}", "a score here, without a threshold")
        return {"field": "reference", "grader": options, "max_new_tokens": 256}

    def _json_options(self, asserted: Sequence[Mapping[str, Any]]) -> TaskContent:
        schemas = [one if isinstance(one := _value(each), Mapping) else {} for each in asserted]
        schema = next(filter(None, schemas), {})
        if any(one != schema for one in schemas):
            why = "a task has one schema: the first that is given counts for every row"
            self._lose("tests", "assert is-json", why)
        whole = self._all(asserted, "is-json", "JSON within other text counts in every row")
        return {"schema": dict(schema), **({"whole": True} if whole else {})}

    def _all(self, asserted: Sequence[Mapping[str, Any]], kind: str, otherwise: str) -> bool:
        """Whether all are of a kind, its `-any` included; says what holds where only some are."""
        of_it = [_kind(one).removesuffix("-any") == kind for one in asserted]
        if any(of_it) and not all(of_it):
            self._lose("tests", f"assert {kind}", otherwise)
        return all(of_it)

    def _rows(self, tests: Sequence[_Test], grader: str) -> Iterator[dict[str, object]]:
        for test in tests:
            asserted = [one for one in test.asserts if _grader(one) == grader]
            if not asserted:
                self._lose("tests", f"test {test.number}", "nothing that the task's grader checks")
                continue
            for other in asserted[1:]:
                self._lose(
                    "tests",
                    f"test {test.number}: {_kind(other)}: {_value(other)!r:.60}",
                    "a row has one requirement; the first is kept",
                )
            yield {**test.variables, "reference": _reference(asserted[0], test.variables)}

    def _name_asserts(self, tests: Sequence[_Test], grader: str) -> None:
        for test in tests:
            for one in test.asserts:
                if _grader(one) != grader:
                    self._lose("tests", f"test {test.number}: assert {_kind(one)}", _why_lost(one))
                elif others := sorted(set(one) - _OF_AN_ASSERT):
                    what = f"test {test.number}: assert {_kind(one)}: {', '.join(others)}"
                    self._lose("tests", what, "no such thing here")

    def _instruction(self, number: int, prompt: str) -> str:
        """The prompt without the variables: those at its ends go, others are named in words."""
        text = re.sub(r"\s*\{\{[^{}]*\}\}\s*$", "", prompt.strip()).strip()
        for name in dict.fromkeys(_VARIABLE.findall(text)):
            self._lose(
                "prompts",
                f"prompt {number}: {{{{{name}}}}}",
                f"an instruction shows no field; it says 'the {_title(name).lower()} below'",
            )
        text = _VARIABLE.sub(lambda match: f"the {_title(match[1]).lower()} below", text)
        if logic := _JINJA.search(text):
            what = f"prompt {number}: {logic[0]:.60}"
            self._lose("prompts", what, "an instruction has no template's logic")
            text = _JINJA.sub("", text)
        return text.strip() or "Answer the following."

    def _lose(self, key: str, what: str, why: str) -> None:
        self.carried.lose(self.file.line(key), what, why)


def _short_assert(text: str) -> Mapping[str, Any]:
    """An assertion of a CSV cell: `icontains: Paris`, or a text that must be equal."""
    kind, mark, value = text.partition(":")
    if mark and kind.strip() in _GRADED:
        return {"type": kind.strip(), "value": value.strip()}
    return {"type": "equals", "value": text}


def _why_not(key: str, value: object) -> str:
    if key == "options" and isinstance(value, Mapping) and "transform" in value:
        return "its transform is code, and code of a file is never run"
    return "no such thing here"


def _why_lost(one: Mapping[str, Any]) -> str:
    if _kind(one) in ("javascript", "python", "ruby", "webhook"):
        return "it is code, and code of a file is never run"
    return "a task has one grader" if _kind(one) in _GRADED else "no grader stands for it"


def _kind(one: Mapping[str, Any]) -> str:
    return str(one.get("type"))


def _grader(one: Mapping[str, Any]) -> str | None:
    return _GRADED.get(_kind(one))


def _value(one: Mapping[str, Any]) -> object:
    return one.get("value")


def _reference(one: Mapping[str, Any], variables: Mapping[str, object]) -> object:
    """What a row's answer must be, its variables filled in."""

    def fill(value: object) -> object:
        if not isinstance(value, str):
            return value
        return _VARIABLE.sub(lambda match: str(variables.get(match[1], match[0])), value)

    value = one.get("value")
    if _grader(one) == "json_schema":
        return "{}"
    if _kind(one).endswith("-any") and isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    return [fill(item) for item in value] if isinstance(value, list) else fill(value)


def _task_name(path: Path) -> str:
    """The file's name, or its folder's where it has the name that all such files have."""
    told = path.resolve().parent.name if path.stem == "promptfooconfig" else path.stem
    return re.sub(r"[^A-Za-z0-9_-]+", "-", told).strip("-_") or "task"


def _shown(name: str) -> str:
    return f"{_title(name)}: {{{{ {template_name(name)} }}}}"


def _title(name: str) -> str:
    words = " ".join(re.sub(r"[\W_]+", " ", name).split())
    return words[:1].upper() + words[1:]
