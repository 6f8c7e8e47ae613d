"""Input templates: Jinja in a sandbox, so that a task file is data and never code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jinja2
from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness.core.errors import UsageError, nearest_hint


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled input template."""

    source: str
    fields: tuple[str, ...]
    """Names of the fields that it shows, sorted."""
    where: str
    """The task file, for messages."""
    _compiled: jinja2.Template

    def render(self, fields: Mapping[str, str]) -> str:
        """The input of a row, outer white space stripped.

        Raises:
            UsageError: the row lacks a field that the template names, or the template fails.
        """
        try:
            return self._compiled.render(fields).strip()
        except UndefinedError as error:
            missing = next((name for name in self.fields if name not in fields), None)
            if missing is None:
                raise UsageError(f"{self.where}: the input template fails: {error}") from None
            raise UsageError(
                f"{self.where}: the input template names the field {missing!r}, which a row does "
                f"not have; it has {', '.join(sorted(fields))}.{nearest_hint(missing, fields)}"
            ) from None
        except (TemplateError, TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"{self.where}: the input template fails: {error}") from None


def compile_template(source: str, *, where: str) -> Template:
    """The template of a task file.

    Raises:
        UsageError: a syntax error.
    """
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    try:
        names = meta.find_undeclared_variables(environment.parse(source))
        compiled = environment.from_string(source)
    except TemplateSyntaxError as error:
        raise UsageError(f"{where}: the input template is not valid: {error.message}") from None
    return Template(source=source, fields=tuple(sorted(names)), where=where, _compiled=compiled)
