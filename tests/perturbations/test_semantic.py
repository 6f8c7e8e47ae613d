from __future__ import annotations

import json
import lzma
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.records import Instruction
from perturbations import find, find_protected, make_variants
from perturbations.audit import protected_intact
from perturbations.base import REGISTRY, Subject
from perturbations.diff import replay
from perturbations.parse import has_role, read, split
from perturbations.request_parse import parse
from perturbations.semantic.questions import command_of, is_plural, question_of
from perturbations.semantic.semantic_rules import RULES
from perturbations.word.verbs import verb_at, verbs
from tests.support.paths import GOLDEN_FOLDER
from tests.support.shipped import shipped_instructions
from tests.support.texts import LABELS, TEXTS

GOLDEN = json.loads((GOLDEN_FOLDER / "semantic.json").read_text("utf-8"))
SHIPPED = shipped_instructions()
WIDE = ("as-question", "as-request", "as-task", "as-obligation", "as-activity", "as-wish", "formal")


def subject_of(
    text: str, label_words: tuple[str, ...] = LABELS, paraphrases: tuple[str, ...] = ()
) -> Subject:
    return Subject(text, find_protected(text, label_words), label_words, paraphrases)


def reworded(name: str, text: str, seed: int = 0) -> str | None:
    draft = find(name).apply(subject_of(text), Random(seed))
    return draft.text if draft else None


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['perturbation']}-{row['seed']}")
def test_golden_pairs(row: dict[str, object]) -> None:
    name, text, seed, labels = (row[k] for k in ("perturbation", "text", "seed", "label_words"))
    draft = find(str(name)).apply(subject_of(str(text), tuple(labels)), Random(seed))  # type: ignore[arg-type]
    assert (draft.text if draft else None) == row["output"]


def test_every_rule_is_a_perturbation_of_the_semantic_level() -> None:
    semantic = {name for name in REGISTRY.names() if find(name).level == "semantic"}
    assert semantic >= {"paraphrase", *RULES}


@pytest.mark.parametrize("name", list(RULES))
def test_shipped_instructions_keep_what_is_protected(name: str) -> None:
    for number, one in enumerate(SHIPPED):
        subject = subject_of(one.instruction.text, one.label_words)
        draft = find(name).apply(subject, Random(number))
        if draft is not None:
            assert replay(subject.text, draft.edits) == draft.text
            assert protected_intact(subject.text, draft.text, subject.label_words)
            for word in one.label_words:
                assert (word in draft.text) == (word in subject.text)


@pytest.mark.parametrize("name", WIDE)
def test_wide_rules_fit_four_of_five_shipped_instructions(name: str) -> None:
    fitting = sum(
        find(name).apply(subject_of(one.instruction.text, one.label_words), Random(0)) is not None
        for one in SHIPPED
    )
    assert fitting >= 0.8 * len(SHIPPED)


@pytest.mark.parametrize("name", list(RULES))
@settings(max_examples=25, deadline=None)
@given(text=TEXTS, seed=st.integers(0, 99))
def test_any_text_gives_a_sound_draft_or_none_and_the_same_again(
    name: str, text: str, seed: int
) -> None:
    subject = subject_of(text)
    draft = find(name).apply(subject, Random(seed))
    assert draft == find(name).apply(subject, Random(seed))
    if draft is not None:
        assert draft.text != text
        assert replay(text, draft.edits) == draft.text
        assert protected_intact(text, draft.text, subject.label_words)


@pytest.mark.parametrize("name", list(RULES))
def test_a_long_text_takes_no_long_time(name: str) -> None:
    for text in ("Read the text, and " * 400, "'" * 3000, "decide if the text is " * 300):
        reworded(name, text)


