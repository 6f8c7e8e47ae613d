"""A transformers model that is loaded already: lent to the harness, and given back as it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from harness.core.errors import UsageError
from harness.models.contract import Model, ModelInfo
from harness.models.file_hashes import CHUNK_BYTES, DIGEST_BYTES, hash_text
from harness.models.fingerprint import PROVENANCE
from harness.models.inference.local import LocalModel
from harness.models.loading.auto_model import architecture_of
from harness.models.loading.model_info import max_context
from harness.models.loading.pretrained_io import embedding_count
from harness.models.loading.wrap import wrap_model, wrap_tokenizer


@contextmanager
def lend(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, name: str
) -> Iterator[Model]:
    """The model as the harness asks it; afterwards it trains where it trained before.

    Args:
        model: A language model, on its device and in its number format.
        tokenizer: Its tokenizer.
        name: What reports call it.

    Yields:
        The model, known by the content of its parameters.

    Raises:
        UsageError: it holds an adapter or weights that are not in memory, or is no language model.
    """
    check_whole(model)
    modes = {module: module.training for module in model.modules()}
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        yield _wrap(model, tokenizer, name)
    finally:
        for module, training in modes.items():
            module.training = training
        for parameter in learning:
            parameter.requires_grad_(True)


def _wrap(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str) -> LocalModel:
    used = wrap_tokenizer(tokenizer, architecture_of(model.config))
    used.limit_to(embedding_count(model))
    template = used.chat_template
    info = ModelInfo(
        name=name,
        kind="memory",
        path="",
        fingerprint=fingerprint_loaded(model, tokenizer),
        parameters=model.num_parameters(),
        dtype=str(model.dtype).removeprefix("torch."),
        device=str(model.device),
        max_context=max_context(model.config.get_text_config()),
        chat_template_hash=None if template is None else hash_text(template),
        architecture=architecture_of(model.config),
    )
    wrapped = wrap_model(model, used, info)
    wrapped.notes += used.notes
    return wrapped


def check_whole(model: PreTrainedModel) -> None:
    """Refuse what a fingerprint of the parameters would not know.

    Raises:
        UsageError: with what to do first.
    """
    if any(type(module).__module__.startswith("peft.") for module in model.modules()):
        raise UsageError(
            "the model holds a PEFT adapter, which may be switched on or off.",
            hint="Pass model.merge_and_unload(), or save the adapter and pass its directory.",
        )
    if any(tensor.is_meta for tensor in model.state_dict().values()):
        raise UsageError(
            "some of the model's weights are not in memory (they are on the meta device).",
            hint="Load it without offloading.",
        )


def fingerprint_loaded(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str:
    """32 hexadecimal digits that stand for a loaded model's content, wherever it came from.

    They are made of every tensor's bytes, the configuration, the generation settings and the
    tokenizer, at about a second per gigabyte. What is no parameter, such as a forward pass that
    was replaced, they do not know.
    """
    generation = model.generation_config
    parts = {
        "class": type(model).__qualname__,
        "config": _canonical(model.config.to_dict()),
        "generation": "" if generation is None else _canonical(generation.to_dict()),
        "tokenizer": _tokenizer_content(tokenizer),
        **{f"tensor/{name}": _hash_tensor(one) for name, one in model.state_dict().items()},
    }
    return hash_text(
        "\n".join(f"{name}\t{hash_text(part)}" for name, part in sorted(parts.items()))
    )


def _hash_tensor(tensor: torch.Tensor) -> str:
    """A hash of a tensor's number format, shape and bytes."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
    flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
    for chunk in flat.split(CHUNK_BYTES):  # an accelerator's weights come over piece by piece
        digest.update(memoryview(chunk.cpu().numpy()))
    return digest.hexdigest()


def _tokenizer_content(tokenizer: PreTrainedTokenizerBase) -> str:
    """Everything by which a tokenizer reads; how it pads or cuts is each call's own."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        content: dict[str, object] = {
            "vocabulary": tokenizer.get_vocab(),
            "settings": getattr(tokenizer, "init_kwargs", {}),
        }
    else:
        content = json.loads(backend.to_str())
        content = {k: v for k, v in content.items() if k not in ("truncation", "padding")}
    content["class"] = type(tokenizer).__qualname__
    content["special"] = dict(tokenizer.special_tokens_map)
    content["template"] = tokenizer.chat_template
    return _canonical(content)


def _canonical(content: Mapping[str, object]) -> str:
    """A mapping as JSON in one order, without where it came from."""
    kept = {key: value for key, value in content.items() if key not in PROVENANCE}
    return json.dumps(kept, sort_keys=True, default=str)
