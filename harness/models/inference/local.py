"""What every model of this process does alike, however it computes scores and texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

from transformers import GenerationConfig, PreTrainedModel

from harness.core.errors import UsageError
from harness.core.records import Request, Response
from harness.models.contract import ModelInfo
from harness.models.inference.budget import Budget, choose_budget
from harness.models.inference.generate import Ending
from harness.models.inference.sampling import Draws
from harness.models.inference.token_tree import Tokens
from harness.models.loading.tokenizer import HFTokenizer


class LocalModel(ABC):
    """A transformers model in memory: equal contexts are read once, texts end in one way."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: HFTokenizer,
        info: ModelInfo,
        *,
        end_id: int | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.info = info
        self.tokenizer = tokenizer
        self.notes: list[str] = []
        self._model = model.eval().requires_grad_(False)
        self._budget = budget or choose_budget(model)
        self._end_ids = end_tokens(model.generation_config, end_id)

    @property
    def network(self) -> PreTrainedModel:
        """The transformers model itself, whose weights want no gradient."""
        model: PreTrainedModel = self._model
        return model

    @property
    def beginning(self) -> Tokens:
        """What a decoder of its own begins with; nothing where the prompt itself goes on."""
        return ()

    @abstractmethod
    def loglik(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        """Yields (index of the request, its labels' summed log-likelihoods), in any order.

        Raises:
            UsageError: a request has no context token or is longer than the model takes.
        """

    def generate(
        self,
        requests: Sequence[Request],
        *,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
        stop: Sequence[str] = (),
    ) -> Iterator[tuple[int, Response]]:
        """Yields (index of the request, its greedily generated text), in any order.

        Raises:
            UsageError: a request has no context token or leaves no room for the new ones.
        """
        if max_new_tokens < 1:
            raise UsageError(f"at least 1 token must be generated, not {max_new_tokens}.")
        self._check(requests, room=max_new_tokens)
        ending = Ending(
            max_new_tokens, self._end_ids, self.tokenizer.decode_rest, is_done, tuple(stop)
        )
        asking = _by_context(requests)
        contexts = list(asking)
        for place, text in self._write(contexts, ending):
            for index in asking[contexts[place]]:
                yield index, Response(text=text)

    def draw(
        self,
        requests: Sequence[Request],
        seeds: Sequence[int],
        *,
        temperature: float,
        max_new_tokens: int,
        is_done: Callable[[str], bool],
    ) -> Iterator[tuple[int, Response]]:
        """Yields (index of the request, a text drawn by its seed alone), in any order.

        Requests with the same context are read once.

        Raises:
            UsageError: a request has no context token or leaves no room for the new ones.
        """
        self._check(requests, room=max_new_tokens)
        ending = Ending(max_new_tokens, self._end_ids, self.tokenizer.decode_rest, is_done)
        asking = _by_context(requests)
        waiting = [iter(indices) for indices in asking.values()]
        draws = Draws(temperature, [[seeds[i] for i in indices] for indices in asking.values()])
        for place, text in self._write(list(asking), ending, draws):
            yield next(waiting[place]), Response(text=text)

    @abstractmethod
    def _write(
        self, contexts: Sequence[Tokens], ending: Ending, draws: Draws | None = None
    ) -> Iterator[tuple[int, str]]:
        """Yields (index of the context, text); the contexts all differ."""

    @abstractmethod
    def _check(self, requests: Sequence[Request], *, room: int) -> None:
        """Refuses requests without a context, and those that leave no room for `room` tokens."""

    def _note(self, note: str | None) -> None:
        if note is not None and note not in self.notes:
            self.notes.append(note)


def _by_context(requests: Sequence[Request]) -> dict[Tokens, list[int]]:
    """Context -> the requests that have it."""
    asking: dict[Tokens, list[int]] = {}
    for index, request in enumerate(requests):
        asking.setdefault(request.context, []).append(index)
    return asking


def end_tokens(settings: GenerationConfig | None, end_id: int | None) -> frozenset[int]:
    """The tokens that end an answer: the checkpoint's own list, else the tokenizer's.

    Args:
        settings: what the checkpoint says of generation.
        end_id: the token that ends a text, by its tokenizer.

    Raises:
        UsageError: the checkpoint's list is none.
    """
    listed = getattr(settings, "eos_token_id", None)
    if listed is None:
        listed = end_id
    ids = [] if listed is None else listed if isinstance(listed, list | tuple) else [listed]
    if not all(isinstance(token, int) for token in ids):
        raise UsageError(
            f"eos_token_id in the model's generation_config.json is {listed!r}, and should be a "
            "token id or a list of them.",
            hint="Correct it there.",
        )
    return frozenset(ids)
