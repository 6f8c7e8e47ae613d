"""Jinja for templates of task files: no code, nothing random, and an end within bounds.

A render has a budget of steps (turns of loops, calls, kilobytes built) and of seconds; a template
that goes over it fails like one with a mistake in it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jinja2 import StrictUndefined, Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_STEPS: Final = 200_000
MAX_SECONDS: Final = 5.0
MAX_CHARACTERS: Final = 10_000_000
_MAX_BITS: Final = 4096
_BUDGET: Final = "_budget"


class OverBudgetError(SecurityError):
    """A render takes too many steps, too long, or grows too large."""


@dataclass(slots=True)
class Budget:
    """What is left to one render."""

    steps: int = MAX_STEPS
    deadline: float = field(default_factory=lambda: time.monotonic() + MAX_SECONDS)

    def spend(self, steps: int = 1) -> None:
        """Take steps off.

        Raises:
            OverBudgetError: none are left, or the time is over.
        """
        self.steps -= steps
        if self.steps < 0:
            raise OverBudgetError("it takes too many steps")
        if time.monotonic() > self.deadline:
            raise OverBudgetError(f"it takes longer than {MAX_SECONDS:.0f} seconds")


class TemplateSandbox(ImmutableSandboxedEnvironment):
    """The environment that input templates are compiled in."""

    intercepted_binops = frozenset(["*", "**", "%", "+"])

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, finalize=_printable)
        self.globals.pop("lipsum", None)
        self.filters.pop("random", None)
        self.filters["_bounded"] = _bounded
        self.filters["_joined"] = _joined

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A key of a row's object comes before Python's method of that name."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """A call costs a step."""
        _budget(context).spend()
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Products, powers and sums cost their size."""
        _budget(context).spend(1 + _size(operator, left, right) // 1000)
        return super().call_binop(context, operator, left, right)

    def bounded(self, source: str) -> nodes.Template:
        """The parsed template with every loop and every `~` counted."""
        tree = self.parse(source)
        for loop in tree.find_all(nodes.For):
            loop.iter = _filtered(loop.iter, "_bounded")
        _replace_joins(tree)
        return tree


def render_bounded(template: Any, fields: Mapping[str, object]) -> str:
    """The rendered text.

    Raises:
        OverBudgetError: it takes too many steps, too long, or grows too large.
    """
    parts: list[str] = []
    size = 0
    for part in template.generate({**fields, _BUDGET: Budget()}):
        parts.append(part)
        size += len(part)
        if size > MAX_CHARACTERS:
            raise OverBudgetError(f"it writes more than {MAX_CHARACTERS:,} characters")
    return "".join(parts)


def _budget(context: Context) -> Budget:
    budget: Budget = context.get(_BUDGET) or Budget()
    return budget


def _printable(value: Any) -> Any:
    """What a template shows: never a method, whose text is an address in memory."""
    if callable(value) and not isinstance(value, Undefined):
        raise SecurityError(f"it shows the method {getattr(value, '__name__', value)!r}, no field")
    return value


@pass_context
def _bounded(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    budget = _budget(context)
    for value in values:
        budget.spend()
        yield value


@pass_context
def _joined(context: Context, values: Iterable[Any]) -> str:
    text = "".join(str(value) for value in values)
    _budget(context).spend(1 + len(text) // 1000)
    return text


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    made = nodes.Filter(node, name, [], [], None, None)
    made.set_lineno(node.lineno)
    made.set_environment(node.environment)  # type: ignore[arg-type]
    return made


def _replace_joins(node: nodes.Node) -> None:
    for name, value in list(node.iter_fields()):
        if isinstance(value, list):
            setattr(node, name, [_without_join(one) for one in value])
        elif isinstance(value, nodes.Node):
            setattr(node, name, _without_join(value))


def _without_join(node: Any) -> Any:
    if not isinstance(node, nodes.Node):
        return node
    _replace_joins(node)
    if not isinstance(node, nodes.Concat):
        return node
    listed = nodes.List(node.nodes)
    listed.set_lineno(node.lineno)
    listed.set_environment(node.environment)  # type: ignore[arg-type]
    return _filtered(listed, "_joined")


def _size(operator: str, left: Any, right: Any) -> int:
    """How large the result of an operation is, in characters or elements."""
    if operator == "**" and isinstance(left, int) and isinstance(right, int):
        if left.bit_length() * abs(right) > _MAX_BITS:
            raise OverBudgetError("it computes a number that is too large")
        return 0
    if operator == "*":
        return max(_product(left, right), _product(right, left))
    lengths = [len(side) for side in (left, right) if isinstance(side, str | list | tuple)]
    return sum(lengths)


def _product(repeated: Any, times: Any) -> int:
    if not isinstance(repeated, str | list | tuple) or not isinstance(times, int):
        return 0
    size = len(repeated) * max(times, 0)
    if size > MAX_CHARACTERS:
        raise OverBudgetError(f"it builds more than {MAX_CHARACTERS:,} characters")
    return size
