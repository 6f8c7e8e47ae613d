"""A model as an argument: by name, or loaded already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from harness.core.errors import UsageError
from harness.evaluation.config import RunConfig
from harness.models import ModelSpec, load_model
from harness.models.options import ModelOptions

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.models import contract

ModelLike: TypeAlias = "str | Path | tuple[PreTrainedModel, PreTrainedTokenizerBase] | Model"
"""A model by its name or path; or a loaded transformers model with its tokenizer."""

Load: TypeAlias = "Callable[[ModelSpec], contract.Model]"

_LOADING: Final = ("base", "revision", "trust_remote_code", "dtype", "device")
"""Options that say how to load a model."""


@dataclass(frozen=True, slots=True, repr=False)
class Model:
    """A transformers model that is loaded already, with its tokenizer and a name for reports.

    It is asked on its device and in its number format, without gradients, and given back as it
    was. It is known by the content of its parameters: after a step of training it is another.

    Example:
        >>> loaded = harness.Model.from_transformers(model, tokenizer, name="step-100")
        >>> harness.run(loaded, tasks="sentiment")
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    name: str

    @classmethod
    def from_transformers(
        cls,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        name: str | None = None,
    ) -> Model:
        """Bring a model and its tokenizer together.

        Args:
            model: A language model of transformers, a decoder or an encoder-decoder.
            tokenizer: Its tokenizer.
            name: What reports call it; default: what it was loaded from, else its class.

        Raises:
            UsageError: They are no model and tokenizer of transformers.
        """
        from transformers import PreTrainedModel, PreTrainedTokenizerBase

        for given, kind in ((model, PreTrainedModel), (tokenizer, PreTrainedTokenizerBase)):
            if not isinstance(given, kind):
                adapter = type(given).__module__.startswith("peft.")
                raise UsageError(
                    f"a {kind.__name__} of transformers was expected, not {type(given).__name__}.",
                    hint="Pass model.merge_and_unload(), or the adapter's directory."
                    if adapter
                    else "Pass model=(model, tokenizer), or a name or path.",
                )
        return cls(model, tokenizer, name or model.name_or_path or type(model).__name__)

    def __repr__(self) -> str:
        return f"Model({self.name!r}: {type(self.model).__name__} on {self.model.device})"


def name_of(model: ModelLike) -> str:
    """What a configuration calls the model.

    Raises:
        UsageError: it is no model at all.
    """
    if isinstance(model, str | Path):
        return str(model)
    return _loaded(model).name


@contextmanager
def lent(model: ModelLike, options: ModelOptions) -> Iterator[contract.Model | None]:
    """The model where it is loaded already, for as long as it is asked; None where it is a name.

    Raises:
        UsageError: it is no model, or an option says how to load one that is loaded.
    """
    if isinstance(model, str | Path):
        yield None
        return
    loaded = _loaded(model)
    _check_options(options, loaded.model)
    _check_workers(options)
    from harness.models.loading.in_memory import lend

    with lend(loaded.model, loaded.tokenizer, name=loaded.name) as asked:
        yield asked


@contextmanager
def loader(config: RunConfig, otherwise: Load = load_model) -> Iterator[Load]:
    """What loads a run's model: `otherwise`, or on workers, which are let go at the end."""
    if config.workers is None and config.ray is None:
        yield otherwise
        return
    from harness.workers.hire import hiring

    with hiring(config.workers, config.ray) as load:
        yield load


def _loaded(model: object) -> Model:
    if isinstance(model, Model):
        return model
    if isinstance(model, tuple) and len(model) == 2:
        return Model.from_transformers(*model)
    raise UsageError(
        f"a model is a name, a path or (model, tokenizer), not {type(model).__name__}.",
        hint="Pass model=(model, tokenizer), or harness.Model.from_transformers(...).",
    )


def _check_workers(options: ModelOptions) -> None:
    if isinstance(options, RunConfig) and (options.workers or options.ray is not None):
        raise UsageError(
            "workers load the model themselves, and this one is in this process's memory.",
            hint="Save it, and pass its path as model; or leave workers and ray out.",
        )


def _check_options(options: ModelOptions, model: PreTrainedModel) -> None:
    """Refuse what would load another model, or this one otherwise."""
    fits = {"device": model.device.type, "dtype": str(model.dtype).removeprefix("torch.")}
    for name in _LOADING:
        value = getattr(options, name)
        default = type(options).model_fields[name].get_default()
        if value not in (default, fits.get(name, default)):
            raise UsageError(
                f"{name} {value!r} says how to load a model, and this one is loaded already.",
                hint=f"Leave {name} out; move or convert the model itself.",
            )
