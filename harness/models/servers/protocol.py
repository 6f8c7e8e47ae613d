"""What a server's answers say: OpenAI's protocol, and what llama.cpp and vLLM make of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.models.servers.client import Json, MalformedAnswerError


@dataclass(frozen=True, slots=True)
class Scored:
    """A token with its log-probability."""

    text: str
    logprob: float | None
    """In nats; None of a text's first token, which nothing comes before."""
    id: int | None = None
    """None where the server names tokens by their text alone."""
    start: int = -1
    """Where it begins in the text, in characters; -1 where that is not said."""


@dataclass(frozen=True, slots=True)
class Said:
    """The first token that a model said, and the likeliest ones in its place."""

    token: Scored
    top: tuple[Scored, ...]


def first_choice(answer: Json) -> Mapping[str, object]:
    """The answer's first choice.

    Raises:
        MalformedAnswerError: there is none.
    """
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise MalformedAnswerError("no choices")
    return choices[0]


def read_text(answer: Json) -> str:
    """The text of a completion."""
    text = first_choice(answer).get("text")
    if not isinstance(text, str):
        raise MalformedAnswerError("a choice without text")
    return text


def read_message(answer: Json) -> str:
    """The text of a chat's answer; empty where the model was still reasoning when it ended."""
    message = first_choice(answer).get("message")
    if not isinstance(message, dict):
        raise MalformedAnswerError("a choice without message")
    content = message.get("content")
    if content is None:
        return ""
    if not isinstance(content, str):
        raise MalformedAnswerError("a message without text")
    return content


def read_said(answer: Json) -> Said:
    """The first token of a completion that was asked for log-probabilities."""
    listed = first_choice(answer).get("logprobs")
    if not isinstance(listed, dict):
        raise MalformedAnswerError("no log-probabilities")
    content = listed.get("content")
    if isinstance(content, list) and content and isinstance(content[0], dict):
        others = content[0].get("top_logprobs")
        top = tuple(map(_entry, others if isinstance(others, list) else ()))
        return Said(_entry(content[0]), top)
    scored = read_tokens(answer)
    if not scored:
        raise MalformedAnswerError("no log-probabilities")
    tops = listed.get("top_logprobs")
    first = tops[0] if isinstance(tops, list) and tops else {}
    likeliest = [Scored(str(k), _number(v)) for k, v in dict(first or {}).items()]
    likeliest.sort(key=lambda one: -(one.logprob or 0.0))
    return Said(scored[0], tuple(likeliest))


def read_tokens(answer: Json) -> list[Scored]:
    """The tokens of a completion in the older form, those of an echoed prompt first."""
    listed = first_choice(answer).get("logprobs")
    if not isinstance(listed, dict):
        raise MalformedAnswerError("no log-probabilities")
    tokens, values = listed.get("tokens"), listed.get("token_logprobs")
    starts = listed.get("text_offset")
    if not isinstance(tokens, list) or not isinstance(values, list) or len(tokens) != len(values):
        raise MalformedAnswerError("tokens without log-probabilities")
    if not isinstance(starts, list) or len(starts) != len(tokens):
        starts = [-1] * len(tokens)
    return [
        Scored(str(token), None if value is None else _number(value), start=int(start))
        for token, value, start in zip(tokens, values, starts, strict=True)
    ]


def read_ids(answer: Json) -> list[int]:
    """The tokens that a text was cut into."""
    tokens = answer.get("tokens")
    if not isinstance(tokens, list) or not all(type(one) is int for one in tokens):
        raise MalformedAnswerError("no tokens")
    return tokens


def read_prompt(answer: Json) -> str:
    """The text that turns or tokens were laid out as."""
    prompt = answer.get("prompt", answer.get("content"))
    if not isinstance(prompt, str):
        raise MalformedAnswerError("no prompt")
    return prompt


def listed_models(answer: Json) -> dict[str, Mapping[str, object]]:
    """What `/models` lists, by name."""
    data = answer.get("data")
    entries = data if isinstance(data, list) else []
    return {str(one["id"]): one for one in entries if isinstance(one, dict) and "id" in one}


def messages(turns: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Turns as the protocol writes them."""
    return [{"role": role, "content": content} for role, content in turns]


def _entry(one: object) -> Scored:
    if not isinstance(one, dict) or "logprob" not in one:
        raise MalformedAnswerError("a token without log-probability")
    named = one.get("id")
    return Scored(
        str(one.get("token", "")),
        _number(one["logprob"]),
        named if type(named) is int else None,
    )


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value):
        raise MalformedAnswerError("a log-probability that is no number")
    return float(value)
