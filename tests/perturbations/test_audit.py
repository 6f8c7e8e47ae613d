"""What must stay stays, and the audit, which knows nothing of spans, says the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.records import Instruction
from perturbations import find, find_protected, make_variants
from perturbations.audit import find_losses, protected_intact
from perturbations.core_set import CORE

LABELS = ("positive", "negative")
INLINE = (
    *("`df.groupby(x)`", "``a `b` c``", '{"label": "positive"}', '["yes", "no"]', "{{ row.text }}"),
    *("$text", "${text}", "%(text)s", "%s", "{text}", "[INPUT]", "[YOUR ANSWER]", "<<text>>"),
    *('<answer type="label">', "</answer>", "<br/>", '<a href="x.html" rel="next">', "<|user|>"),
    *("https://example.org/a?b=1", "example.com/rules", "docs.python.org", "me@example.org"),
    *("/etc/hosts", "./run.sh", "~/notes/today.txt", "data/raw/rows.csv", "rows.jsonl"),
    *(r"C:\Program Files\App\run.exe", "$HOME", "HF_HOME", "%PATH%", "--max-length=5", "-v"),
    *("my_function", "getName", "np.mean(x)", "twenty", "twenty-one", "fifteen", "a hundred"),
    *("sixth", "3rd", "a dozen", "45 %", "12.5%", "ninety-nine", "March 3, 2024", "2024-03-01"),
    *("'not sure'", '"three words"', "“never ‘say’ it”", "„keine zwei“", "«sans un mot»"),
    *("‘without it’", "don't", "won’t", "never", "neither", "without", "unless", "except"),
    *("&nbsp;", "&frac12;", "&Eacute;", "&#160;", r"\frac{a}{b}", "$x^2 + y$", r"\(x + yz\)"),
    *("$$E = mc^2$$", "mailto:me@example.org", "https://example.org/s?q=good+films&lang=en#top"),
    *("v2.3.1", "1.0.0-rc1", "2.0beta", "GPT-4", "COVID-19", "H2O", "B2B", "Q3 2024", "3D", "0x1F"),
    *(
        "5 km",
        "3.5 GB",
        "20 °C",
        "100 mg/dl",
        "60 km/h",
        "EUR 5",
        "10:30 pm",
        "5 percent",
        "12 Mar",
    ),
    *("2024-03-01T10:00Z", "Monday", "ISBN 978-3-16-148410-0", "doi:10.1000/182", "PMID 12345"),
    *(
        ":smile:",
        ":thumbs_up:",
        "{% if a %}",
        "<|im_start|>",
        "[INST]",
        "</s>",
        "[gMASK]",
        "<<SYS>>",
    ),
    *("<｜begin▁of▁sentence｜>", "(b)", "B)", "(iv)", "Part IV", "VIII", "N/A", "R&D", "C++", "C#"),
    *("Fig. 2", "pp. 3", ".NET", "*.csv"),
    *("positive", "positives", "Negative", "POSITIVE", "'negative'", "@handle", "#tag"),
)
BLOCKS = (
    "```python\ndef run(user_input):\n    return eval(user_input)\n```",
    "~~~\nplain words in a fence\n~~~",
    '{\n  "label": "positive",\n  "confidence": 0.9\n}',
    '<review\n   lang="en"\n   kind="short">',
    "    indented_code = call(some, words)",
    "| Review | Label |\n| --- | --- |\n| good film | positive |",
    "| some words | in a row |\n| more words | in another |",
    "title | label\n--- | ---\ngood film | positive",
    "+------+-----+\n| word | tag |\n+------+-----+",
    "$$\nE = mc^2 + kinetic\n$$",
    "\\begin{align}\nspeed &= distance / time\n\\end{align}",
)
FRAMES = (
    "Read the review next to {} and decide whether it is positive or negative.",
    "Classify the following sentence as positive or negative, given {}.",
    "Compare the text with {} before you answer.",
    "Determine if {} describes the sentiment of the writer.",
    "Please answer with {} or with nothing else.",
    "What is the sentiment of this message about {}?",
)

pieces = st.lists(
    st.tuples(st.sampled_from(FRAMES), st.sampled_from(INLINE)), min_size=1, max_size=4
)


@st.composite
def instructions(draw: st.DrawFn) -> tuple[str, list[str]]:
    """An instruction, and the strings in it that must stay."""
    chosen = draw(pieces)
    kept = [piece for _, piece in chosen]
    text = " ".join(frame.format(piece) for frame, piece in chosen)
    if draw(st.booleans()):
        block = draw(st.sampled_from(BLOCKS))
        kept.append(block)
        text = draw(st.sampled_from((f"{text}\n\n{block}\n", f"{text}\n\n{block}\n\n{text}")))
    return text, kept


@pytest.mark.parametrize("name", [name for level in CORE.values() for name in level])
@settings(max_examples=60, deadline=None)
@given(made=instructions(), seed=st.integers(0, 999))
def test_the_core_keeps_every_kind_of_protected_text(
    name: str, made: tuple[str, list[str]], seed: int
) -> None:
    text, kept = made
    variants = make_variants(
        "task",
        Instruction("i", "task", text),
        perturbations=[find(name)],
        label_words=LABELS,
        paraphrases=(),
        seed=seed,
        per_perturbation=2,
    ).variants
    for variant in variants:
        for string in kept:
            same = variant.text.lower().count(string.lower()) >= text.lower().count(string.lower())
            assert same, (string, variant.text)
        assert variant.validity is not None
        assert find_losses(text, variant.text, LABELS) == ()
        assert variant.validity.protected_intact


@given(made=instructions(), data=st.data())
def test_the_audit_sees_a_letter_missing_from_what_is_protected(
    made: tuple[str, list[str]], data: st.DataObject
) -> None:
    text, kept = made
    string = data.draw(st.sampled_from(kept))
    letters = [i for i, char in enumerate(string) if char.isalpha()]
    lost = data.draw(st.sampled_from(letters)) if len(letters) > 3 else None
    # An article before a number, and one letter of a quotation's quoted rest, are no loss of it.
    if lost is None or (string.startswith("a ") and lost == 0):
        return
    start = text.index(string)
    damaged = text[: start + lost] + text[start + lost + 1 :]
    assert not protected_intact(text, damaged, LABELS), (string, damaged)


def test_front_matter_is_protected_where_it_is() -> None:
    text = "---\ntitle: a good review\nlang: english\n---\nRead the review and decide."
    (span,) = [span for span in find_protected(text) if span.reason == "code"]
    assert text[span.start : span.end] == text[: text.index("\nRead")]
    assert not protected_intact(text, text.replace("good review", "god review"))
    assert protected_intact(text, text.replace("decide", "judge"))


@pytest.mark.parametrize(
    "text",
    ["It costs $5 or $10 a week.", "A text | of words.", "I am in: a park: again.", "A review."],
)
def test_what_only_looks_like_markup_is_free(text: str) -> None:
    held = {i for span in find_protected(text) for i in range(span.start, span.end)}
    assert not any(char.isalpha() and place in held for place, char in enumerate(text))


@pytest.mark.parametrize("piece", [*INLINE, *BLOCKS])
def test_every_kind_is_protected_as_a_whole(piece: str) -> None:
    text = f"Read it.\n{piece}\nDecide." if "\n" in piece else f"Read it {piece} now."
    if piece.startswith("    "):
        text = f"Read it.\n\n{piece}\n\nDecide."
    start = text.index(piece) + len(piece) - len(piece.lstrip())
    stop = text.index(piece) + len(piece)
    spans = find_protected(text, LABELS)
    held = {i for span in spans for i in range(span.start, span.end)}
    letters = {i for i in range(start, stop) if text[i].isalpha()}
    assert letters - held - ({start} if piece.startswith("a ") else set()) == set()


@pytest.mark.parametrize(
    ("label", "text", "span"),
    [
        ("正面", "回答正面或负面即可", "正面"),
        ("ポジティブ", "このレビューがポジティブかを判断", "ポジティブ"),
        ("긍정", "리뷰가 긍정인지 판단하세요", "긍정"),
        ("บวก", "รีวิวนี้เป็นบวกหรือลบ", "บวก"),
        ("olumlu", "Yorum olumluysa yaz", "olumluysa"),
        ("gerçek", "Bu gerçeği yaz", "gerçeği"),
        ("positiivinen", "Vastaa positiivisesti nyt", "positiivisesti"),
        ("category", "Name two categories of it", "categories"),
        ("joke", "Which of the jokes is it", "jokes"),
        ("положительный", "Если оценка положительная", "положительная"),
        ("positivo", "una crítica positiva", "positiva"),
    ],
)
def test_label_words_are_found_in_their_scripts_and_with_their_endings(
    label: str, text: str, span: str
) -> None:
    found = [text[s.start : s.end] for s in find_protected(text, (label,))]
    assert span in found


@pytest.mark.parametrize(
    ("original", "text", "lost"),
    [
        ("Say 'a b' in two words.", "Say 'a c' in two words.", [("quotation", "a b")]),
        ("Use twenty words.", "Use twnety words.", [("number", "twenty")]),
        ("Do not guess.", "Do guess.", [("negation", "")]),
        ("Fill {a} and {b}.", "Fill {a} and {a}.", [("code", "{b}")]),
        (
            "Answer positive or positive.",
            "Answer positive or postive.",
            [("label word", "positive")],
        ),
        ("回答正面或负面", "回答正或面负面", [("label word", "正面")]),
        (
            "See example.com/rules now.",
            "See exmaple.com/rules now.",
            [("code", "example.com/rules")],
        ),
    ],
)
def test_losses_are_named(original: str, text: str, lost: list[tuple[str, str]]) -> None:
    labels = (*LABELS, "正面", "负面")
    assert [(loss.kind, loss.what) for loss in find_losses(original, text, labels)] == lost


def test_a_rewritten_text_must_say_each_thing_once() -> None:
    original = "If it is positive say 'positive', and if it is negative say 'negative'."
    assert protected_intact(original, "Is the review positive or rather negative?", LABELS)
    assert not protected_intact(original, "Is the review good or rather negative?", LABELS)


def test_a_quotation_that_holds_a_number_is_not_recased() -> None:
    text = "Say 'two words' or \"not sure\" and use two words, not three."
    (variant,) = make_variants(
        "task",
        Instruction("i", "task", text),
        perturbations=[find("upper-case")],
        label_words=(),
        paraphrases=(),
        seed=0,
    ).variants
    assert variant.text == "SAY 'two words' OR \"not sure\" AND USE TWO WORDS, NOT THREE."
