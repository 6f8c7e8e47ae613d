"""Input templates: Jinja in a sandbox, so that a task file is data and never code.

A field whose name is no word to Jinja (`Ticket text`, `customer-name`) is reached by that name with
`_` in place of what is no letter or digit: `{{ Ticket_text }}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import jinja2
from jinja2 import TemplateSyntaxError, UndefinedError, meta

from harness.core.errors import UsageError, nearest_hint
from harness.tasks.sandbox import TemplateSandbox, render_bounded

_TAKEN: Final = frozenset(
    {
        *("and", "or", "not", "in", "is", "if", "elif", "else", "for", "loop", "self"),
        *("true", "false", "none", "True", "False", "None"),
        *("range", "dict", "namespace", "cycler", "joiner"),
    }
)
"""Words of the template language, and names that it has itself."""


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled input template."""

    source: str
    fields: tuple[str, ...]
    """Names of the fields that it shows, sorted."""
    where: str
    """The task file, for messages."""
    _compiled: jinja2.Template

    def render(self, fields: Mapping[str, object], *, row: str = "a row") -> str:
        """The input of a row, outer white space stripped.

        Args:
            fields: The row's fields: texts, numbers, lists and objects as they are.
            row: Which row it is, for messages.

        Raises:
            UsageError: the row lacks a field that the template names, or the template fails,
                takes too long or writes too much.
        """
        fields = reachable(fields)
        try:
            return render_bounded(self._compiled, fields).strip()
        except UndefinedError as error:
            missing = next((name for name in self.fields if name not in fields), None)
            if missing is None:
                raise self._failed(row, str(error)) from None
            raise UsageError(
                f"{self.where}: the input template names the field {missing!r}, which {row} does "
                f"not have; it has {', '.join(sorted(fields))}.{nearest_hint(missing, fields)}"
            ) from None
        except Exception as error:  # a template can make Python raise anything
            kind = "" if isinstance(error, jinja2.TemplateError) else f"{type(error).__name__}: "
            raise self._failed(row, f"{kind}{error}") from None

    def _failed(self, row: str, why: str) -> UsageError:
        lines = why.splitlines() or ["no reason is given"]
        return UsageError(
            f"{self.where}: the input template fails on {row}: {lines[0][:300].rstrip('.')}."
        )


def compile_template(source: str, *, where: str) -> Template:
    """The template of a task file.

    Raises:
        UsageError: a syntax error.
    """
    sandbox = TemplateSandbox()
    try:
        names = meta.find_undeclared_variables(sandbox.parse(source))
        compiled = sandbox.from_string(sandbox.bounded(source))
    except TemplateSyntaxError as error:
        raise UsageError(
            f"{where}: the input template is not valid: {error.message} (line {error.lineno} of "
            "the template)"
        ) from None
    except (RecursionError, jinja2.TemplateError) as error:
        raise UsageError(f"{where}: the input template is not valid: {error}") from None
    return Template(
        source=source,
        fields=tuple(sorted(names - set(sandbox.globals))),
        where=where,
        _compiled=compiled,
    )


def template_name(field: str) -> str:
    """What a template calls a field.

    Example:
        >>> template_name("body"), template_name("Ticket text"), template_name("2nd")
        ('body', 'Ticket_text', '_2nd')
    """
    name = re.sub(r"\W+", "_", field)
    if field == name and field.isidentifier() and field not in _TAKEN:
        return field
    name = name.strip("_") or "field"
    return f"{name}_" if name in _TAKEN else name if name.isidentifier() else f"_{name}"


def reachable(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields by their own names, and by those that templates call them."""
    return {template_name(name): value for name, value in fields.items()} | dict(fields)


def map_texts(value: object, change: Callable[[str, str], str], place: str = "") -> object:
    """A field's value with each text in it changed; objects and lists keep their form.

    Args:
        value: A text, or a list or object that may hold some; anything else stays as it is.
        change: Maps the place of a text (`meta.title`, `choices.0`) and the text to the new text.
        place: Where `value` stands.
    """
    if isinstance(value, str):
        return change(place, value)
    if isinstance(value, Mapping):
        return {key: map_texts(part, change, f"{place}.{key}") for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [map_texts(part, change, f"{place}.{n}") for n, part in enumerate(value)]
    return value