def test_published_prompts_are_reworded_soundly(data_dir: Path) -> None:
    path = data_dir / "prompts" / "promptbench_adv_prompts.jsonl.xz"
    with lzma.open(path, "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    texts = list(dict.fromkeys(row["prompt"] for row in rows if row["kind"] == "clean"))[::3]
    fitting = dict.fromkeys(RULES, 0)
    for number, text in enumerate(texts):
        subject = subject_of(text, ())
        for name in RULES:
            draft = find(name).apply(subject, Random(number))
            if draft is not None:
                fitting[name] += 1
                assert replay(text, draft.edits) == draft.text
                assert protected_intact(text, draft.text, subject.label_words)
    assert all(fitting[name] >= 0.8 * len(texts) for name in WIDE), fitting


def test_paraphrases_come_from_the_bank_and_are_not_repeated() -> None:
    bank = tuple(f"Wording {letter}." for letter in "abcd")
    made = make_variants(
        "task",
        Instruction("task-1", "task", "Wording."),
        perturbations=[find("paraphrase")],
        label_words=(),
        paraphrases=bank,
        seed=0,
        per_perturbation=3,
    )
    texts = [variant.text for variant in made.variants]
    assert len(texts) == len(set(texts)) == 3
    assert set(texts) <= set(bank)


def test_without_a_bank_there_is_no_paraphrase() -> None:
    paraphrase = find("paraphrase")
    assert paraphrase.apply(subject_of("Rate it."), Random(0)) is None
    assert paraphrase.apply(subject_of("Rate it.", (), ("Rate it.",)), Random(0)) is None


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("You are a critic. Rate the film. Say 'good' or 'bad'.", "role command answer"),
        ("You are given a text. Is it good? Answer yes.", "setting question answer"),
        ("If it is 'good', say so. Do not explain.", "condition answer"),
        ("Classify the text:\n- positive\n- negative", "command item item"),
        ("Rate the film.\n\nFilm: {film}\nRating:", "command field field"),
        ("Decide whether the text is formal\nor not. Say\n'yes' or 'no'.", "command answer"),
        ("Rate the film\nAnswer with one word", "command answer"),
        ("It costs 3.5 dollars, e.g. today. Rate it.", "other command"),
    ],
)
def test_sentences_and_what_they_are_for(text: str, kinds: str) -> None:
    assert [sentence.kind for sentence in split(subject_of(text, ()))] == kinds.split()


@given(TEXTS)
def test_sentences_lie_in_order_and_hold_all_but_white_space(text: str) -> None:
    sentences = split(subject_of(text))
    end = 0
    for sentence in sentences:
        assert not text[end : sentence.start].strip()
        assert text[sentence.start : sentence.end] == sentence.text
        end = sentence.end
    assert not text[end:].strip()


def test_a_wrapped_sentence_is_reworded_whole() -> None:
    after = reworded("as-task", "Decide whether the text\nis formal. Answer 'yes'\nor 'no'.")
    assert after is not None
    assert after.endswith(" is to decide whether the text\nis formal. Answer 'yes'\nor 'no'.")


def test_the_task_is_found_among_preparations_and_answer_forms() -> None:
    text = "Read the text. Decide whether it is formal. Answer with 'yes' or 'no'."
    main = read(subject_of(text, ("yes", "no"))).main
    assert main is not None
    assert main.text == "Decide whether it is formal."


def test_an_ask_is_taken_apart() -> None:
    ask = parse("As a critic, please read the text and decide if it is good, answering 'a' or 'b'.")
    assert ask is not None
    assert ask.lead == "As a critic"
    assert [phrase.verb.base for phrase in ask.phrases] == ["read", "decide"]
    assert ask.core == "read the text and decide if it is good"
    assert ask.answer == "Answer 'a' or 'b'."
    assert ask.end == "."


@pytest.mark.parametrize(
    "text", ["", "   ", "Sentiment", "The sky is blue.", "Do not look.", "中文。", "?", "...", "A:"]
)
def test_what_asks_nothing_is_left_alone(text: str) -> None:
    for name in RULES:
        assert reworded(name, text) is None


