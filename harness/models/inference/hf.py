"""A transformers model as the harness uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from transformers import PreTrainedModel

from harness.core.errors import UsageError
from harness.core.records import Request, Response
from harness.models.contract import ModelInfo, Sampling
from harness.models.inference.budget import Budget, choose_budget
from harness.models.inference.full_forward import FullForwardScorer
from harness.models.inference.full_generate import FullForwardGenerator
from harness.models.inference.generate import Ending, PrefixGenerator
from harness.models.inference.prefix import PrefixScorer
from harness.models.inference.reuse_probe import check_reuse, packed
from harness.models.inference.sampling import Draws, sample_texts
from harness.models.inference.token_tree import Tokens
from harness.models.loading.tokenizer import HFTokenizer


class HFModel:
    """A causal language model of transformers, with prefix reuse where it is sound.

    A short probe decides when the model is made: where reuse leads to other numbers than
    plain forwards, plain forwards are used, and `notes` says so.
    """

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
        self._reuse = check_reuse(self._model)
        self._note(self._reuse.note)
        self._end_ids = _end_ids(model, end_id)

    def loglik(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        """Yields (index of the request, its labels' summed log-likelihoods), in any order.

        Raises:
            UsageError: a request has no context token or is longer than `info.max_context`.
        """
        self._check(requests, room=0)
        reusing, plain = self._split([_length(request) for request in requests])
        if reusing:
            scorer = PrefixScorer(self._model, self._budget)
            asked = [requests[index] for index in reusing]
            with packed(self._model):
                for index, response in scorer.score(asked):
                    yield reusing[index], response
        if plain:
            asked = [requests[index] for index in plain]
            for index, response in FullForwardScorer(self._model, self._budget).score(asked):
                yield plain[index], response

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
        ending = Ending(max_new_tokens, self._end_ids, self.tokenizer.decode, is_done, tuple(stop))
        asking: dict[Tokens, list[int]] = {}
        for index, request in enumerate(requests):
            asking.setdefault(request.context, []).append(index)
        contexts = list(asking)
        for place, text in self._generate_texts(contexts, ending):
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
        ending = Ending(max_new_tokens, self._end_ids, self.tokenizer.decode, is_done)
        asking: dict[Tokens, list[int]] = {}
        for index, request in enumerate(requests):
            asking.setdefault(request.context, []).append(index)
        waiting = [iter(indices) for indices in asking.values()]
        draws = Draws(temperature, [[seeds[i] for i in indices] for indices in asking.values()])
        for place, text in self._generate_texts(list(asking), ending, draws):
            yield next(waiting[place]), Response(text=text)

    def sample(
        self, requests: Sequence[Request], seeds: Sequence[int], sampling: Sampling
    ) -> list[str]:
        """One text per request, drawn by its seed alone.

        Raises:
            UsageError: a request has no context token or leaves no room for the new ones.
        """
        self._check(requests, room=sampling.max_new_tokens)
        contexts = [request.context for request in requests]
        decode = self.tokenizer.decode
        return sample_texts(
            self._model, contexts, seeds, sampling, end_ids=self._end_ids, decode=decode
        )

    def _generate_texts(
        self, contexts: Sequence[Tokens], ending: Ending, draws: Draws | None = None
    ) -> Iterator[tuple[int, str]]:
        reusing, plain = self._split([len(c) + ending.max_new_tokens for c in contexts])
        if reusing:
            with packed(self._model):
                generator = PrefixGenerator(self._model, self._budget, _of(draws, reusing))
                for place, text in generator.generate([contexts[i] for i in reusing], ending):
                    yield reusing[place], text
        if plain:
            fallback = FullForwardGenerator(self._model, self._budget, _of(draws, plain))
            for place, text in fallback.generate([contexts[i] for i in plain], ending):
                yield plain[place], text

    def _split(self, lengths: Sequence[int]) -> tuple[list[int], list[int]]:
        """Places of the prompts that are short enough to reuse a prefix, and of the others."""
        limit = self._reuse.longest
        reusing = [i for i, length in enumerate(lengths) if limit is None or length <= limit]
        plain = sorted(set(range(len(lengths))) - set(reusing))
        if plain and limit:
            self._note(
                f"prompts of more than {limit} tokens are computed in full: prefix reuse is sound "
                "up to there (sliding window or rotary scaling)."
            )
        return reusing, plain

    def _check(self, requests: Sequence[Request], *, room: int) -> None:
        for request in requests:
            if not request.context:
                raise UsageError(
                    "a prompt has no token, and a model says nothing about the first one.",
                    hint="Use a prompt with text in it.",
                )
            length = _length(request) + room
            if length > self.info.max_context:
                raise UsageError(
                    f"a prompt needs {length} tokens with its answer, and {self.info.name} takes "
                    f"{self.info.max_context}.",
                    hint="Use shorter inputs or fewer --few-shot examples.",
                )

    def _note(self, note: str | None) -> None:
        if note is not None and note not in self.notes:
            self.notes.append(note)


def _of(draws: Draws | None, contexts: Sequence[int]) -> Draws | None:
    """The draws of some contexts."""
    return draws and Draws(draws.temperature, [draws.seeds[index] for index in contexts])


def _end_ids(model: PreTrainedModel, end_id: int | None) -> frozenset[int]:
    """The tokens that end an answer: the checkpoint's own list, else the tokenizer's."""
    listed = getattr(model.generation_config, "eos_token_id", None)
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


def _length(request: Request) -> int:
    return len(request.context) + max(map(len, request.continuations.values()), default=0)
