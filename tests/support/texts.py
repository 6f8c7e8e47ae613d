"""Hypothesis strategies: texts as they come, and texts made of what perturbations look for."""

from __future__ import annotations

from hypothesis import strategies as st

LABELS = ("positive", "negative", "not_entailment", "no", "very good")

_PIECES = st.sampled_from(
    [
        *("the", "review", "is", "whether", "sentence", "you", "are", "reply", "it's", "Colour"),
        *("favorite", "a", "an", "I'm", "don’t", "what", "information"),
        *("'positive'", "positive", "NEGATIVE", "not_entailment", "no", "very good", "not"),
        *("{text}", "{{ row.text }}", '"a quoted one"', "3.5", "2nd", "two", "https://x.org/a?b=1"),
        *(".", ",", "?", "!", ";", "…", "\n", "\t", "  ", "\u200b", "é", "e\u0301", "ß", "İ", "ﬁ"),
        *("中文", "привет", "👍🏽", "'", "’", "“", "x_y", "sst2", "-"),
    ]
)

TEXTS = st.one_of(
    st.text(max_size=80),
    st.lists(_PIECES, max_size=25).map(" ".join),
    st.lists(_PIECES, max_size=25).map("".join),
)
