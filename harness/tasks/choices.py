"""The options of a row: which there are, which is right, and how they are shown.

An option is named by the letter that its place in the row has, whatever order and letters it is
shown in: so answers can be compared between variants that arrange options otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Final

from harness.tasks.schema import ChoicesSpec
from harness.tasks.template import Template
from perturbations.base import Arrangement

BLOCK: Final = "options_block"
"""The name by which a template shows all options with their letters."""
LETTERS: Final = tuple(ascii_uppercase)


@dataclass(frozen=True, slots=True)
class ShownChoices:
    """A row as a model sees it: the input, and what it may say for each option."""

    input: str
    words: Mapping[str, str]
    options: Mapping[str, str]


def read_options(fields: Mapping[str, object], spec: ChoicesSpec) -> tuple[str, ...]:
    """The texts of a row's options, in the row's order.

    Two may be the same where letters tell them apart, as in ten questions of MMLU.

    Raises:
        ValueError: there is no list of two to 26 texts, or texts that are to be said repeat.
    """
    values = _option_values(fields, spec)
    options = tuple("" if _is_nothing(one) else _as_text(one) for one in values)
    problem = _problem(options) or (_repeated(options) if spec.by == "text" else None)
    if problem is not None:
        raise ValueError(f"{problem} in {_source(spec)}")
    return options


def _problem(options: Sequence[str]) -> str | None:
    if len(options) < 2:
        return f"has {len(options)} option{'' if options else 's'}, where two are the fewest,"
    if len(options) > len(LETTERS):
        return f"has {len(options)} options, and letters end at Z, the 26th,"
    for place, option in enumerate(options):
        if not option:
            return f"has an empty option {LETTERS[place]}"
    return None


def _repeated(options: Sequence[str]) -> str | None:
    for place, option in enumerate(options):
        if option in options[:place]:
            first = LETTERS[options.index(option)]
            return f"has the option {option[:60]!r} twice, as {first} and {LETTERS[place]},"
    return None


def read_gold(value: object, options: Sequence[str]) -> int:
    """The place of the right option, given by letter, by place (a number from 0) or by its text.

    Example:
        >>> read_gold("B", ["Rome", "Paris"]), read_gold(0, ["Rome", "Paris"])
        (1, 0)
        >>> read_gold("Paris", ["Rome", "Paris"])
        1

    Raises:
        ValueError: it is none of the options, or says two of them.
    """
    places = range(len(options))
    if isinstance(value, int) and not isinstance(value, bool) and value in places:
        return int(value)
    text = _as_text(value)
    meant = list(dict.fromkeys(_places_meant(text, options)))
    if len(meant) == 1:
        return meant[0]
    listed = "; ".join(f"{LETTERS[place]}: {options[place][:40]}" for place in places)
    if meant:
        letters = " and ".join(LETTERS[place] for place in meant)
        raise ValueError(
            f"has the gold {text[:60]!r}, which may be {letters} of the options {listed}"
        )
    raise ValueError(f"has the gold {text[:60]!r}, which is none of the options {listed}")


def show_choices(
    template: Template,
    fields: Mapping[str, object],
    spec: ChoicesSpec,
    arrangement: Arrangement | None = None,
    *,
    row: str = "a row",
) -> ShownChoices:
    """A row with its options in an order and under letters.

    The options stand where the template says `{{ options_block }}`; below the input where the model
    is to say a letter and the template shows no option itself.

    Args:
        template: The task's input.
        fields: The row; its options are valid.
        spec: What the task file says of them.
        arrangement: Their order and letters; default: as the row has them, `A.` and so on.
        row: Which row it is, for messages.
    """
    texts = read_options(fields, spec)
    arrangement = arrangement or Arrangement.of(len(texts))
    order = arrangement.order
    letters = [arrangement.letter(place) for place in range(len(texts))]
    shown = [texts[place] for place in order]
    block = "\n".join(map(arrangement.line, range(len(texts)), shown))
    filled = {**fields, **_rearranged(fields, spec, order), BLOCK: block}
    text = template.render(filled, row=row)
    if spec.by == "letter" and not shows_options(template, spec):
        text = f"{text}\n{block}".strip()
    names = [LETTERS[place] for place in order]
    said = letters if spec.by == "letter" else shown
    return ShownChoices(
        text, dict(zip(names, said, strict=True)), dict(zip(names, shown, strict=True))
    )


def shows_options(template: Template, spec: ChoicesSpec) -> bool:
    """Whether a template shows the options itself."""
    own = {spec.field} if isinstance(spec.field, str) else set(spec.field.values())
    return bool({BLOCK, *own} & set(template.fields))


def shows_letters(template: Template, spec: ChoicesSpec) -> bool:
    """Whether options stand in prompts under letters that are not the template's own."""
    return BLOCK in template.fields or (spec.by == "letter" and not shows_options(template, spec))


def _option_values(fields: Mapping[str, object], spec: ChoicesSpec) -> list[object]:
    if not isinstance(spec.field, str):
        missing = next((name for name in spec.field.values() if name not in fields), None)
        if missing is not None:
            raise ValueError(f"lacks the field {missing!r}, which holds an option")
        return [fields[name] for name in spec.field.values()]
    value = fields.get(spec.field)
    if not isinstance(value, list | tuple):
        has = "nothing" if value is None else f"no list but {str(value)[:40]!r}"
        raise ValueError(  # noqa: TRY004 - the row is wrong, not the program
            f"has {has} in the field {spec.field!r}, where its options are to stand"
        )
    return list(value)


def _rearranged(
    fields: Mapping[str, object], spec: ChoicesSpec, order: Sequence[int]
) -> dict[str, object]:
    """The fields of the options in their new order, for templates that show them by hand."""
    values = _option_values(fields, spec)
    moved = [values[place] for place in order]
    if isinstance(spec.field, str):
        return {spec.field: moved}
    return dict(zip(spec.field.values(), moved, strict=True))


def _places_meant(text: str, options: Sequence[str]) -> Iterator[int]:
    if text in options:
        yield options.index(text)
    if text in LETTERS[: len(options)]:
        yield LETTERS.index(text)
    if text.isascii() and text.isdigit() and int(text) < len(options):
        yield int(text)


def _source(spec: ChoicesSpec) -> str:
    if isinstance(spec.field, str):
        return f"the field {spec.field!r}"
    return f"the fields {', '.join(spec.field.values())}"


def _is_nothing(value: object) -> bool:
    """What pandas and JSON write for a missing text: None, or no number (NaN)."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _as_text(value: object) -> str:
    return value.strip() if isinstance(value, str) else str(value)
