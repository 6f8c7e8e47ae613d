"""A registry of named things: what the project ships, and what plug-ins add by entry point."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from harness.core.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to things of one kind.

    A thing is registered itself, or as a lazy target `"module:attribute"` that is imported when it
    is first asked for. Entry points of `group` are read at the first look-up of a name that is not
    built in, so that a plug-in costs nothing until it is used.
    """

    def __init__(self, kind: str, *, group: str | None = None) -> None:
        self.kind = kind
        self._group = group
        self._things: dict[str, T | str] = {}
        self._plugins: dict[str, EntryPoint] | None = None

    def add(self, name: str, thing: T | str) -> None:
        """Register `thing` under `name`.

        Raises:
            UsageError: the name is taken.
        """
        if name in self._things:
            raise UsageError(f"{self.kind} {name!r} is registered twice.")
        self._things[name] = thing

    def get(self, name: str) -> T:
        """The thing of that name.

        Raises:
            UnknownNameError: no such name; the message offers the nearest ones.
        """
        if name not in self._things and name in self._entry_points():
            self._things[name] = self._entry_points()[name].load()
        if name not in self._things:
            raise UnknownNameError(self.kind, name, self.names())
        thing = self._things[name]
        if isinstance(thing, str):
            thing = self._things[name] = _load(thing)
        return thing

    def names(self) -> list[str]:
        """All names, in order of registration, plug-ins last."""
        return list(dict.fromkeys([*self._things, *self._entry_points()]))

    def __contains__(self, name: object) -> bool:
        return name in self._things or name in self._entry_points()

    def __iter__(self) -> Iterator[T]:
        return (self.get(name) for name in self.names())

    def _entry_points(self) -> dict[str, EntryPoint]:
        if self._plugins is None:
            # Costs more to import than all else that a start needs.
            from importlib.metadata import entry_points

            found = entry_points(group=self._group) if self._group else ()
            self._plugins = {point.name: point for point in found}
        return self._plugins


def _load(target: str) -> T:  # type: ignore[type-var]
    module, _, attribute = target.partition(":")
    loaded: T = getattr(importlib.import_module(module), attribute)
    return loaded
