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
    "metrics": ("--metric",),
    "plugins": ("--plugin",),
    "scorers": ("--scorer",),
}
"""Options that are not called as their field is."""
_HIDDEN: Final = frozenset({"window"})
_ONE_TEXT: Final = frozenset({"levels", "scorers", "strength"})
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
    own = [_parameter(config, name, panel) for panel, names in panels.items() for name in names]
    return functools.partial(_as_command, own, lambda given: check_typed(config, given))


def check_typed(config: type[C], given: Mapping[str, object]) -> C:
    """The configuration of options as typed; an error calls them by what is typed, too."""
    return check_options(config, given, say=lambda name: (_FLAGS.get(name) or (flag(name),))[0])


def with_several(
    config: type[C], panels: Panels, name: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function of several configurations, alike but for one field.

    Args:
        config: the pydantic model whose fields become options.
        panels: as `with_options` has them.
        name: the field whose option may be repeated.

    Returns:
        A decorator for a function whose first parameter is a list: a configuration for each value.
    """
    own = [
        _parameter(config, field, panel, repeated=field == name)
        for panel, fields in panels.items()
        for field in fields
    ]

    def bind(given: dict[str, Any]) -> list[C]:
        return [check_typed(config, {**given, name: value}) for value in given[name]]

    return functools.partial(_as_command, own, bind)


def with_given(
    config: type[C], panels: Panels
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function of the options that were given, a mapping of their values.

    Nothing is required and no default is filled in: a file may hold what is not given.
    """
    own = [
        _parameter(config, name, panel, given_only=True)
        for panel, names in panels.items()
        for name in names
    ]
    return functools.partial(_as_command, own, dict)


def _as_command(
    own: Sequence[inspect.Parameter],
    bind: Callable[[dict[str, Any]], object],
    function: Callable[..., None],
) -> Callable[..., None]:
    """Make a command with options of its own beside those of the function."""
    others = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

    @functools.wraps(function)
    def command(**values: Any) -> None:
        given = {option.name: values.pop(option.name) for option in own}
        function(bind({k: v for k, v in given.items() if v is not None}), **values)

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *others)]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    del command.__wrapped__
    return command


def choice(kind: str, choices: Sequence[str]) -> Callable[[str], str]:
    """Make a parser of one of some names; another name is an error that offers the nearest."""

    def parse(value: str) -> str:
        if value not in choices:
            raise UnknownNameError(kind, value, choices)
        return value

    return parse


def _parameter(
    config: type[BaseModel],
    name: str,
    panel: str,
    *,
    given_only: bool = False,
    repeated: bool = False,
) -> inspect.Parameter:
    """A field as a parameter of a Typer command.

    `given_only`: None unless it is given. `repeated`: all of its values, where it has one each.
    """
    field = config.model_fields[name]
    plain = _plain_type(field.annotation)
    if repeated:
        plain = list[str]
    if plain is tuple:
        plain = str if name in _ONE_TEXT else list[str]
    nothing = given_only or _plain_type(field.annotation) is tuple
    default = inspect.Parameter.empty if field.is_required() else field.get_default()
    kind = plain | None if nothing or NoneType in get_args(field.annotation) else plain
    option = _option(name, field, panel, given_only=given_only)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None if nothing else default,
        annotation=Annotated[kind, option],
    )


def _option(name: str, field: FieldInfo, panel: str, *, given_only: bool) -> Any:
    """What Typer is told of a field."""
    about = " ".join((field.description or "").split())
    options: dict[str, Any] = {
        "help": about,
        "rich_help_panel": panel,
        "hidden": name in _HIDDEN,
        "autocompletion": COMPLETERS.get(name),
        "show_default": _shown_default(field) if given_only else field.get_default() is not False,
    }
    choices = choices_of(field.annotation) if _plain_type(field.annotation) is str else ()
    if choices:
        options["help"] = f"{about} One of {', '.join(choices)}."
        options["parser"] = choice(name.replace("_", " "), choices)
        options["metavar"] = "<name>"
        options["autocompletion"] = complete_from(lambda: choices)
    return typer.Option(*_declare(name, field, both=given_only), **options)


def _declare(name: str, field: FieldInfo, *, both: bool) -> tuple[str, ...]:
    """What is typed: a switch that is on, or may be on in a file, can be turned off."""
    if field.annotation is bool and (both or field.get_default() is True):
        return (f"{flag(name)}/--no-{flag(name)[2:]}",)
    return _FLAGS.get(name) or (flag(name),)


def _shown_default(field: FieldInfo) -> str | bool:
    """A default that stands in the configuration alone, as the help shows it."""
    default = None if field.is_required() else field.get_default()
    if default is None or default == ():
        return False
    if isinstance(default, bool):
        return "on" if default else "off"
    return ",".join(default) if isinstance(default, tuple) else str(default)


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
