"""The examples of a task: rows read, checked, drawn and rendered."""

from __future__ import annotations

import hashlib
import json
import math
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from harness.core.errors import UsageError, nearest_hint
from harness.core.records import Example, Turn
from harness.tasks.answers import GoldReader, make_gold_reader
from harness.tasks.conversation import read_turns
from harness.tasks.rows import Row
from harness.tasks.schema import Source, TaskSpec
from harness.tasks.sources import open_source, row_place
from harness.tasks.task import draw_places, rank_places
from harness.tasks.template import Template, compile_template

_AS_JSON: Final = re.compile(r"\|\s*tojson\s*\}\}\s*$")


@dataclass(frozen=True, slots=True)
class Sample:
    """A seeded draw of examples: the first `limit` of it, or all of them."""

    limit: int | None
    seed: int


@dataclass(frozen=True, slots=True)
class Examples:
    """What was read of a source."""

    examples: tuple[Example, ...]
    drawn: tuple[int, ...] = ()
    """Their places in the seeded order of a draw; empty without a draw."""
    inputs: frozenset[bytes] = frozenset()
    """Keys of the inputs of all rows, also of those that were not drawn, if they were asked for."""


def input_key(text: str) -> bytes:
    """A key of an input, much shorter than the input."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


@dataclass(frozen=True)
class ExampleReader:
    """Reads the examples of one source of a task."""

    spec: TaskSpec
    source: Source
    """Where the rows are: those that are asked, or the few-shot ones."""
    template: Template
    path: Path
    """The task file, for messages; its folder is where files of rows are looked for."""
    data_dir: Path | None

    @cached_property
    def _gold(self) -> GoldReader:
        where = partial(row_place, self.source, self.path, self.data_dir)
        return make_gold_reader(self.spec, self.template, self.path, where)

    def read(self, sample: Sample | None = None, *, with_inputs: bool = False) -> Examples:
        """The wanted examples of a source, in file order.

        The rows pass by twice where some are drawn: once to be checked and counted, once to keep
        those that were drawn. Only these are held, and only these are rendered unless the inputs of
        all are asked for.

        Args:
            sample: What to draw; None for all rows without a draw.
            with_inputs: Whether to note the input of each row, drawn or not.

        Raises:
            UsageError: no rows, a missing field, nothing that is right, or an id twice.
        """
        try:
            rows = open_source(self.source, beside=self.path.parent, data_dir=self.data_dir)
        except UsageError as error:
            raise self._named(error) from None
        if sample is None or sample.limit is None:
            found = self._all(rows, sample)
        else:
            found = self._drawn(rows, sample, sample.limit, with_inputs=with_inputs)
        if not found.examples:
            raise self._named(UsageError("the source has no rows."))
        return found

    def _named(self, error: UsageError) -> UsageError:
        return UsageError(f"task {self.spec.name!r}: {error.message}", hint=error.hint)

    def _each(self, rows: Iterable[Row]) -> Iterator[tuple[int, Row]]:
        """The rows and their places; an error in a file of rows names the task."""
        try:
            yield from enumerate(rows)
        except UsageError as error:
            raise self._named(error) from None

    def _all(self, rows: Iterable[Row], sample: Sample | None) -> Examples:
        examples = tuple(self.make(row, place) for place, row in self._each(rows))
        self._check_ids(example.id for example in examples)
        inputs = frozenset(input_key(example.input) for example in examples)
        if sample is None:
            return Examples(examples, inputs=inputs)
        places = draw_places(len(examples), None, seed=sample.seed, name=self.spec.name)
        return Examples(examples, rank_places(places), inputs)

    def _drawn(
        self, rows: Iterable[Row], sample: Sample, limit: int, *, with_inputs: bool
    ) -> Examples:
        inputs: set[bytes] = set()
        hashes = array("q")
        for place, row in self._each(rows):
            hashes.append(hash(self._check(row, place)))
            if with_inputs:
                inputs.add(input_key(self.make(row, place).input))
        if self.spec.id_field is not None:
            self._check_hashes(rows, hashes)
        places = draw_places(len(hashes), limit, seed=sample.seed, name=self.spec.name)
        wanted = frozenset(places)
        examples = tuple(self.make(row, n) for n, row in self._each(rows) if n in wanted)
        if len(examples) != len(wanted):
            changed = UsageError("the rows changed while they were read.", hint="Type it again.")
            raise self._named(changed)
        return Examples(examples, rank_places(places), frozenset(inputs))

    def make(self, row: Row, place: int) -> Example:
        """The example of a row and its place among the rows of the source, from 0.

        Raises:
            UsageError: it lacks a field, nothing is right in it, or the template fails.
        """
        identity = self._check(row, place)
        fields = self.fields(row, place)
        example = self._gold.make(identity, fields, place)
        turns = self._turns(fields, place)
        return replace(example, turns=turns) if turns else example

    def fields(self, row: Row, place: int) -> dict[str, object]:
        """What a row holds, and what is derived from it.

        Raises:
            UsageError: a template of a derived field fails.
        """
        fields = _filled(row)
        for name, template in self._derived.items():
            fields[name] = _handed_on(template, template.render(fields, row=f"row {place + 1}"))
        return fields

    @cached_property
    def _derived(self) -> dict[str, Template]:
        where = f"{self.path}: derive"
        return {
            name: compile_template(text, where=f"{where}.{name}")
            for name, text in self.spec.derive.items()
        }

    def _check(self, row: Row, place: int) -> str:
        """The row's id, if something is right in it."""
        fields, name = self.fields(row, place), self.spec.id_field
        if name is not None and name not in fields:
            has = ", ".join(sorted(fields)) or "no fields"
            raise UsageError(
                f"{self.path}: id_field names {name!r}, which row {place + 1} does not have; it "
                f"has {has}.{nearest_hint(name, fields)}"
            )
        self._turns(fields, place)
        self._gold.check(fields, place)
        return str(fields[name]) if name else str(place)

    def _turns(self, fields: Mapping[str, object], place: int) -> tuple[Turn, ...]:
        field = self.spec.messages
        if field is None:
            return ()
        try:
            return read_turns(fields.get(field), field)
        except ValueError as error:
            where = row_place(self.source, self.path, self.data_dir, place)
            raise UsageError(f"{where} {error}.") from None

    def _check_ids(self, ids: Iterable[str]) -> None:
        seen: set[str] = set()
        for place, identity in enumerate(ids):
            if identity in seen:
                raise UsageError(
                    f"{self.path}: row {place + 1} repeats the id {identity!r} of field "
                    f"{self.spec.id_field!r}; ids must be unique."
                )
            seen.add(identity)

    def _check_hashes(self, rows: Iterable[Row], hashes: Sequence[int]) -> None:
        """Ids are compared as such only where two hashes of eight bytes are equal."""
        import numpy as np

        _, counts = np.unique(np.asarray(hashes), return_counts=True)
        if (counts > 1).any():
            self._check_ids(self._check(row, place) for place, row in self._each(rows))


def _handed_on(template: Template, text: str) -> object:
    """A text, or the value whose JSON a template wrote."""
    if not _AS_JSON.search(template.source):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _filled(row: Row) -> dict[str, object]:
    """The fields that hold something; what is no number (NaN) is what pandas writes for nothing."""
    return {
        str(name): value
        for name, value in row.items()
        if value is not None and not (isinstance(value, float) and math.isnan(value))
    }
