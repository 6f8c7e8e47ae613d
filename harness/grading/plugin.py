"""Graders that are Python functions of the user's own, by entry point or `--plugin FILE`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from pydantic import ConfigDict

from harness.core.errors import UsageError
from harness.core.registry import Registry
from harness.grading.grade import UNPARSED, Grade, GraderOptions

GraderFunction = Callable[..., "float | Grade | None"]
"""`(text, references, **options)` -> a score in [0, 1], a `Grade`, or None for unparsed."""

FUNCTIONS: Registry[GraderFunction] = Registry("grader", group="harness.graders")
"""Functions by name: those of entry points of the group `harness.graders` and of `--plugin`."""


class Plugin(GraderOptions):
    """A grader of the user's own; options beside its name are handed to its function.

    The function is called as `function(text, references, **options)`, with the references as a
    tuple of texts. It returns a score in [0, 1] (True and False are 1 and 0), None where the text
    holds no answer, or a `Grade` where the answer that was read shall be kept.
    """

    model_config = ConfigDict(extra="allow")

    name: str
    """The name under which the function is registered."""

    binary: ClassVar[bool] = False

    def prepare(self) -> None:
        """Find the function, so that a name that does not exist is known before a run."""
        self._function()

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """What the function returns.

        Raises:
            UsageError: the function failed, or returned something else.
        """
        function = self._function()
        try:
            returned = function(text, tuple(references), **(self.model_extra or {}))
        except Exception as error:
            raise UsageError(
                f"the grader {self.name!r} failed: {type(error).__name__}: {error}.",
                hint="A grader is called for every text, empty ones too, and must raise on none.",
            ) from error
        return self._checked(returned, text)

    def _checked(self, returned: object, text: str) -> Grade:
        if returned is None:
            return UNPARSED
        grade = returned if isinstance(returned, Grade) else None
        score = grade.score if grade else returned
        if not isinstance(score, int | float) or not 0 <= score <= 1:
            raise UsageError(
                f"the grader {self.name!r} returned {returned!r}.",
                hint="It must return a number from 0 to 1, None, or a Grade.",
            )
        answer = grade.answer if grade else text.strip()
        return UNPARSED if answer is None else Grade(float(score), answer)

    def _function(self) -> GraderFunction:
        try:
            return FUNCTIONS.get(self.name)
        except (ImportError, AttributeError) as error:
            raise UsageError(f"grader {self.name!r} cannot be loaded: {error}.") from error
