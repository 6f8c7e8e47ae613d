"""Input templates: Jinja in a sandbox, so that a task file is data and never code."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness.errors import UsageError, nearest_hint

Render = Callable[[Mapping[str, str]], str]


def compile_template(source: str, *, where: str) -> Render:
    """A function from a row's fields to the rendered input, outer white space stripped.

    Raises:
        UsageError: now for a syntax error; on rendering for a field that the row does not have.
    """
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    try:
        template = environment.from_string(source)
    except TemplateSyntaxError as error:
        raise UsageError(f"{where}: the input template is not valid: {error.message}") from None

    def render(fields: Mapping[str, str]) -> str:
        try:
            return template.render(fields).strip()
        except UndefinedError as error:
            missing = str(error.message).split("'")[1] if "'" in str(error.message) else "?"
            raise UsageError(
                f"{where}: the input template names the field {missing!r}, which the rows do not "
                f"have; they have {', '.join(sorted(fields))}.{nearest_hint(missing, fields)}"
            ) from None
        except (TemplateError, TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"{where}: the input template fails: {error}") from None

    return render
