"""Which characters of a text each token stands for."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

Span = tuple[int, int]


def find_spans(
    tokenizer: PreTrainedTokenizerBase, text: str, ids: Sequence[int], *, special: bool
) -> list[Span | None]:
    """The characters `start:end` of each of the text's tokens; None for one that was added.

    Args:
        tokenizer: Made the tokens.
        text: What it read.
        ids: The tokens.
        special: Whether it added its own.
    """
    if not tokenizer.is_fast:
        return _search(text, [str(tokenizer.decode([token])) for token in ids])
    encoded = tokenizer(
        text, add_special_tokens=special, return_offsets_mapping=True, verbose=False
    )
    return [(start, end) if end > start else None for start, end in encoded["offset_mapping"]]


def _search(text: str, pieces: Sequence[str]) -> list[Span | None]:
    """Where the texts of tokens stand, one after the other, for a tokenizer that does not say."""
    spans: list[Span | None] = []
    place = 0
    for piece in map(str.strip, pieces):
        found = text.find(piece, place) if piece else -1
        if found < 0 or text[place:found].strip():
            # A token that was added, or a part of a character's bytes.
            spans.append((place, place + 1) if place < len(text) and place else None)
            continue
        place = found + len(piece)
        spans.append((found, place))
    return spans
