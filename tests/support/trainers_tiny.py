"""Tiny random models, tokenizers and pairs for the trainers' tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from trainers.config import TrainConfig
from trainers.pairs import Pair

WORDS = ("red", "blue", "green", "round", "flat", "tall", "cold", "warm", "old", "new")
COLOURS = ("yes", "no")
CHAT = (
    "{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


def tiny_pairs(number: int = 24) -> list[Pair]:
    """Pairs of two instructions, each about several inputs, with both answers."""
    pairs = []
    for index in range(number):
        thing = f"{WORDS[index % 10]} {WORDS[index // 10 % 10]} thing {index}"
        which = index // 2 % 2
        pairs.append(
            Pair(
                original=("Is the thing nice? Say yes or no.", "Judge the thing: yes or no?")[
                    which
                ],
                paraphrase=(
                    "Tell me whether the thing is nice, with yes or no.",
                    "Please say yes or no to the thing.",
                )[which],
                target=COLOURS[index % 2],
                input=thing,
                answer_cue="Answer:",
                task="things",
                instruction_id=f"things/{which}",
                instance_id=f"i{index}",
                request_id="things",
                input_id=f"x{index}",
            )
        )
    return pairs


@lru_cache(maxsize=2)
def tiny_tokenizer(chat: bool = False) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of 300 tokens."""
    texts = [text for pair in tiny_pairs() for text in (pair.original, pair.paraphrase, pair.input)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<pad>", "<eos>", "<|start|>", "<|end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<eos>",
        extra_special_tokens=["<|start|>", "<|end|>"],
    )
    if chat:
        fast.chat_template = CHAT
    return fast


def tiny_llama(*, dropout: float = 0.0, seed: int = 0) -> LlamaForCausalLM:
    """Two layers, 16 wide, rotary positions."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=304,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=256,
        attention_dropout=dropout,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config)


def tiny_gpt2(seed: int = 0) -> GPT2LMHeadModel:
    """Two layers, 16 wide, learned positions."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=304,
        n_positions=128,
        n_embd=16,
        n_layer=2,
        n_head=2,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        eos_token_id=1,
        bos_token_id=1,
    )
    return GPT2LMHeadModel(config)


def save_tiny(folder: Path, model: PreTrainedModel | None = None) -> Path:
    """A checkpoint directory with a tiny model and its tokenizer."""
    (model or tiny_llama()).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """A JSON Lines file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_tiny_pairs(path: Path, number: int = 24) -> Path:
    """A pairs file of `tiny_pairs`."""
    return write_rows(path, [pair.row() for pair in tiny_pairs(number)])


def config_for(base: Path, **options: object) -> TrainConfig:
    """A short training of a model in a folder, on tiny pairs beside it."""
    folder = base.parent
    if not (folder / "pairs.jsonl").exists():
        write_tiny_pairs(folder / "pairs.jsonl", 48)
    values = {
        "model": str(base),
        "pairs": folder / "pairs.jsonl",
        "out": folder / "ckpt",
        "batch": 8,
        "micro_batch": 4,
        "max_steps": 8,
        "learning_rate": 3e-3,
        "save_every": 2,
        "device": "cpu",
        "lora_r": 4,
    }
    return TrainConfig.model_validate({**values, **options})
