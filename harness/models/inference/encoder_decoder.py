"""A transformers encoder-decoder (T5, BART) as the harness uses it.

The encoder reads a prompt once, for all of its labels. Every token of a prompt is seen by every
other, later ones included, so that no two prompts share a prefix that could be computed once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformers import PreTrainedModel

from harness.core.errors import UsageError
from harness.core.records import Request, Response
from harness.models.contract import ModelInfo
from harness.models.inference.budget import Budget
from harness.models.inference.encoder import decoder_beginning
from harness.models.inference.encoder_decoder_generate import EncoderDecoderGenerator
from harness.models.inference.encoder_decoder_scores import EncoderDecoderScorer
from harness.models.inference.encoder_probe import check_encoder
from harness.models.inference.generate import Ending
from harness.models.inference.local import LocalModel
from harness.models.inference.sampling import Draws
from harness.models.inference.token_tree import Tokens
from harness.models.loading.encoder_decoder_tokenizer import EncoderDecoderTokenizer
from harness.models.prompt_length import longest_answer, no_context


class EncoderDecoderModel(LocalModel):
    """Scores labels and writes texts with the decoder, after the encoder has read the prompt."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: EncoderDecoderTokenizer,
        info: ModelInfo,
        *,
        end_id: int | None = None,
        budget: Budget | None = None,
    ) -> None:
        super().__init__(model, tokenizer, info, end_id=end_id, budget=budget)
        self._beginning = decoder_beginning(model, tokenizer.opening)
        check_encoder(self._model, self._beginning)

    @property
    def beginning(self) -> Tokens:
        """See `LocalModel`."""
        return self._beginning

    def loglik(self, requests: Sequence[Request]) -> Iterator[tuple[int, Response]]:
        """Yields (index of the request, its labels' summed log-likelihoods), in any order.

        As of any other model, a score is that of the label's own tokens: neither what the decoder
        begins with nor the token that ends a text is part of it.

        Raises:
            UsageError: a request has no context token, or it or an answer is longer than
                `info.max_context`.
        """
        self._check(requests, room=0)
        yield from EncoderDecoderScorer(self._model, self._budget, self._beginning).score(requests)

    def _write(
        self, contexts: Sequence[Tokens], ending: Ending, draws: Draws | None = None
    ) -> Iterator[tuple[int, str]]:
        generator = EncoderDecoderGenerator(self._model, self._budget, self._beginning, draws)
        yield from generator.generate(contexts, ending)

    def _check(self, requests: Sequence[Request], *, room: int) -> None:
        for request in requests:
            if not request.context:
                raise no_context()
            answer = len(self._beginning) + longest_answer(request) + room
            for what, length in (("a prompt", len(request.context)), ("an answer", answer)):
                if length > self.info.max_context:
                    raise UsageError(
                        f"{what} needs {length} tokens, and {self.info.name} takes "
                        f"{self.info.max_context}.",
                        hint="Use shorter inputs or fewer --few-shot examples."
                        if what == "a prompt"
                        else "Use shorter label words, or a smaller --max-new-tokens.",
                    )
