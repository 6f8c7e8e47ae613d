"""What a page says of answers: which label they move to, and how reliable probabilities are."""

from __future__ import annotations

from dataclasses import replace

from reports.answers import moves_of
from reports.html import render_html
from reports.view import build_view
from tests.support.make_run import make_run

RUN = make_run(examples=20)


def test_moves_have_a_row_a_label_and_a_colour_by_share() -> None:
    counts = [[97, 3, 0], [20, 80, 0], [0, 0, 0]]
    task = replace(
        RUN.summary.tasks["sentiment"], moves={"perturbed": counts, "word": counts, "sentence": []}
    )
    (moves,) = moves_of(replace(RUN.summary, tasks={"sentiment": task}))
    assert moves.answers == ("negative", "positive")
    assert [[one.count for one in row] for row in moves.rows] == [[97, 3], [20, 80]]
    assert [[one.depth for one in row] for row in moves.rows] == [[-1, 1], [3, -1]]
    assert moves.by_level["word"] == [("positive", "negative", 20), ("negative", "positive", 3)]
    assert moves.by_level["sentence"] == []


def test_unparsed_answers_have_a_row_where_there_are_any() -> None:
    counts = [[97, 0, 3], [0, 80, 0], [0, 0, 0]]
    task = replace(RUN.summary.tasks["sentiment"], moves={"perturbed": counts})
    (moves,) = moves_of(replace(RUN.summary, tasks={"sentiment": task}))
    assert moves.answers == ("negative", "positive", "(unparsed)")


def test_a_summary_without_them_has_no_sections() -> None:
    tasks = {
        name: replace(task, moves={}, reliability={}) for name, task in RUN.summary.tasks.items()
    }
    page = render_html(
        build_view([replace(RUN, summary=replace(RUN.summary, tasks=tasks, reliability={}))])
    )
    assert 'id="moves"' not in page
    assert 'id="reliability"' not in page
    whole = render_html(build_view([RUN]))
    assert 'id="moves"' in whole
    assert 'id="reliability"' in whole
    assert 'id="variance"' in whole
