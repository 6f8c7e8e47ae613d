"""The encoder that says how alike free-text answers are: any model of transformers here."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.errors import UsageError
from harness.models import ModelSpec
from harness.models.backends import BACKENDS
from harness.models.loading.source import find_source
from harness.models.servers.address import is_served
from harness.tasks import Task
from perturbations.similarity import SentenceEncoder, load_encoder


def check_embedding(name: str, tasks: Iterable[Task]) -> None:
    """Validate that there are answers to embed, and a model here that can.

    Raises:
        UsageError: no task has free text, or the model shows no hidden states.
    """
    if all(task.kind != "answer" for task in tasks):
        raise UsageError(
            f"--embed-with {name} compares free-text answers, and no task has them.",
            hint="Leave it out: labels and options agree or they do not.",
        )
    spec = ModelSpec(name)
    if is_served(spec) or name.partition(":")[0] in BACKENDS:
        raise UsageError(
            f"--embed-with {name}: only a model of transformers here shows its hidden states.",
            hint="Name a directory with a model of transformers, or smollm2-135m.",
        )
    if find_source(spec).adapter is not None:
        raise UsageError(
            f"--embed-with {name} is an adapter.", hint="Type: harness merge, and name the result."
        )


def load_answer_encoder(name: str) -> SentenceEncoder:
    """The encoder: the mean of the last layer's states over an answer's tokens.

    Raises:
        UsageError: nothing that transformers can load is there.
    """
    return load_encoder(find_source(ModelSpec(name)).directory)
