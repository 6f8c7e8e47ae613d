"""A real, tiny, random checkpoint on disk, for tests of whole commands."""

from __future__ import annotations

from pathlib import Path


def save_tiny_llama(folder: Path, *, seed: int = 0, context: int = 512) -> Path:
    """Two layers of 16 units with a byte-level tokenizer, saved as safetensors."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    trained = ByteLevelBPETokenizer()
    lines = ["Classify the sentence as positive or negative, please.", "Sentiment: yes or no"] * 20
    trained.train_from_iterator(lines, vocab_size=320, special_tokens=["<s>", "</s>"])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer, bos_token="<s>", eos_token="</s>"
    )
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=context,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
