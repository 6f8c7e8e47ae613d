"""Chat templates: rendered as transformers does, whole, or refused in one line and in time."""

from __future__ import annotations

import os
import time
from datetime import datetime, tzinfo

import pytest
from transformers.utils import chat_template_utils

from harness.core.errors import UsageError
from harness.models.loading.chat_renderer import Limits
from harness.models.loading.chat_template import ChatTemplate
from harness.models.loading.chat_worker import TODAY
from harness.models.loading.tokenizer import HFTokenizer
from tests.support.tiny_models import CHAT_TEMPLATE, make_tokenizer

USER = [{"role": "user", "content": "Is it good?\n\nA warm film."}]
TALK = [
    {"role": "user", "content": "Is it good?\n\nA cold film."},
    {"role": "assistant", "content": "Answer: no"},
    *USER,
]
SYSTEM = [{"role": "system", "content": "Be brief."}, *USER]
PARTS = (
    "{% for m in messages %}<|{{ m['role'] }}|>{% for c in m['content'] %}"
    "{% if c['type'] == 'text' %}{{ c['text'] }}{% endif %}{% endfor %}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

TEMPLATES = {
    "plain": CHAT_TEMPLATE,
    "chatml": (
        "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>'"
        " + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
        "{% endif %}"
    ),
    "llama": (
        "{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0"
        ") %}{{ raise_exception('roles must alternate') }}{% endif %}{% if m['role'] == 'user' %}"
        "{{ '[INST] ' + m['content'] | trim + ' [/INST]' }}{% else %}"
        "{{ ' ' + m['content'] | trim + ' ' + eos_token }}{% endif %}{% endfor %}"
    ),
    "with a date": "{{ strftime_now('%A, %d %B %Y %H:%M') }}" + CHAT_TEMPLATE,
    "with a date unless it is told one": (
        "{% if not date_string is defined %}{% if strftime_now is defined %}"
        "{% set date_string = strftime_now('%d %b %Y') %}{% endif %}{% endif %}"
        "Today Date: {{ date_string }}" + CHAT_TEMPLATE
    ),
    "with dictionaries": (
        "{% set d = dict([('b', 2)], a='é<') %}{{ dict.fromkeys(['x', 'y'], 1) | tojson }}"
        "{{ d | tojson(separators=(',', ':'), sort_keys=true) }}{{ d | tojson(ensure_ascii=true) }}"
        "{% for m in messages %}{{ m.content }}{% endfor %}"
    ),
    "with loops that go on": (
        "{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}"
        "{{ m.content }}{% endfor %}{% for m in messages if m.role == 'system' %}"
        "{{ m.content }}{% else %}none{% endfor %}"
    ),
    "with thoughts switched off": (
        "{% for m in messages %}{{ m.content.lstrip() }}{% endfor %}"
        "{% if enable_thinking is defined and enable_thinking is false %}<think></think>{% endif %}"
    ),
    "with a namespace": (
        "{%- set ns = namespace(first=true, n=0) -%}\n{%- for m in messages -%}\n"
        "  {%- if ns.first -%}{%- set ns.first = false -%}{{ bos_token }}{%- endif -%}\n"
        "  {%- set ns.n = ns.n + 1 -%}\n"
        "  {{ ns.n }}: {{ m.content }}{% if loop.last %}{% break %}{% endif %}\n{%- endfor -%}"
    ),
    "in JSON": "{{ messages | tojson }}",
    "in indented JSON": "{{ messages | tojson(indent=2) }} {{ dict(a=1) | tojson }}",
    "generation": (
        "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}"
    ),
    "no tools": "{% if tools is none and not documents %}{{ messages[0].content }}{% endif %}",
    "macros": "{% macro say(m) %}<{{ m.role }}>{{ m.content }}{% endmacro %}"
    "{% for m in messages %}{{ say(m) }}\n{% endfor %}",
}


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("messages", [USER, TALK, SYSTEM], ids=["user", "talk", "system"])
def test_what_is_rendered_is_what_transformers_renders(
    name: str, messages: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Then(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return TODAY

    monkeypatch.setattr(chat_template_utils, "datetime", Then)
    raw = make_tokenizer()
    raw.chat_template = TEMPLATES[name]
    options = {"tokenize": False, "add_generation_prompt": True}
    try:
        expected = raw.apply_chat_template(messages, **options)
    except Exception as error:
        with pytest.raises(UsageError, match=str(error)):
            HFTokenizer(raw).render_chat(messages)
        return
    if messages[0]["content"] not in expected and "JSON" not in name:
        pytest.skip("a template that leaves something out: see below")
    if name == "no tools" and len(messages) > 1:
        pytest.skip("a template that leaves something out: see below")
    assert HFTokenizer(raw).render_chat(messages) == expected


def render(source: str, messages: list[dict[str, str]], *, seconds: float = 10) -> str:
    return ChatTemplate(source, {"bos_token": "<s>"}, Limits(seconds=seconds)).render(messages)


def complaint(source: str, messages: list[dict[str, str]] = USER, *, seconds: float = 10) -> str:
    with pytest.raises(UsageError) as caught:
        render(source, messages, seconds=seconds)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    assert "--prompt-format plain" in message
    return message


def test_a_template_that_wants_parts_is_given_parts() -> None:
    assert render(PARTS, TALK) == (
        "<|user|>Is it good?\n\nA cold film.<|end|><|assistant|>Answer: no<|end|>"
        "<|user|>Is it good?\n\nA warm film.<|end|><|assistant|>"
    )


@pytest.mark.parametrize(
    "source",
    [
        "constant",
        "{{ bos_token }}",
        "{% for m in messages %}<|{{ m.role }}|>{% endfor %}",
        "{{ messages[0].content[:40] }}",
        "{{ messages[0].content.split('\n')[0] }}",
        "{{ messages[0].content.split('\n')[-1] }}",
        "{{ messages[0].content | length }}",
        "{{ messages[0].text }}",
        "{% for m in messages if m.role == 'human' %}{{ m.content }}{% endfor %}",
    ],
)
def test_a_template_that_leaves_text_out_is_refused(source: str) -> None:
    assert "leaves out what the role 'user' says" in complaint(source)


@pytest.mark.parametrize("source", ["", "  \n"])
def test_an_empty_template_is_refused(source: str) -> None:
    assert "is empty" in complaint(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages[0].content.split('###')[0] }}",
        "{{ messages[0].content.split('</think>')[-1] }}",
        "{% if 'warm' in messages[0].content %}short{% else %}{{ messages[0].content }}{% endif %}",
        "{{ messages[0].content | replace('film', '') }}",
    ],
)
def test_a_text_that_a_template_cuts_is_refused(source: str) -> None:
    asked = [{"role": "user", "content": "A warm film</think> of love ### Good?"}]
    assert "or part of it" in complaint(source, asked)


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages[0].content | trim }}",
        "{{ messages[0].content | tojson }}",
        "{{ messages[0].content | tojson(ensure_ascii=True) }}",
        "{{ messages[0].content.split() | join(' ') }}",
    ],
)
def test_a_text_in_another_dress_is_whole(source: str) -> None:
    assert render(source, [{"role": "user", "content": '  Say "é" \n\n or\n漢 '}])


