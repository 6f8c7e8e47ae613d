"""Input templates: rows as they are, nothing unsaid, and an end within bounds."""

from __future__ import annotations

import time

import pytest

from harness.core.errors import UsageError
from harness.tasks.template import compile_template, map_texts

ROW: dict[str, object] = {
    "text": "warm",
    "n": 0,
    "meta": {"title": "A lamp", "items": [1, 2]},
    "choices": ["red", "blue"],
}


def render(source: str) -> str:
    return compile_template(source, where="task.yaml").render(ROW, row="row 7")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ meta.title }}", "A lamp"),
        ("{{ choices | join(', ') }}", "red, blue"),
        ("{{ choices[0] }}", "red"),
        ("{{ meta['items'] }}", "[1, 2]"),
        ("{{ meta.items | sum }}", "3"),
        ("{{ n + 1 }}", "1"),
        ("{{ text ~ ' ' ~ n }}", "warm 0"),
        ("{% for c in choices %}{{ loop.index }}. {{ c }}\n{% endfor %}", "1. red\n2. blue"),
        ("{{ '%.1f' | format(n) }}", "0.0"),
    ],
)
def test_fields_reach_a_template_as_they_are(source: str, text: str) -> None:
    assert render(source) == text


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ meta.titel }}", "'dict object' has no attribute 'titel'"),
        ("{{ choices[2] }}", "list object has no element 2"),
        ("{{ text.title }}", "it shows the method 'title', no field"),
        ("{{ 1 / n }}", "ZeroDivisionError: division by zero"),
        ("{{ '%(x)s' % {} }}", "KeyError: 'x'"),
        ("{{ '{x}'.format() }}", "KeyError: 'x'"),
        ("{{ text.__class__ }}", "unsafe"),
        ("{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}", "RecursionError"),
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "it takes too many steps",
        ),
        (
            "{% macro f(n) %}{% if n %}{{ f(n-1) ~ f(n-1) }}{% endif %}{% endmacro %}{{ f(40) }}",
            "it takes too many steps",
        ),
        (
            "{% set s = namespace(x=text) %}{% for i in range(60) %}{% set s.x = s.x ~ s.x %}"
            "{% endfor %}{{ s.x }}",
            "it takes too many steps",
        ),
        ("{{ text * 100000000 }}", "it builds more than"),
        ("{{ 9 ** (9 ** 9) }}", "a number that is too large"),
        ("{{ text.center(100000000) }}", "it writes more than"),
    ],
)
def test_a_template_that_fails_is_refused_with_its_row(source: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        render(source)
    assert "task.yaml: the input template fails on row 7: " in str(caught.value)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_template_that_only_wastes_time_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.tasks.sandbox.MAX_SECONDS", 0.2)
    start = time.monotonic()
    with pytest.raises(UsageError, match="it takes longer than"):
        render("{% for a in range(99999) %}{{ text.center(3000000) | length }}{% endfor %}")
    assert time.monotonic() - start < 60


@pytest.mark.parametrize("source", ["{{ lipsum() }}", "{{ choices | random }}"])
def test_nothing_random_is_at_hand(source: str) -> None:
    with pytest.raises(UsageError):
        render(source)


def test_a_template_nested_too_deeply_is_refused() -> None:
    with pytest.raises(UsageError, match="template is not valid"):
        render("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}")


def test_texts_are_mapped_where_they_stand() -> None:
    places: list[str] = []

    def shout(place: str, text: str) -> str:
        places.append(place)
        return text.upper()

    assert map_texts({"a": ["x", 1], "b": None}, shout, "f") == {"a": ["X", 1], "b": None}
    assert places == ["f.a.0"]
