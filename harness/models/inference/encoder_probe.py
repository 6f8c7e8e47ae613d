"""Whether an encoder-decoder answers to its encoder's states as to the prompt, on a short probe."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from harness.core.errors import UsageError
from harness.core.records import Request
from harness.models.inference.encoder_decoder_scores import EncoderDecoderScorer
from harness.models.inference.logits_at import vocabulary_size
from harness.models.inference.reuse_probe import probe_budget, probe_requests, rounding
from harness.models.inference.token_tree import Tokens


def check_encoder(model: PreTrainedModel, beginning: Tokens) -> None:
    """Refuses a model whose scores are others in batches, or whose code takes no such batches.

    Raises:
        UsageError: what is wrong, and which models can be run.
    """
    requests = probe_requests(vocabulary_size(model))
    try:
        scored = EncoderDecoderScorer(model, probe_budget(), beginning).score(requests)
        found = {index: response.scores or {} for index, response in scored}
        plain = [_plain_scores(model, request, beginning) for request in requests]
    except (UsageError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # a model's own code may do anything with states from outside
        raise _refused(model, f"its code fails on a probe ({type(error).__name__})") from error
    for index, scores in enumerate(plain):
        for label, score in scores.items():
            other = found[index][label]
            if not abs(score - other) <= rounding(score, model.dtype):
                what = f"batches change a probe's score from {score:.4f} to {other:.4f}"
                raise _refused(model, what)


@torch.inference_mode()
def _plain_scores(model: PreTrainedModel, request: Request, beginning: Tokens) -> dict[str, float]:
    """The labels' scores by one forward for each, from the prompt on."""
    scores = {}
    for label, continuation in request.continuations.items():
        asked, said = (
            torch.tensor([tokens], device=model.device)
            for tokens in (request.context, beginning + continuation)
        )
        logits = model(input_ids=asked, decoder_input_ids=said, use_cache=False).logits[0].float()
        chosen = logits.log_softmax(-1)[len(beginning) - 1 : -1]
        scores[label] = float(chosen[range(len(continuation)), list(continuation)].sum())
    return scores


def _refused(model: PreTrainedModel, reason: str) -> UsageError:
    return UsageError(
        f"{model.config.model_type} models can't be run: {reason}.",
        hint="Of encoder-decoders T5, BART and their relatives can.",
    )
