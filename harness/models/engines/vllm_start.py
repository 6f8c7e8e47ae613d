"""vLLM started in this process, quietly, and ended with the last who asks it."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import warnings
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from harness.core.errors import UsageError
from harness.models.engines.vllm_engine import Engine
from harness.models.loading.panics import first_line

_ENVIRONMENT: Final = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # its errors reach us, and its batches are the same
    "VLLM_NO_USAGE_STATS": "1",  # nothing is told to its makers
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
"""What is read when vLLM is imported and started; what the user has set stays as it is."""
_CPU_CACHE_BYTES: Final = 4 * 2**30
"""Most that keys and values take of a machine's memory; vLLM would take nearly all of it."""
_CPU_CACHE_SHARE: Final = 0.25
"""Of the memory that is free."""
_CPU_BLOCK: Final = 32
"""Tokens by which prompts share what they begin with; vLLM's 128 are longer than most prompts."""
_RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes as the highest rank of adapters."""
_VALUE_ERROR: Final = "Value error, "


@dataclass(frozen=True, slots=True)
class Setup:
    """Which weights an engine runs, and how."""

    directory: Path
    dtype: str
    device: str
    """`cpu`, `cuda` …"""
    max_context: int
    """Longest prompt with its answer, in tokens; -1 for as long as there is memory for, up to what
    the checkpoint says."""
    gpus: int = 1
    """Over how many each layer is spread."""
    code: bool = False
    """Whether Python code of the checkpoint may run."""
    adapter: Path | None = None
    rank: int = 0
    """Of the adapter."""


def start_engine(setup: Setup, name: str) -> Engine:
    """Starts an engine with its weights loaded.

    Args:
        setup: what it runs.
        name: what the model is called in messages.

    Raises:
        UsageError: vLLM can't run the model here; the message says why.
    """
    with _starting(quietly=setup.gpus == 1):
        vllm = _import_vllm()
        _check_alone(name)
        try:
            engine = vllm.LLMEngine.from_engine_args(vllm.EngineArgs(**_arguments(setup)))
            running = Engine(engine, _wear(engine, setup.adapter))
            running.try_out()
        except Exception as error:
            _clean_up()
            raise UsageError(
                f"vLLM can't run {name}: {_reason(error)}.",
                hint=f"The engine here may: --model {name}",
            ) from error
    weakref.finalize(running, _stop, engine)
    return running


def device_of_build() -> str:
    """What the vLLM that is installed runs on here: `cpu`, `cuda` …, or nothing."""
    with _starting():
        _import_vllm()
        return str(import_module("vllm.platforms").current_platform.device_type)


def _wear(engine: Any, adapter: Path | None) -> Any:
    """What each request names to be asked with the adapter, which is loaded now."""
    if adapter is None:
        return None
    worn = import_module("vllm.lora.request").LoRARequest("adapter", 1, str(adapter))
    engine.add_lora(worn)
    return worn


def _reason(error: Exception) -> str:
    """What an error says, in one line; those of pydantic say in their third what is wrong."""
    lines = [line.strip() for line in str(error).splitlines()]
    values = [line.removeprefix(_VALUE_ERROR) for line in lines if line.startswith(_VALUE_ERROR)]
    found = values[0].partition(" [type=")[0] if values else first_line(error)
    return found.rstrip(".")


def _import_vllm() -> Any:
    """vLLM with the parts that it imports when they are first asked for.

    It keeps errors of packages that are missing, with all frames that led there: their variables
    would never be freed, a model among them. A thread of its own has no such frames.

    Raises:
        UsageError: it can't be imported.
    """
    found: list[Any] = []

    def read() -> None:
        vllm = import_module("vllm")
        found.extend((vllm, vllm.LLMEngine, vllm.EngineArgs, vllm.SamplingParams))

    try:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(read).result()
    except Exception as error:
        raise UsageError(
            f"vLLM is installed and can't be imported: {_reason(error)}.",
            hint="Install it in an environment of its own.",
        ) from error
    return found[0]


def _arguments(setup: Setup) -> dict[str, object]:
    """vLLM's own names: without its tokenizer, and without what checkpoints say of sampling."""
    arguments: dict[str, object] = {
        "model": str(setup.directory),
        "dtype": setup.dtype,
        "load_format": "safetensors",
        "trust_remote_code": setup.code,
        "skip_tokenizer_init": True,
        "generation_config": "vllm",
        "tensor_parallel_size": setup.gpus,
        "max_model_len": setup.max_context,
        "max_logprobs": -1,  # as many tokens as are asked for
        "enable_prefix_caching": True,
        "use_tqdm_on_load": False,
        "disable_log_stats": True,
    }
    if setup.device == "cpu":
        arguments |= {"block_size": _CPU_BLOCK, "enforce_eager": True}
        if not os.environ.get("VLLM_CPU_KVCACHE_SPACE"):
            arguments["kv_cache_memory_bytes"] = _cpu_cache_bytes()
    if setup.adapter is not None:
        rank = next((one for one in _RANKS if one >= setup.rank), setup.rank)
        arguments |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": rank}
    return arguments


def _cpu_cache_bytes() -> int:
    import psutil

    return min(_CPU_CACHE_BYTES, int(_CPU_CACHE_SHARE * psutil.virtual_memory().available))


def _check_alone(name: str) -> None:
    """Refuses a second engine: what vLLM keeps per process would end with the first of the two.

    Raises:
        UsageError: one is running.
    """
    from vllm.distributed.parallel_state import model_parallel_is_initialized

    gc.collect()  # of an engine that nobody uses any more
    if model_parallel_is_initialized():
        raise UsageError(
            f"vLLM runs another model in this process, and {name} would be a second one.",
            hint="Let go of that one first, or serve one of the two (vllm serve) and type "
            "--model openai:NAME --base-url URL",
        )


def _stop(engine: Any) -> None:
    engine.engine_core.shutdown()
    _clean_up()


def _clean_up() -> None:
    """Ends what an engine has left in this process: torch's groups, memory."""
    from vllm.distributed import cleanup_dist_env_and_memory

    cleanup_dist_env_and_memory()


@contextmanager
def _starting(*, quietly: bool = True) -> Iterator[None]:
    """Variables for vLLM's start; those that it sets for its own processes go again.

    Args:
        quietly: whether what is written to standard error is lost: where it fails, the error says
            why, unless it happened in another process.
    """
    before = dict(os.environ)
    os.environ.update({name: value for name, value in _ENVIRONMENT.items() if name not in before})
    try:
        with warnings.catch_warnings(), _kept_back() if quietly else nullcontext():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _kept_back() -> Iterator[None]:
    """What is written to standard error inside is lost; libraries write to it past Python."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
