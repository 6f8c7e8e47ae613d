"""How every command reads its arguments: what is given twice or in the wrong place is an error.

An option that may be repeated takes the paths that follow its value, too: a shell has made them of
a pattern such as `--model adapters/*`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from typer import Typer


def add_command(app: Typer, name: str, function: Callable[..., None], *examples: str) -> None:
    """Add a command to the application.

    Args:
        app: the application, or a group of it.
        name: what is typed.
        function: what runs; its docstring is the help, its parameters are the options.
        examples: whole lines that one may type, shown at the end of the help.
    """
    epilog = "\n\n".join(["Examples:", *(f"- `{line}`" for line in examples)])
    app.command(name, cls=Command, epilog=epilog if examples else None)(function)


class Command(TyperCommand):
    """A command that takes no option twice which takes one value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments as Typer does, after two checks of our own.

        Raises:
            UsageError: an option with one value is repeated, or a model is given without --model.
        """
        if args and not ctx.resilient_parsing:
            args = _spread(args, self._repeatable("model"))
            given, extra, order = self.make_parser(ctx).parse_args(args=list(args))
            self._refuse_repeated(order)
            if extra and "model" in {param.name for param in self.params} - set(given):
                raise UsageError(
                    f"{ctx.command_path} takes the model as an option, not as {extra[0]!r}.",
                    hint=f"Type: {ctx.command_path} --model {extra[0]}",
                )
        return super().parse_args(ctx, args)

    def _repeatable(self, name: str) -> tuple[str, ...]:
        """What an option is called, if there is one of that name that may be repeated."""
        return next((tuple(p.opts) for p in self.params if p.name == name and p.multiple), ())

    def _refuse_repeated(self, order: Iterable[Any]) -> None:
        counts = Counter(param.name for param in order)
        for param in self.params:
            takes_one = not param.multiple if param.param_type_name == "option" else False
            switch = getattr(param, "is_flag", False) and not param.secondary_opts
            if takes_one and not switch and counts[param.name] > 1:
                name = next(opt for opt in param.opts if opt.startswith("--"))
                raise UsageError(
                    f"{name} is given {counts[param.name]} times, and takes one value.",
                    hint="Leave all but one out.",
                )


def _spread(args: Iterable[str], names: Collection[str]) -> list[str]:
    """The arguments with the option before each path that follows a value of it.

    Example:
        `--model base --model a b --limit 5` -> `--model base --model a --model b --limit 5`, where
        `b` is a path.
    """
    spread: list[str] = []
    value_is_next = is_after_value = False
    for word in args:
        is_path = not word.startswith("-") and Path(word).exists()
        if is_after_value and not value_is_next and is_path:
            spread.append(next(iter(names)))
        else:
            is_given = any(word.startswith(f"{name}=") for name in names)
            is_after_value = value_is_next or is_given
            value_is_next = not value_is_next and word in names
        spread.append(word)
    return spread