def test_a_role_that_is_left_out_is_named() -> None:
    source = "{% for m in messages if m.role != 'system' %}{{ m.content }}{% endfor %}"
    assert render(source, TALK)
    assert "leaves out what the role 'system' says" in complaint(source, SYSTEM)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ messages | length + 'x' }}", "TypeError"),
        ("{{ messages[0]['content'] / 0 }}", "TypeError"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ {}.pop('x') }}", "unsafe"),
        ("{{ [][1].x }}", "no element 1"),
        ("{{ 'x' | int(base=99) ~ 10 ** -400 ~ (10.0 ** 400) }}", "OverflowError"),
        ("{{ nothing.at.all }}", "'nothing' is undefined"),
        ("{{ nothing() }}", "'nothing' is undefined"),
        ("{% if %}", "Expected an expression"),
        ("{{ raise_exception('one\ntwo') }}", "one"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "RecursionError"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{% set ns = namespace() %}{% set ns.__x = 1 %}", "can't hold"),
        ("{% include 'x' %}", "no loader"),
        ("{{ messages.append(1) }}", "unsafe"),
    ],
)
def test_a_template_that_fails_is_told_in_one_line(source: str, reason: str) -> None:
    assert reason in complaint(source)


HANGING = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a power": "{{ (10 ** (10 ** 9)) > messages[0].n }}",
    "a power while it is compiled": "{{ 10 ** (10 ** 10) }}",
    "when a text says so": "{% if 'warm' in messages[0].content %}{% for a in range(99999) %}"
    "{% for b in range(99999) %}{% endfor %}{% endfor %}{% endif %}{{ messages[0].content }}",
}


