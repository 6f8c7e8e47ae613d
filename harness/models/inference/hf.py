"""A transformers model as the harness uses it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformers import PreTrainedModel

from harness.core.records import Request, Response
from harness.models.contract import ModelInfo, Sampling
from harness.models.inference.budget import Budget
from harness.models.inference.full_forward import FullForwardScorer
from harness.models.inference.full_generate import FullForwardGenerator
from harness.models.inference.generate import Ending, PrefixGenerator
from harness.models.inference.local import LocalModel
from harness.models.inference.prefix import PrefixScorer
from harness.models.inference.reuse_probe import check_reuse, packed
from harness.models.inference.sampling import Draws, sample_texts
from harness.models.inference.token_tree import Tokens
from harness.models.loading.tokenizer import HFTokenizer
from harness.models.prompt_length import check_lengths, length_of


class HFModel(LocalModel):
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
        super().__init__(model, tokenizer, info, end_id=end_id, budget=budget)
        self._reuse = check_reuse(self._model)
        self._note(self._reuse.note)

    def loglik(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        """Yields (index of the request, its labels' summed log-likelihoods), in any order.

        Raises:
            UsageError: a request has no context token or is longer than `info.max_context`.
        """
        self._check(requests, room=0)
        reusing, plain = self._split([length_of(request) for request in requests])
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

    def sample(
        self, requests: Sequence[Request], seeds: Sequence[int], sampling: Sampling
    ) -> list[str]:
        """One text per request, drawn by its seed alone.

        Raises:
            UsageError: a request has no context token or leaves no room for the new ones.
        """
        self._check(requests, room=sampling.max_new_tokens)
        contexts = [request.context for request in requests]
        decode = self.tokenizer.decode_rest
        return sample_texts(
            self._model, contexts, seeds, sampling, end_ids=self._end_ids, decode=decode
        )

    def _write(
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
        check_lengths(requests, self.info, room=room)


def _of(draws: Draws | None, contexts: Sequence[int]) -> Draws | None:
    """The draws of some contexts."""
    return draws and Draws(draws.temperature, [draws.seeds[index] for index in contexts])
