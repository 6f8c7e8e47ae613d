"""Tiny real models: random weights, real architectures, tokenizers trained on the spot.

`make_checkpoint` writes a directory that `load_model` takes like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

VOCABULARY = 512
MAX_CONTEXT = 256
WINDOW = 8

CORPUS = [
    "Decide whether the review is positive or negative. Answer with 'positive' or 'negative'.",
    "Review: A warm, funny film. Sentiment: positive",
    "Review: The plot goes nowhere, slowly. Sentiment: negative",
    "Does the premise entail the hypothesis? Answer with yes, no or maybe.",
    "Question: what is the capital of France? Answer: Paris is the capital.",
    "You are a careful reader. Read the sentence and say what it is about.",
] * 4

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def make_checkpoint(
    directory: Path,
    architecture: str = "llama",
    tokenizer: str = "bytes",
    *,
    chat: bool = False,
    seed: int = 0,
) -> Path:
    """Writes a random model of the architecture with its tokenizer; gives the directory."""
    make_model(architecture, seed=seed).save_pretrained(directory)
    make_tokenizer(tokenizer, chat=chat).save_pretrained(directory)
    return directory


def make_model(architecture: str = "llama", *, seed: int = 0) -> Any:
    """A model of two layers whose answers depend strongly on every token it reads."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = {**ARCHITECTURES, **ENCODER_DECODERS}[architecture]()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                # The usual small start gives almost uniform answers, which hide mistakes.
                torch.nn.init.normal_(parameter, std=0.25)
    model.generation_config.eos_token_id = END_ID
    return model.eval()


def make_tokenizer(kind: str = "bytes", *, chat: bool = False) -> Any:
    """A fast tokenizer: `bytes` is GPT-2's kind, `metaspace` is Llama 2's.

    In both a word is one token with the space before it; `metaspace` also puts a space before the
    text, begins it with a BOS token, and has no byte for what it hasn't seen. `ended` and `wrapped`
    are `bytes` with the tokens that T5's and BART's put around a text.
    """
    from transformers import PreTrainedTokenizerFast

    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=_TOKENIZERS[kind](),
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
    )
    if chat:
        wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


_SPECIAL = ["<unk>", "<s>", "</s>", "<|user|>", "<|system|>", "<|assistant|>", "<|end|>"]
BOS_ID, END_ID = 1, 2


@cache
def _byte_level() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=_SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


@cache
def _metaspace() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=_SPECIAL, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", BOS_ID)]
    )
    return tokenizer


def _around(template: str) -> Any:
    """The byte-level tokenizer with special tokens around each text."""
    from tokenizers import Tokenizer, processors

    tokenizer = Tokenizer.from_str(_byte_level().to_str())
    tokenizer.post_processor = processors.TemplateProcessing(
        single=template, pair=f"{template} $B", special_tokens=[("<s>", BOS_ID), ("</s>", END_ID)]
    )
    return tokenizer


_TOKENIZERS: dict[str, Callable[[], Any]] = {
    "bytes": _byte_level,
    "metaspace": _metaspace,
    "ended": lambda: _around("$A </s>"),
    "wrapped": lambda: _around("<s> $A </s>"),
}
TOKENIZERS: Sequence[str] = ("bytes", "metaspace")


def _shape(**more: object) -> dict[str, Any]:
    """What all configurations share: two layers, four heads that share keys in pairs."""
    return {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": MAX_CONTEXT,
        "bos_token_id": BOS_ID,
        "eos_token_id": END_ID,
        "pad_token_id": None,
        **more,
    }


def _llama() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(**_shape()))


def _gpt2() -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_embd=32,
            n_layer=2,
            n_head=4,
            n_positions=MAX_CONTEXT,
            bos_token_id=BOS_ID,
            eos_token_id=END_ID,
        )
    )


def _gemma() -> Any:
    from transformers import GemmaConfig, GemmaForCausalLM

    return GemmaForCausalLM(GemmaConfig(**_shape(head_dim=8)))


def _gemma2() -> Any:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    caps = {"attn_logit_softcapping": 5.0, "final_logit_softcapping": 3.0}
    return Gemma2ForCausalLM(Gemma2Config(**_shape(head_dim=8, sliding_window=WINDOW, **caps)))


def _gemma3() -> Any:
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    layers = ["sliding_attention", "full_attention"]
    return Gemma3ForCausalLM(
        Gemma3TextConfig(**_shape(head_dim=8, sliding_window=WINDOW, layer_types=layers))
    )


def _qwen2() -> Any:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    window = {"use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 1}
    return Qwen2ForCausalLM(Qwen2Config(**_shape(**window)))


def _qwen3() -> Any:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    return Qwen3ForCausalLM(Qwen3Config(**_shape(head_dim=8)))


def _mistral() -> Any:
    from transformers import MistralConfig, MistralForCausalLM

    return MistralForCausalLM(MistralConfig(**_shape(sliding_window=WINDOW)))


def _bloom() -> Any:
    from transformers import BloomConfig, BloomForCausalLM

    return BloomForCausalLM(BloomConfig(vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4))


def _mamba() -> Any:
    from transformers import MambaConfig, MambaForCausalLM

    return MambaForCausalLM(
        MambaConfig(vocab_size=VOCABULARY, hidden_size=32, state_size=8, num_hidden_layers=2)
    )


ARCHITECTURES: dict[str, Callable[[], Any]] = {
    "llama": _llama,
    "gpt2": _gpt2,
    "gemma": _gemma,
    "gemma2": _gemma2,
    "gemma3": _gemma3,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "mistral": _mistral,
    "bloom": _bloom,
    "mamba": _mamba,
}
"""Builders by name. `bloom` has an attention of its own and `mamba` a state: neither shares
prefixes."""


def _t5(**more: object) -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    settings: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "d_model": 32,
        "d_kv": 8,
        "d_ff": 64,
        "num_layers": 2,
        "num_heads": 4,
        "relative_attention_num_buckets": 8,
        "dropout_rate": 0.0,
        "n_positions": MAX_CONTEXT,
        "decoder_start_token_id": 0,
        "pad_token_id": 0,
        "eos_token_id": END_ID,
        **more,
    }
    return T5ForConditionalGeneration(T5Config(**settings))


def _flan() -> Any:
    import torch

    model = _t5(feed_forward_proj="gated-gelu", tie_word_embeddings=False)
    # The configuration says that nothing is scaled; the library ties both layers all the same.
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    return model


def _bart() -> Any:
    from transformers import BartConfig, BartForConditionalGeneration

    return BartForConditionalGeneration(
        BartConfig(
            vocab_size=VOCABULARY,
            d_model=32,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            dropout=0.0,
            max_position_embeddings=MAX_CONTEXT,
            bos_token_id=BOS_ID,
            pad_token_id=0,
            eos_token_id=END_ID,
            decoder_start_token_id=END_ID,
        )
    )


ENCODER_DECODERS: dict[str, Callable[[], Any]] = {"t5": _t5, "flan": _flan, "bart": _bart}
"""Builders by name: T5 ties its output layer to its input, FLAN-T5 does not."""
ENCODER_DECODER_TOKENIZERS = {"t5": "ended", "flan": "ended", "bart": "wrapped"}
"""The kind of tokenizer that each of them has."""
