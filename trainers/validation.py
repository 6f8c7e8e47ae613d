"""Validation: what each pair comes to, and the metrics of all."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from transformers import EvalPrediction

from trainers.objectives.generation import token_nll
from trainers.outputs import Outputs

EVAL_COLUMNS = ("nll_o", "tokens_o", "nll_p", "tokens_p", "right_o", "right_p", "agree", "cosine")


def measure_pairs(outputs: Outputs) -> Tensor:
    """[pairs, EVAL_COLUMNS] of a micro-batch: likelihoods, answers and closeness of states."""
    n = outputs.pairs
    response = outputs.in_response
    rows = outputs.rows[response]  # [tokens]
    logits, targets = outputs.logits[response], outputs.targets[response]
    answers = logits.argmax(-1)  # [tokens]
    empty = torch.zeros(2 * n, device=rows.device)
    nll = empty.index_add(0, rows, token_nll(logits, targets).float())  # [2n]
    tokens = empty.index_add(0, rows, torch.ones_like(rows, dtype=empty.dtype))  # [2n]
    right = empty.index_add(0, rows, (answers == targets).float()) == tokens  # [2n]
    first = answers[tokens.long().cumsum(0) - tokens.long()]  # [2n]
    original, paraphrase = outputs.states.chunk(2)
    columns = [
        nll[:n],
        tokens[:n],
        nll[n:],
        tokens[n:],
        right[:n].float(),
        right[n:].float(),
        (first[:n] == first[n:]).float(),
        torch.cosine_similarity(original, paraphrase).float(),
    ]
    return torch.stack(columns, dim=1)


def summarise_eval(prediction: EvalPrediction) -> dict[str, float]:
    """Validation metrics over all pairs.

    `loss` is L_gen, `agreement` the share of pairs whose answers begin with the same token under
    original and paraphrase, `cosine` the mean closeness of their states.
    """
    rows = np.asarray(prediction.predictions, dtype=np.float64)
    column = dict(zip(EVAL_COLUMNS, rows.T, strict=True))
    original = column["nll_o"].sum() / column["tokens_o"].sum()
    paraphrase = column["nll_p"].sum() / column["tokens_p"].sum()
    return {
        "loss": float(original + paraphrase),
        "loss_original": float(original),
        "loss_paraphrase": float(paraphrase),
        "accuracy_original": float(column["right_o"].mean()),
        "accuracy_paraphrase": float(column["right_p"].mean()),
        "agreement": float(column["agree"].mean()),
        "cosine": float(column["cosine"].mean()),
    }
