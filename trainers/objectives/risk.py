"""The risk of each text: what the terms over the instructions of a row compare."""

from __future__ import annotations

from torch import Tensor

from trainers.objectives.generation import token_nll
from trainers.outputs import Outputs


def text_risks(outputs: Outputs) -> Tensor:
    """[2, n], mean negative log-likelihood of the target's tokens, in nats, for each text.

    Row 0 are the originals, row 1 the paraphrases of the same pairs: two instructions of one row.
    """
    response = outputs.in_response  # [positions]
    nll = token_nll(outputs.logits[response], outputs.targets[response])  # [tokens]
    rows = outputs.rows[response]  # [tokens]
    texts = 2 * outputs.pairs
    counts = rows.bincount(minlength=texts)  # [2n]
    sums = nll.new_zeros(texts).index_add(0, rows, nll)  # [2n]
    return (sums / counts).reshape(2, outputs.pairs)
