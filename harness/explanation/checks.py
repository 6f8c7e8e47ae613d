"""Checks of one explained cell: does what gradients call important matter when it is taken away?

Every word of the task is deleted in turn. How much the answer's log-likelihood changes without the
densest word is set against how much it changes without another, and the changes are a second
ranking of the words; integrated gradients (captum) are a third, and a model of shuffled weights
should give one that has nothing to do with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.core.progress import Progress
from harness.core.records import stable_hash
from harness.explanation.ask import Question, make_questions
from harness.explanation.cells import answered_cells, key_of
from harness.explanation.density import Floats, density, shares, word_importance
from harness.explanation.plan import scope_of
from harness.explanation.ready import ReadyRun
from harness.explanation.store import ATTRIBUTIONS, AttributionStore, Key, read_checks
from harness.explanation.words import CONTENT
from harness.results.rundir import Run
from harness.stats.rank_correlation import rank_correlation

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from harness.explanation.batches import Asked
    from harness.models.inference.token_tree import Tokens

STEPS: Final = 16
"""Of the path of integrated gradients, from no embedding to the whole one."""
_SEED: Final = "shuffled weights"


@dataclass(frozen=True, slots=True)
class Shortened:
    """A prompt without one of its words, and the answer."""

    context: tuple[int, ...]
    answer: tuple[int, ...]


def check_cells(
    ready: ReadyRun, keys: Sequence[Key], store: AttributionStore, home: Run, progress: Progress
) -> None:
    """Check the cells that are not checked yet, and keep what was found.

    Args:
        ready: Whose cells.
        keys: The cells.
        store: Where what was found goes.
        home: The run in whose directory the store lies.
        progress: Told of every cell.
    """
    if not keys:
        return
    scope = scope_of(ready.run, ready.answers)
    there = read_checks(home.path / ATTRIBUTIONS, scope)
    waiting = [key for key in keys if not _is_done(there.get(key))]
    progress.start(len(keys), len(keys) - len(waiting))
    progress.reuse(len(keys) - len(waiting))
    for key, question in _questions(ready, waiting):
        progress.doing("deletion", ready.model.info.name)
        found = check_cell(ready.model.network, question, ready.model.beginning)
        progress.advance(1)
        if found is not None:
            store.write_checks(scope, {key: found})
    progress.stop()


def check_cell(
    model: PreTrainedModel, question: Question, beginning: Tokens = ()
) -> dict[str, float] | None:
    """What the checks find on one prompt.

    Args:
        model: The model, its weights as they are.
        question: The prompt's tokens, its words and the answer's tokens.
        beginning: What an encoder-decoder's decoder begins with; empty for a decoder.

    Returns:
        Name of a check -> its number (`top`, `others`: changes of log-likelihood in nats; the rest
        rank correlations); None where the prompt has fewer than three words to rank.
    """
    words = question.words.words
    content = [place for place, word in enumerate(words) if word.part in CONTENT]
    if len(content) < 3:
        return None
    importance = _importance(model, question, beginning)
    total = importance.sum(axis=1)
    losses = _deletion_losses(model, question, content, beginning)
    dense = density(importance[content])
    # Of words that are equally dense the one with the largest share is the densest.
    top = int(np.lexsort((shares(importance[content]), dense))[-1])
    changes = np.abs(losses)
    shuffled = _when_shuffled(model, question, beginning)
    found = {
        "top": float(changes[top]),
        "others": float(np.delete(changes, top).mean()),
        "deletion": rank_correlation(total[content], losses),
        "shuffled": rank_correlation(total[content], shuffled[content]),
    }
    if _has_captum():
        integrated = integrated_gradients(model, question, beginning)
        found["integrated"] = rank_correlation(total[content], integrated[content])
    return {name: value for name, value in found.items() if np.isfinite(value)}


def integrated_gradients(
    model: PreTrainedModel, question: Question, beginning: Tokens = (), *, steps: int = STEPS
) -> Floats:
    """Integrated gradients of each word [W] for the sum of the answer tokens' probabilities.

    Args:
        model: The model.
        question: The prompt and its answer.
        beginning: What an encoder-decoder's decoder begins with; empty for a decoder.
        steps: Points between embeddings of nothing and the whole ones.
    """
    import torch
    from captum.attr import IntegratedGradients

    from harness.explanation.differentiable import differentiable
    from harness.explanation.gradients import answer_logps, embeddings_of

    with torch.no_grad(), embeddings_of(model, lambda own: own) as seen:
        answer_logps(model, [question], beginning)
    (whole,) = seen

    def forward(embeddings: torch.Tensor) -> torch.Tensor:
        with embeddings_of(model, lambda _: embeddings):
            return answer_logps(model, [question] * len(embeddings), beginning).exp().sum(dim=1)

    with differentiable(model):
        found = IntegratedGradients(forward).attribute(
            whole, n_steps=steps, internal_batch_size=max(1, 512 // whole.shape[1])
        )
    tokens = found.sum(-1)[0, : len(question.context), None].double().cpu().numpy()
    return word_importance(tokens, *_of_words(question))[:, 0]


def _importance(model: PreTrainedModel, question: Question, beginning: Tokens) -> Floats:
    """Gradient x input of each word for each token of the answer [W, M]."""
    from harness.explanation.gradients import attribute

    ((_, attributed),) = attribute(model, [question], beginning)
    return word_importance(attributed.importance, *_of_words(question))


def _when_shuffled(model: PreTrainedModel, question: Question, beginning: Tokens) -> Floats:
    from harness.explanation.shuffled import shuffled_weights

    with shuffled_weights(model, stable_hash(_SEED, bits=32)):
        summed: Floats = _importance(model, question, beginning).sum(axis=1)
        return summed


def _deletion_losses(
    model: PreTrainedModel, question: Question, places: Sequence[int], beginning: Tokens = ()
) -> Floats:
    """What the answer's log-likelihood loses without each of these words, in nats."""
    import torch

    from harness.explanation.batches import in_batches
    from harness.explanation.gradients import answer_logps

    asked = [Shortened(question.context, question.answer)]
    asked += [_without(question, place) for place in places]

    def measure(batch: Sequence[Asked]) -> list[float]:
        summed: list[float] = answer_logps(model, batch, beginning).sum(1).tolist()
        return summed

    with torch.no_grad():
        found = dict(in_batches(model, asked, measure))
    return np.array([found[0] - found[1 + n] for n in range(len(places))])


def _without(question: Question, place: int) -> Shortened:
    kept = zip(question.context, question.words.of_token, strict=True)
    context = tuple(token for token, word in kept if word != place)
    return Shortened(context, question.answer)


def _of_words(question: Question) -> tuple[np.ndarray, int]:
    return np.array(question.words.of_token), len(question.words.words)


def _questions(ready: ReadyRun, keys: Sequence[Key]) -> Iterator[tuple[Key, Question]]:
    for task, answered in answered_cells(ready, keys):
        tools, tokenizer = ready.plan.tools[task.name], ready.model.tokenizer
        made = make_questions(answered, tools, tokenizer, ready.answers)
        for one, question in zip(answered, made, strict=True):
            if question is not None:
                yield key_of(one.cell), question


def _is_done(found: Mapping[str, object] | None) -> bool:
    return found is not None and ("integrated" in found or not _has_captum())


def _has_captum() -> bool:
    return find_spec("captum") is not None
