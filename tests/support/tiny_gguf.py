"""The tiny Llama as llama.cpp would write it."""

from __future__ import annotations

import json
from pathlib import Path

import gguf
import torch

from tests.support.tiny_models import (
    CHAT_TEMPLATE,
    MAX_CONTEXT,
    VOCABULARY,
    make_model,
    make_tokenizer,
)

HEADS, KEY_HEADS, HEAD_SIZE = 4, 2, 8
NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_tiny_gguf(path: Path, *, architecture: str = "llama") -> Path:
    """A whole GGUF file; `architecture` is what it calls itself."""
    writer = gguf.GGUFWriter(path, architecture)
    write_settings(writer)
    write_tokenizer(writer)
    write_tensors(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_settings(writer: gguf.GGUFWriter) -> None:
    config = make_model("llama").config
    writer.add_context_length(MAX_CONTEXT)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)


def write_tokenizer(writer: gguf.GGUFWriter) -> None:
    model = json.loads(make_tokenizer("bytes").backend_tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    types = [control if token.startswith("<") else normal for token in tokens]
    unused = [f"[PAD{place}]" for place in range(len(tokens), VOCABULARY)]  # as llama.cpp wants it
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([*tokens, *unused])
    writer.add_token_types([*types, *[gguf.TokenType.UNUSED] * len(unused)])
    writer.add_token_merges([" ".join(merge) for merge in model["merges"]])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(CHAT_TEMPLATE)


def write_tensors(writer: gguf.GGUFWriter) -> None:
    state = make_model("llama").state_dict()
    writer.add_tensor("token_embd.weight", state["model.embed_tokens.weight"].numpy())
    writer.add_tensor("output.weight", state["lm_head.weight"].numpy())
    writer.add_tensor("output_norm.weight", state["model.norm.weight"].numpy())
    for layer in range(2):
        for theirs, ours in NAMES.items():
            tensor = state[f"model.layers.{layer}.{theirs}.weight"]
            if ours == "attn_q":
                tensor = _interleave(tensor, HEADS)
            if ours == "attn_k":
                tensor = _interleave(tensor, KEY_HEADS)
            writer.add_tensor(f"blk.{layer}.{ours}.weight", tensor.contiguous().numpy())


def _interleave(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """llama.cpp rotates neighbouring pairs where transformers rotates the two halves of a head."""
    halves = weight.view(heads, 2, HEAD_SIZE // 2, weight.shape[1])
    return halves.transpose(1, 2).reshape(weight.shape)
