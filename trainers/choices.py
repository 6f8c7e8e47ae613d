"""The words that options of a training and of its pairs choose from, each written once."""

from __future__ import annotations

from typing import Literal

Pooling = Literal["last", "mean", "max", "first_last"]
"""How the states of a text's tokens become one."""
PoolAt = Literal["sequence-end", "prompt-end"]
"""The last token that is pooled."""
PoolIn = Literal["decoder", "encoder"]
"""Whose states are pooled; a model that is a decoder alone has no encoder's."""
Beside = Literal["instruction", "input"]
"""What a pair and its hard negative have in common."""
Negatives = Literal["batch", "micro"]
"""Where a pair's negatives come from."""
Overlong = Literal["error", "drop"]
"""What becomes of a pair that is longer than the limit."""
PaddingSide = Literal["left", "right"]
"""Where shorter texts of a batch are filled up."""
Tuning = Literal["lora", "full"]
"""What is trained."""
Quantize = Literal["none", "8bit", "4bit"]
"""In how many bits the base is held."""
Bf16 = Literal["auto", "on", "off"]
"""Whether a training computes in bfloat16."""
Schedule = Literal["linear", "cosine", "constant"]
"""How the learning rate falls."""
PairSource = Literal["t0", "templates", "coin-csv", "paraphrases"]
"""Kind of data that pairs are made from."""
