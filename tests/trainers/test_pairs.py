"""Pairs: each source, each filter, leaks, and the page to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from harness.cli.app import make_app
from harness.core.errors import (
    IncompleteRunError,
    NothingToEvaluateError,
    UnknownNameError,
    UsageError,
)
from harness.tasks.paraphrase_bank import Bank, read_bank, write_bank
from perturbations import select
from tests.support.trainers_tiny import tiny_pairs, write_rows
from trainers.pairs import Pair, hash_pairs, read_pairs, write_pairs
from trainers.pairs.build import PairSet, PairsOptions, build_pairs
from trainers.pairs.filters import Drops, FilterOptions, filter_pairs
from trainers.pairs.leaks import Held, read_held
from trainers.pairs.page import render_page
from trainers.pairs.paraphrases import ParaphraseOptions
from trainers.pairs.templates import TemplateOptions
from trainers.sampler import count_hard_negatives

Rows = Sequence[Mapping[str, Any]]

T0_ROWS: Rows = [
    {
        "dataset": "toys",
        "row": number,
        "variants": [
            {"template": "a", "prompt": f"Is toy {number} fun? \n", "completion": answer},
            {"template": "b", "prompt": f"Toy {number}: fun or not?", "completion": f" {answer}\n"},
            {"template": "c", "prompt": f"Would you buy toy {number}?", "completion": answer},
            # asks for other words
            {"template": "d", "prompt": f"Rate toy {number}.", "completion": answer.upper()},
            # asks the opposite: right by chance on half of the rows
            {
                "template": "e",
                "prompt": f"Is toy {number} dull?",
                "completion": "yes" if number % 3 else "no",
            },
        ],
    }
    for number in range(12)
    for answer in [("yes", "no")[number % 2]]
]


def build(tmp_path: Path, rows: Rows, **options: Any) -> PairSet:
    path = write_rows(tmp_path / "rows.jsonl", rows)
    return build_pairs(PairsOptions(source="t0", input=path, **options))


def test_t0_pairs_wordings_that_agree_on_every_row(tmp_path: Path) -> None:
    built = build(tmp_path, T0_ROWS)
    assert len(built.pairs) == 12
    for pair in built.pairs:
        assert {pair.provenance["original"], pair.provenance["paraphrase"]} < {"a", "b", "c"}
        assert pair.target == ("yes", "no")[int(pair.provenance["row"]) % 2]
        assert pair.original == pair.original.strip()
    assert built.drops.by_reason() == {"one template": 24}
    # the same instruction is asked of inputs with either answer
    assert count_hard_negatives(built.pairs) >= 6
    assert [p.id for p in build(tmp_path, T0_ROWS).pairs] == [p.id for p in built.pairs]
    assert [p.id for p in build(tmp_path, T0_ROWS, seed=1).pairs] != [p.id for p in built.pairs]


def test_t0_complains_about_other_forms(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'variants' is missing"):
        build(tmp_path, [{"dataset": "x", "row": 1, "prompts": []}])
    with pytest.raises(UsageError, match="texts under template"):
        build(tmp_path, [{"dataset": "x", "row": 1, "variants": [{"template": "a"}]}])
    alone = [{**row, "variants": row["variants"][3:4]} for row in T0_ROWS[:2]]
    with pytest.raises(NothingToEvaluateError, match=r"no pair is left.*'one template' \(2\)"):
        build(tmp_path, alone)


def test_filters_say_what_was_dropped_and_why() -> None:
    good = tiny_pairs(1)[0]
    held = Held(["the little dog runs over the big green hill"])
    cases = {
        "empty": replace(good, target=""),
        "same": replace(good, paraphrase=f" {good.original}  "),
        "length": replace(good, paraphrase=good.original * 4),
        "placeholders": replace(good, original="Judge {x} now", paraphrase="Now judge it"),
        "duplicate": good,
        "leak": replace(good, input="Oh, The little dog RUNS -- over the big, green hill!"),
    }
    drops = Drops()
    kept = filter_pairs([good, *cases.values()], FilterOptions(held=held), drops)
    assert kept == [good]
    assert drops.by_reason() == dict.fromkeys(cases, 1)


def test_targets_of_a_task_are_balanced_and_constant_tasks_left_out() -> None:
    pairs = [replace(tiny_pairs(1)[0], input=f"i{n}", target="yes") for n in range(90)]
    pairs += [replace(tiny_pairs(1)[0], input=f"j{n}", target="no") for n in range(10)]
    constant = [replace(pairs[0], input=f"k{n}", task="same") for n in range(30)]
    drops = Drops()
    kept = filter_pairs([*pairs, *constant], FilterOptions(), drops)
    targets = [pair.target for pair in kept]
    # no target above 1.5 times its even share: 30 of 40
    assert (targets.count("yes"), targets.count("no")) == (30, 10)
    assert drops.by_reason() == {"balance": 90}
    assert len(filter_pairs(pairs, FilterOptions(balance=False), Drops())) == 100


def test_limit_takes_tasks_in_turn_and_keeps_hard_negatives_together() -> None:
    pairs = [replace(pair, task="big") for pair in tiny_pairs(40)]
    pairs += [
        replace(p, task="small", input=f"s {p.input}", instruction_id="s", instance_id=p.input)
        for p in tiny_pairs(4)
    ]
    kept = filter_pairs(pairs, FilterOptions(balance=False), Drops(), limit=8)
    assert len(kept) == 8
    assert [pair.task for pair in kept].count("small") == 4
    assert count_hard_negatives(kept) == 8


def test_held_texts_are_found_whatever_case_and_marks() -> None:
    held = Held(["A quick brown fox jumps over the lazy dog.", "Tell me what it is", "fine"])
    assert len(held) == 3
    assert held.is_in("He said: a quick, BROWN fox jumps over the lazy dog! And left.")
    assert not held.is_in("a quick brown fox jumps over the lazy cat")
    assert held.is_in("tell me, what it is?")
    assert not held.is_in("Now tell me what it is, please")  # too short to be more than chance
    assert not held.is_in("")


def test_labels_of_held_out_rows_are_no_texts(tmp_path: Path) -> None:
    kinds = ("Science or Technology", "the ProcessGroup", "fine:manner")
    rows = [{"text": f"short text {n}", "kind": kinds[n % 3], "idx": n} for n in range(30)]
    held = read_held([write_rows(tmp_path / "test.jsonl", rows)])
    assert held.is_in("short text 7")
    assert not any(held.is_in(kind) for kind in kinds)


def test_real_leaks_are_found(data_dir: Path) -> None:
    t0 = data_dir / "instructions" / "t0_multi_prompt.jsonl.xz"
    dev = data_dir / "glue" / "mrpc.dev.jsonl.gz"
    if not t0.is_file():
        pytest.skip("no t0 data")
    built = build_pairs(PairsOptions(source="t0", input=t0, exclude=(dev,), limit=400))
    leaked = {task: n for (reason, task), n in built.drops.counts.items() if reason == "leak"}
    assert leaked == {"glue_mrpc": 5}
    held = read_held([dev])
    assert not any(held.is_in(pair.original) for pair in built.pairs)
    assert len(built.pairs) == 400
    assert len({pair.task for pair in built.pairs}) > 20


def test_templates_of_both_kinds(tmp_path: Path) -> None:
    rows = write_rows(
        tmp_path / "data.jsonl",
        [{"idx": n, "sentence": f"toy {n}", "label": n % 2} for n in range(8)],
    )
    source = write_rows(
        tmp_path / "ps.jsonl",
        [
            {"dataset": "glue", "subset": "toys", "name": name, "jinja": jinja, "answer_choices": c}
            for name, jinja, c in (
                ("a", "Nice? {{sentence}} ||| {{answer_choices[label]}}", "no ||| yes"),
                ("b", "{{sentence}}: is it nice?\n|||\n{{ answer_choices[label] }}", "no ||| yes"),
                ("c", "{{sentence}} bad? ||| {{answer_choices[label]}}", "yes ||| no"),
                ("only-some", "{% if label %}Say {{sentence}} ||| {{sentence}}{% endif %}", None),
                ("broken", "{{ nothing }} ||| x", None),
                ("unsafe", "{{ ''.__class__.__mro__ }} ||| x", None),
            )
        ],
    )
    built = build_pairs(
        PairsOptions("templates", source, templates=TemplateOptions("glue/toys", rows))
    )
    assert len(built.pairs) == 8
    assert {pair.target for pair in built.pairs} == {"no", "yes"}
    assert {"toy 3: is it nice?", "Nice? toy 3"} == {
        text for p in built.pairs if "toy 3" in p.original for text in (p.original, p.paraphrase)
    }
    flan = tmp_path / "flan.json"
    templates = [
        {"input": "Is {text} nice?\n{options_}", "target": "{answer}"},
        {"input": "Judge: {text}n\n{options_}", "target": "{answer}"},
        {"input": "Make a {answer} one.", "target": "{text}"},
    ]
    flan.write_text(json.dumps({"toys": templates}))
    options = TemplateOptions("toys", rows, labels=("no", "yes"), fields={"text": "sentence"})
    made = build_pairs(PairsOptions("templates", flan, templates=options)).pairs
    assert len(made) == 8
    texts = {made[0].original, made[0].paraphrase}
    assert texts == {
        "Is toy 0 nice?\nOPTIONS:\n- no\n- yes",
        "Judge: toy 0\nOPTIONS:\n- no\n- yes",  # the stray n is gone
    }


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(90000) %}{% for b in range(90000) %}x{% endfor %}{% endfor %} ||| x",
        "{{ 'x' * 10**10 }} ||| x",
        "{% set ns = namespace(x='ab') %}{% for a in range(90) %}{% set ns.x = ns.x ~ ns.x %}"
        "{% endfor %}{{ ns.x }} ||| x",
    ],
)
def test_templates_end_within_bounds(tmp_path: Path, source: str) -> None:
    rows = write_rows(tmp_path / "data.jsonl", [{"sentence": f"toy {n}"} for n in range(9)])
    templates = [{"dataset": "toys", "name": "endless", "jinja": source}]
    path = write_rows(tmp_path / "ps.jsonl", templates)
    options = PairsOptions("templates", path, templates=TemplateOptions("toys", rows))
    with pytest.raises(UsageError, match=r"the template 'endless'.* row 1: it "):
        build_pairs(options)


def test_templates_that_raise_do_not_apply(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "data.jsonl", [{"sentence": "toy", "n": 0} for _ in range(2)])
    templates = [
        {"dataset": "toys", "name": str(n), "jinja": source}
        for n, source in enumerate(("{{ 1 / n }} ||| x", "{{ [].pop() }} ||| x", "{{ ||| x"))
    ]
    path = write_rows(tmp_path / "ps.jsonl", templates)
    options = PairsOptions("templates", path, templates=TemplateOptions("toys", rows))
    with pytest.raises(UsageError, match="no template of 'toys' can be filled"):
        build_pairs(options)


def test_templates_complain(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "data.jsonl", [{"sentence": "x", "label": 0}])
    flan = tmp_path / "flan.json"
    flan.write_text(json.dumps({"toys": [{"input": "{text}", "target": "{answer}"}]}))
    with pytest.raises(UnknownNameError, match="toys"):
        build_pairs(PairsOptions("templates", flan, templates=TemplateOptions("toy", rows)))
    with pytest.raises(UsageError, match="--field"):
        build_pairs(PairsOptions("templates", flan, templates=TemplateOptions("toys", rows)))
    for content in ("[" * 100_000, '{"toys": ' + "9" * 5000 + "}"):
        flan.write_text(content)
        with pytest.raises(UsageError, match=r"flan\.json: "):
            build_pairs(PairsOptions("templates", flan, templates=TemplateOptions("toys", rows)))
    flan.write_text("[]")
    with pytest.raises(UsageError, match="FLAN templates"):
        build_pairs(PairsOptions("templates", flan, templates=TemplateOptions("toys", rows)))


def test_coin_csv_marks_neighbours_as_hard_negatives(tmp_path: Path) -> None:
    path = tmp_path / "coin.csv"
    path.write_text(
        "original_instruction,paraphrased_instruction,targets,task_name\n"
        'Is a fun?,"Tell me, is a fun?",yes,toys\nIs b fun?,Say if b is fun.,no,toys\n'
        "Is c fun?,Say if c is fun.,no,toys\nIs d fun?,Say if d is fun.,yes,toys\n"
    )
    built = build_pairs(PairsOptions("coin-csv", path))
    assert [pair.task for pair in built.pairs] == ["toys"] * 4
    ids = [pair.instruction_id for pair in built.pairs]
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert count_hard_negatives(built.pairs) == 4
    path.write_text("original_instructions,targets\na,b\n")
    with pytest.raises(UsageError, match=r"'original_instruction' is missing.*Did you mean"):
        build_pairs(PairsOptions("coin-csv", path))


INSTRUCTION = "Classify the review as 'good' or 'bad'. Answer with one word."


def test_an_answer_word_counts_as_a_whole_word_alone(tmp_path: Path) -> None:
    instruction = "Answer with the letter of the best reply."
    rows = write_rows(
        tmp_path / "rows.jsonl",
        [
            {"instruction": instruction, "input": f"riddle {n}", "output": "AB"[n % 2]}
            for n in range(10)
        ],
    )
    bank = {instruction: ("Give the letter of the best reply.",)}
    options = ParaphraseOptions(select(names=("paraphrase",)).perturbations, bank)
    built = build_pairs(PairsOptions("paraphrases", rows, paraphrases=options))
    # "Answer" names no option A, so a paraphrase without it loses none.
    assert built.drops.by_reason() == {}
    assert len(built.pairs) == 10


def test_paraphrases_by_bank_and_by_level(tmp_path: Path) -> None:
    rows = write_rows(
        tmp_path / "rows.jsonl",
        [
            {"instruction": INSTRUCTION, "input": f"toy {n}", "output": ("good", "bad")[n % 2]}
            for n in range(10)
        ],
    )
    bank = tmp_path / "bank.yaml"
    texts = ("Say 'good' or 'bad' of the review.", "Rate it.")
    write_bank(Bank(None, {"any": INSTRUCTION}, {"any": texts}), bank)
    options = ParaphraseOptions(
        select(names=("paraphrase",)).perturbations, read_bank(bank).by_text()
    )
    built = build_pairs(PairsOptions("paraphrases", rows, paraphrases=options))
    # the second paraphrase does not name the answer words
    assert {p.paraphrase for p in built.pairs} == {"Say 'good' or 'bad' of the review."}
    assert count_hard_negatives(built.pairs) == len(built.pairs) > 0

    chosen = select(levels=("character", "sentence")).perturbations
    levelled = ParaphraseOptions(chosen, {}, per_row=2)
    asked = PairsOptions("paraphrases", rows, paraphrases=levelled, max_ratio=9)
    made = build_pairs(asked).pairs
    assert {pair.level for pair in made} == {"character", "sentence"}
    assert all("'good'" in pair.paraphrase and "'bad'" in pair.paraphrase for pair in made)
    assert len({(pair.input, pair.paraphrase) for pair in made}) == len(made) == 20


def test_forms_of_instruction_data(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"instruction": INSTRUCTION, "instances": [{"input": "toy", "output": "good"}]},
        {"definition": [INSTRUCTION], "instances": [{"input": "car", "output": ["bad", "x"]}]},
        {
            "messages": [
                {"role": "user", "content": INSTRUCTION},
                {"role": "assistant", "content": "good"},
            ]
        },
    ]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    options = ParaphraseOptions(select(names=("politeness",)).perturbations, {})
    asked = PairsOptions("paraphrases", path, paraphrases=options, max_ratio=4)
    pairs = build_pairs(asked).pairs
    assert [(pair.input, pair.target) for pair in pairs] == [
        ("toy", "good"),
        ("car", "bad"),
        ("", "good"),
    ]
    write_rows(path, [{"question": "x"}])
    with pytest.raises(UsageError, match="line 1: not instruction data"):
        build_pairs(PairsOptions("paraphrases", path, paraphrases=options))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("placement", "middle", "'placement' is one of first, last, both, not 'middle'"),
        ("gap", " - ", "'gap' must be spaces or line breaks"),
        ("prefill", 3, "'prefill' must be a text"),
        ("system", ["x"], "'system' must be a text"),
    ],
)
def test_a_layout_that_no_task_has_is_refused(
    tmp_path: Path, key: str, value: Any, message: str
) -> None:
    rows = [{"original": "a", "paraphrase": "b", "target": "c", key: value}]
    with pytest.raises(UsageError, match=f"row 1: {message}"):
        read_pairs(write_rows(tmp_path / "pairs.jsonl", rows))


def test_a_pairs_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "pairs.jsonl"
    first, *others = tiny_pairs(4)
    asked = replace(first, system="Be kind.", prefill="It is ", placement="both", gap="\n")
    pairs = [asked, *others]
    assert asked.id != first.id
    assert "system" not in first.row()
    write_pairs(path, pairs)
    assert read_pairs(path) == pairs
    assert hash_pairs(read_pairs(path)) == hash_pairs(pairs)
    assert hash_pairs(pairs[::-1]) != hash_pairs(pairs)
    with pytest.raises(IncompleteRunError, match="cannot be written"):
        write_pairs(path / "x.jsonl", pairs)


def test_bare_columns_get_their_ids(tmp_path: Path) -> None:
    rows = [
        {"original": "Nice?", "paraphrase": "Is it nice?", "input": f"toy {n}", "target": "yes"}
        for n in range(2)
    ]
    first, second = read_pairs(write_rows(tmp_path / "p.jsonl", rows))
    assert first.instruction_id == second.instruction_id == "Nice?"
    assert first.instance_id != second.instance_id


def test_page_shows_drops_tasks_and_samples(tmp_path: Path) -> None:
    page = render_page(build(tmp_path, T0_ROWS), title="toys", seed=0, samples=2)
    assert "12 pairs of 12 candidates" in page
    assert "| one template | 24 |" in page
    assert "| toys | 12 |" in page
    assert page.count("### toys") == 2
    assert "No file was excluded" in page


def test_the_command_writes_pairs_and_a_page(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", T0_ROWS)
    out = tmp_path / "pairs.jsonl"
    arguments = ["pairs", "--source", "t0", "--input", str(rows), "--out", str(out), "--json"]
    result = CliRunner().invoke(make_app(), arguments)
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert shown["pairs"] == len(read_pairs(out)) == 12
    assert Path(shown["samples"]).read_text().startswith("# pairs.jsonl")
    for wrong, message in (
        (["--source", "t1"], "t0"),
        (["--source", "templates"], "--task and --rows"),
        (["--source", "paraphrases"], "--bank"),
        (["--source", "paraphrases", "--levels", "word", "--hold-out", "keyboard"], "keyboard"),
        (["--source", "paraphrases", "--levels", "word", "--hold-out", "word"], "no perturbation"),
    ):
        failed = CliRunner().invoke(make_app(), ["pairs", *wrong, *arguments[3:]])
        assert message in str(failed.exception)


def test_pair_defaults() -> None:
    pair = Pair(original="a", paraphrase="b", target="c")
    assert pair.row()["level"] == "semantic"
