"""What workers say: facts about their copy of the model, answers, and why there are none."""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.errors import ExitCode, HarnessError, IncompleteRunError, UsageError
from harness.models import Model, ModelInfo, ModelSpec, load_model
from harness.models.contract import DrawingModel
from harness.models.questions import Answers, Question
from harness.workers.versions import Versions, versions_here


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of the model that is ready to be asked."""

    where: str
    """The machine's name and address."""
    info: ModelInfo
    notes: tuple[str, ...]
    draws: bool
    """Whether it draws texts."""
    versions: Versions


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a worker cannot open its model, or answer."""

    where: str
    message: str
    hint: str | None = None
    code: ExitCode = ExitCode.USAGE

    def error(self) -> HarnessError:
        """The same as an error that names the machine."""
        kind = IncompleteRunError if self.code == ExitCode.INCOMPLETE else UsageError
        return kind(f"on the node {self.where}: {self.message}", hint=self.hint)


def open_model(spec: ModelSpec, expected: Versions, where: str) -> tuple[Model, Copy] | Refused:
    """Load the model on this machine, if its software is the expected.

    Args:
        spec: the model as it was named, with the options of its loading.
        expected: the versions where the run was started.
        where: this machine's name, for messages.

    Returns:
        The model and what the driver must know of it; or why there is none, to be raised there.
    """
    here = versions_here()
    if differences := expected.differences(here):
        return Refused(
            where,
            f"other software than where the run was started: {'; '.join(differences)}.",
            hint="Install the same versions on every machine.",
        )
    try:
        model = load_model(spec)
    except HarnessError as error:
        return Refused(
            where,
            error.message,
            hint="A model must lie under the same path on every machine, or be named by a hub id."
            if error.message.startswith("there is no model")
            else error.hint,
        )
    notes = tuple(model.notes)
    return model, Copy(where, model.info, notes, isinstance(model, DrawingModel), here)


def answer(model: Model, question: Question, where: str) -> Answers | Refused:
    """Ask the model one question; where it fails, say so in its own words."""
    try:
        return list(question.ask(model))
    except HarnessError as error:
        return Refused(where, error.message, error.hint, error.exit_code)
