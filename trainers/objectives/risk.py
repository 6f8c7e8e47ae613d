"""The risk of each text: what the terms over the instructions of a row compare."""

from __future__ import annotations

from torch import Tensor

from trainers.objectives.generation import token_nll
from trainers.outputs import Outputs, by_row


def text_risks(outputs: Outputs, instructions: int = 2) -> Tensor:
    """[instructions, rows], mean negative log-likelihood of a target's tokens, in nats."""
    response = outputs.in_response  # [positions]
    nll = token_nll(outputs.logits[response], outputs.targets[response])  # [tokens]
    rows = outputs.rows[response]  # [tokens]
    texts = 2 * outputs.pairs
    counts = rows.bincount(minlength=texts)  # [2n]
    sums = nll.new_zeros(texts).index_add(0, rows, nll)  # [2n]
    return by_row(sums / counts, instructions)