def test_an_existing_frame_is_replaced_and_not_stacked() -> None:
    for frame in ("Your task is to", "You should", "Please", "I want you to", "Could you please"):
        mark = "?" if frame.startswith("Could") else "."
        text = f"{frame} rate the film{mark}"
        assert reworded("as-obligation", text, 3) in {
            f"You {modal} rate the film."
            for modal in ("must", "should", "need to", "have to", "are to")
        } | {None}


@pytest.mark.parametrize(
    ("question", "command"),
    [
        ("is the given text formal", "decide whether the given text is formal"),
        ("do the two texts agree", "decide whether the two texts agree"),
        ("does the text imply the claim", "decide whether the text implies the claim"),
        ("did the writer like it", "decide whether the writer liked it"),
        ("what is the topic of the text", "say what the topic of the text is"),
        ("can we conclude that it rains", "decide whether we can conclude that it rains"),
        ("is {claim} true", "decide whether {claim} is true"),
        ("how come", "answer this question: how come"),
    ],
)
def test_questions_become_commands(question: str, command: str) -> None:
    assert command_of(question) == command


@pytest.mark.parametrize(
    ("clause", "question"),
    [
        ("whether the text is formal", "is the text formal"),
        ("if they mean the same", "do they mean the same"),
        ("whether the text contains an answer", "does the text contain an answer"),
        ("whether the writer liked the film", "did the writer like the film"),
        ("whether the emotion expressed is joy", "is the emotion expressed joy"),
        ("how the claim relates to the text", "how does the claim relate to the text"),
        ("which label fits the text", "which label fits the text"),
        ("what best describes it", "what best describes it"),
        ("whether what follows is true", None),
    ],
)
def test_clauses_become_questions(clause: str, question: str | None) -> None:
    assert question_of(clause) == question


@pytest.mark.parametrize(
    ("noun_phrase", "plural"),
    [
        ("the two sentences", True),
        ("the pair of sentences", False),
        ("the premise and the hypothesis", True),
        ("the analysis", False),
        ("each of the texts", False),
    ],
)
def test_number_is_that_of_the_head(noun_phrase: str, plural: bool) -> None:
    assert is_plural(noun_phrase) == plural


def test_roles_are_seen() -> None:
    assert has_role(subject_of("As a critic, rate the film."))
    assert not has_role(subject_of("As soon as you can, rate the film."))


def test_verb_forms() -> None:
    forms = {base: (verb.gerund, verb.participle) for base, verb in verbs().items()}
    assert forms["classify"] == ("classifying", "classified")
    assert forms["choose"] == ("choosing", "chosen")
    assert forms["figure out"] == ("figuring out", "figured out")
    assert forms["infer"] == ("inferring", "inferred")
    assert verb_at("find out whether") is verbs()["find out"]
    assert verb_at("findings show") is None


@pytest.mark.parametrize(
    ("text", "aside"),
    [
        ("Name the product and don't add anything.", "Don't add anything."),
        ("Shorten the text, but keep all dates.", "But keep all dates."),
        ("Shorten the text but do not mention any names.", "But do not mention any names."),
        ("Say 'yes' if both agree, otherwise say 'no'.", "Otherwise say 'no'."),
        ("Decide whether both agree and do not contradict each other.", ""),
        ('Translate the phrase "stop, but keep the change" to German.', ""),
        ("Read the text, and classify it.", ""),
    ],
)
def test_what_only_an_imperative_can_say_is_set_aside(text: str, aside: str) -> None:
    ask = parse(text, ("yes", "no"))
    assert ask is not None
    assert ask.aside == aside
    for name in ("as-question", "as-obligation", "as-activity"):
        said = reworded(name, text)
        assert said is not None
        assert said.endswith(aside)
        if aside:
            assert f" {aside}" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Summarize the article in one sentence.", "The article is to be summarized in one"),
        ("Rewrite the text to be shorter.", "The text is to be rewritten to be shorter."),
        ("Read the words in the list.", "The words in the list are to be read."),
    ],
)
def test_the_passive_knows_where_its_object_ends(text: str, said: str) -> None:
    found = {reworded("passive", text, seed) for seed in range(20)}
    assert any(one and one.startswith(said) for one in found), found
