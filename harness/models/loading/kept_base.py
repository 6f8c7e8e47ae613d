"""A base model that stays loaded while adapters are switched on it, one after the other.

An adapter that is switched on stays beside the base's weights and is taken off again, so that the
base is read once for all of them. That is done with plain LoRA in float32, where it computes what
the merged model does. In less than that merged weights are rounded once more, and other adapters
change the base: each of those is merged into a base of its own, as it is where it is loaded alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from harness.models.loading.adapter_config import CONFIG_FILE, WEIGHTS_FILE, check_adapter_config
from harness.models.loading.checkpoint import read_json, stored_tensors

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

_CHANGING: Final = (
    "modules_to_save", "trainable_token_indices", "layer_replication", "target_parameters",
    "use_dora", "lora_bias", "alora_invocation_tokens",
)  # fmt: skip
"""Settings of LoRA with which more than low-rank products stand beside the base."""
_PLAIN_STARTS: Final = (None, True, False, "gaussian", "orthogonal")
"""How LoRA's factors began (`init_lora_weights`) without a change of the base's own weights."""
_FACTORS: Final = ("lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B")


class Reader(Protocol):
    """Loads a base."""

    def __call__(self, *, notes: list[str]) -> PreTrainedModel:
        """The model with all its weights; what there is to say goes into `notes`."""
        ...


class KeptBase:
    """The base that was loaded last, and the adapter that is on it.

    What it returned before is another model after the next call: use one at a time.
    """

    def __init__(self) -> None:
        self._key: tuple[object, ...] | None = None
        self._model: PreTrainedModel | None = None
        self._notes: list[str] = []
        self._worn: PeftModel | None = None

    def serves(self, adapter: Path | None, dtype: torch.dtype) -> bool:
        """Whether a base or an adapter is had from here; if not, the base that is here is dropped.

        Raises:
            UsageError: the adapter's configuration is refused or can't be read.
        """
        import torch

        serves = dtype == torch.float32 and (adapter is None or can_switch(adapter))
        if not serves:
            self.drop()
        return serves

    def take(self, key: tuple[object, ...], read: Reader, notes: list[str]) -> PreTrainedModel:
        """The base without an adapter.

        Args:
            key: what base it is and how it is loaded; an equal key is the base that is here.
            read: loads it, where it is another, and notes what there is to say.
            notes: where that is said.
        """
        self._take_off()
        if self._model is None or self._key != key:
            self.drop()
            self._model = read(notes=self._notes)
            self._key = key
        notes += self._notes
        return self._model

    def put_on(self, directory: Path, *, base: str) -> PreTrainedModel:
        """The base that was taken last, with an adapter beside its weights.

        Raises:
            UsageError: the adapter doesn't fit the base.
        """
        from harness.models.loading.adapter import put_beside

        assert self._model is not None
        try:
            self._worn = put_beside(self._model, directory, base=base)
        except BaseException:
            self.drop()  # peft puts an adapter's layers in before it looks at their shapes
            raise
        return cast("PreTrainedModel", self._worn.get_base_model())

    def drop(self) -> None:
        """Forget the base, so that its memory is free."""
        self._key = self._model = self._worn = None
        self._notes = []

    def _take_off(self) -> None:
        if self._worn is not None:
            cast(Any, self._worn.base_model).unload()
            self._worn = None


def can_switch(directory: Path) -> bool:
    """Whether an adapter may stay beside its base: plain LoRA, which leaves the base as it is.

    Raises:
        UsageError: its configuration is refused or can't be read.
    """
    check_adapter_config(directory)
    names = stored_tensors(directory, weights=WEIGHTS_FILE)
    return _is_plain_lora(read_json(directory / CONFIG_FILE)) and all(
        any(f".{factor}." in f"{name}." for factor in _FACTORS) for name in names
    )


def _is_plain_lora(settings: Mapping[str, object]) -> bool:
    return (
        settings.get("peft_type") == "LORA"
        and settings.get("init_lora_weights") in _PLAIN_STARTS
        and not any(settings.get(name) for name in _CHANGING)
    )