@pytest.mark.parametrize("name", HANGING)
def test_a_template_that_does_not_end_is_ended(name: str) -> None:
    start = time.monotonic()
    assert "takes longer than 1 seconds" in complaint(HANGING[name], seconds=1)
    assert time.monotonic() - start < 15


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{{ 'x' * 9999 }}{% endfor %}",
        "{{ 'x' * 20000000 }}",
        "{{ 'x' * 10 ** 11 }}",
        "{{ 'x'.center(10 ** 11) }}",
        "{% set ns = namespace(s='x') %}{% for a in range(99) %}{% set ns.s = ns.s ~ ns.s %}"
        "{% endfor %}{{ ns.s }}",
    ],
)
def test_a_template_that_writes_too_much_is_ended(source: str) -> None:
    message = complaint(source)
    assert any(why in message for why in ("writes more than", "MemoryError", "time or memory"))


def test_one_bad_text_does_not_spoil_the_next() -> None:
    source = "{% if 'cold' in messages[0].content %}{{ 1 / 0 }}{% endif %}{{ messages[0].content }}"
    template = ChatTemplate(source, {})
    for _ in range(2):
        assert template.render(USER) == USER[0]["content"]
        with pytest.raises(UsageError, match="ZeroDivisionError"):
            template.render([{"role": "user", "content": "cold"}])
    slow = ChatTemplate(HANGING["when a text says so"], {}, Limits(seconds=1))
    calm = [{"role": "user", "content": "calm"}]
    assert slow.render(calm) == "calm"
    with pytest.raises(UsageError, match="takes longer"):
        slow.render(USER)
    assert slow.render(calm) == "calm"


def test_texts_of_any_kind_arrive_as_they_are() -> None:
    text = "a\u2028b\x00c\ud800d\r\ne{{ 1 }}{% raw %}é漢" + "x" * 300_000
    template = ChatTemplate("{{ messages[0].content }}", {})
    assert template.render([{"role": "user", "content": text}]) == text


def test_a_forked_process_renders_on_its_own() -> None:
    template = ChatTemplate("{{ messages[0].content }}", {})
    assert template.render(USER) == USER[0]["content"]
    child = os.fork()
    if child == 0:
        os._exit(0 if template.render(USER) == USER[0]["content"] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert template.render(USER) == USER[0]["content"]


@pytest.mark.parametrize(
    "template", ["<|assistant|><think>\n", "{% if x is not defined %}<think>{% endif %}"]
)
def test_a_prompt_that_ends_in_a_thought_is_noted(template: str) -> None:
    raw = make_tokenizer()
    raw.chat_template = "{{ messages[0].content }}" + template
    assert "inside <think>" in HFTokenizer(raw).notes[0]


def test_the_day_is_always_the_same_and_it_is_noted() -> None:
    raw = make_tokenizer()
    raw.chat_template = "Today: {{ strftime_now('%d %b %Y') }}. {{ messages[0].content }}"
    tokenizer = HFTokenizer(raw)
    assert tokenizer.render_chat(USER).startswith("Today: 26 Jul 2024. ")
    assert tokenizer.notes == [
        "the chat template shows the date: it is told 26 July 2024 on every day, so that a prompt "
        "does not change with the day."
    ]


def test_a_thought_that_is_closed_is_not_noted() -> None:
    raw = make_tokenizer()
    raw.chat_template = "{{ messages[0].content }}<think>\n\n</think>\n"
    assert HFTokenizer(raw).notes == []


def test_whether_a_template_is_text_is_checked() -> None:
    raw = make_tokenizer()
    raw.chat_template = ["a", "b"]
    with pytest.raises(UsageError):
        HFTokenizer(raw).render_chat(USER)
