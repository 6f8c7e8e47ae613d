"""Options from a configuration: each field of a pydantic model is an option, written once.

The field's name, type, default and docstring become the option's; a table of panels groups them.
Choices of a `Literal` are shown by `--help` and completed by the shell.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar, get_args, get_origin

import typer

from harness.cli.completion import COMPLETERS, complete_from
from harness.core.errors import UnknownNameError
from harness.core.options import check_options, choices_of, flag

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

C = TypeVar("C", bound="BaseModel")

Panels = Mapping[str, Sequence[str]]
"""Title of a panel -> the fields whose options stand in it, in order."""

_FLAGS: Final = {
    "model": ("--model", "-m"),
    "tasks": ("--task",),
    "stacks": ("--stack",),
    "plugins": ("--plugin",),
}
"""Options that are not called as their field is."""
_HIDDEN: Final = frozenset({"window"})
_ONE_TEXT: Final = frozenset({"levels"})
"""Lists that are given as one text, separated by commas."""


def with_options(
    config: type[C], panels: Panels
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function of a configuration.

    Args:
        config: the pydantic model whose fields become options.
        panels: how `--help` groups them; a field that no panel names is no option.

    Returns:
        A decorator for a function whose first parameter is the configuration; what follows it are
        the command's other options.
    """
    fields = [name for names in panels.values() for name in names]
    own = [_parameter(config, name, panel) for panel, names in panels.items() for name in names]

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        others = list(signature.parameters.values())[1:]

        @functools.wraps(function)
        def command(**values: Any) -> None:
            given = {name: values.pop(name) for name in fields}
            given = {name: value for name, value in given.items() if value is not None}
            function(check_options(config, given), **values)

        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *others)]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        del command.__wrapped__
        return command

    return decorate


def choice(kind: str, choices: Sequence[str]) -> Callable[[str], str]:
    """Make a parser of one of some names; another name is an error that offers the nearest."""

    def parse(value: str) -> str:
        if value not in choices:
            raise UnknownNameError(kind, value, choices)
        return value

    return parse


def _parameter(config: type[BaseModel], name: str, panel: str) -> inspect.Parameter:
    """A field as a parameter of a Typer command."""
    field = config.model_fields[name]
    optional = NoneType in get_args(field.annotation)
    plain = _plain_type(field.annotation)
    many = plain is tuple and name not in _ONE_TEXT
    default = inspect.Parameter.empty if field.is_required() else field.get_default()
    if many or plain is tuple:
        plain, default = (list[str] if many else str), None
        optional = True
    option = _option(name, field, panel)
    given = plain | None if optional else plain
    annotation = Annotated[given, option]  # type: ignore[valid-type]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _option(name: str, field: FieldInfo, panel: str) -> Any:
    declared = _FLAGS.get(name) or (flag(name),)
    if field.annotation is bool and field.get_default() is True:
        declared = (f"{flag(name)}/--no-{flag(name)[2:]}",)
    choices = choices_of(field.annotation) if _plain_type(field.annotation) is str else ()
    about = " ".join((field.description or "").split())
    options: dict[str, Any] = {
        "help": f"{about} One of {', '.join(choices)}." if choices else about,
        "rich_help_panel": panel,
        "hidden": name in _HIDDEN,
        "autocompletion": COMPLETERS.get(name),
    }
    if choices:
        options["parser"] = choice(name.replace("_", " "), choices)
        options["metavar"] = "<name>"
        options["autocompletion"] = complete_from(lambda: choices)
    if field.annotation is bool and field.get_default() is False:
        options["show_default"] = False
    return typer.Option(*declared, **options)


def _plain_type(annotation: Any) -> Any:
    """What the command line reads for a type: `tuple` for any list, `str` where several fit."""
    if get_origin(annotation) is Annotated:
        return _plain_type(get_args(annotation)[0])
    if annotation in (bool, int, float, str, Path):
        return annotation
    if get_origin(annotation) is tuple:
        return tuple
    if get_origin(annotation) is Literal:
        return str
    members = {_plain_type(one) for one in get_args(annotation) if one is not NoneType}
    return members.pop() if len(members) == 1 else str
