"""Asking a model for the verdicts of a task's judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.core.errors import HarnessError
from harness.core.records import Request, Turn
from harness.grading import Judge
from harness.models import Model, load_model
from harness.models.contract import Asked
from harness.models.spec import ModelSpec
from harness.prompting.answers import LabelParser


@dataclass
class AskedJudge:
    """A `JudgeModel` over a model: asked greedily, its verdict read as a generated label is.

    A model of another name is loaded when it is first asked, or before a run by `load`.
    """

    task: str
    """The task that it judges, for messages."""
    judge: Judge
    evaluated: Model
    """The model that is evaluated; the judge too where the task names none."""

    @cached_property
    def _model(self) -> Model:
        if self.judge.model is None:
            return self.evaluated
        try:
            return load_model(ModelSpec(self.judge.model))
        except HarnessError as error:
            error.message = f"task {self.task!r}: its judge cannot be loaded: {error.message}"
            raise

    def load(self) -> None:
        """Load the judge, so that what is wrong with it shows before anything is asked.

        Raises:
            HarnessError: it cannot be loaded.
        """
        _ = self._model

    def verdicts(self, prompts: Sequence[str], words: Sequence[str]) -> list[str | None]:
        """For each prompt the word that the judge answered; each distinct prompt is asked once."""
        parser = LabelParser({word: word for word in words})
        distinct = list(dict.fromkeys(prompts))
        said: dict[str, str | None] = {}
        for index, response in self._model.generate(
            self._requests(distinct),
            max_new_tokens=self.judge.max_new_tokens,
            is_done=parser.is_decided,
        ):
            said[distinct[index]] = parser.parse(response.text or "")
        return [said[prompt] for prompt in prompts]

    def _requests(self, prompts: Sequence[str]) -> list[Request]:
        """The prompts as chat turns where the judge has a template, else with a cue to answer."""
        tokenizer = self._model.tokenizer
        if tokenizer.chat_template is None:
            return tokenizer.requests([Asked(f"{prompt}\nVerdict:") for prompt in prompts])
        return tokenizer.requests(
            [
                Asked(
                    tokenizer.render_chat([{"role": "user", "content": prompt}]),
                    turns=(Turn("user", prompt),),
                    special=False,
                )
                for prompt in prompts
            ]
        )
