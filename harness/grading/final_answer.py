"""The final answer of a text that reasons first.

The last place at which an answer is announced decides: `\\boxed{…}`, `#### …` (GSM8K's mark),
`<answer>…</answer>`, "The answer is …", "Answer: …", and the like in other languages. What follows
counts to the end of its sentence or line. A text that announces nothing is answered in its last
line.
"""

from __future__ import annotations

import re
from typing import Final

_NOUNS: Final = (
    "answer|solution|result|antwort|lösung|ergebnis|endergebnis|réponse|résultat|respuesta|"
    "resultado|risposta|risultato|resposta|antwoord|ответ|odpowiedź|cevap"
)
_IS: Final = "is|are|was|=>|=|equals|will be|would be|should be|must be|ist|lautet|est|es|è|é"
_SO: Final = "(?:therefore|thus|then|hence|also|simply|indeed)"
_ANNOUNCED: Final = re.compile(
    rf"""\b(?:{_NOUNS})\b(?:\s(?:to|of|for|zu|auf|à|de|a)\s(?:[\w'-]{{1,40}}\s){{1,8}}?)?
      (?:\s?\([^()\n]{{1,40}}\))?[*_"']{{0,3}}\s?
      (?:[:：]|(?:{_SO}\s)?(?:{_IS})(?=\W|$)(?:\s{_SO}\b)?)[*_"']{{0,3}}\s?[:：]?
    | (?:答案|答え|回答|正解|정답|답)\s?(?:应该|應該)?(?:是|为|為|は|が|은|는|이|:|：)\s?[:：]?
    | (?:الإجابة|الجواب)(?:\s(?:هي|هو|النهائية))*\s?:?
    | उत्तर\s?(?:है|:|：)
    | (?<!\#)\#{{4}}(?!\#)""",
    re.IGNORECASE | re.VERBOSE,
)
_BOX: Final = re.compile(r"\\(?:boxed|fbox)\s{0,2}\{")
_TAGGED: Final = re.compile(r"<(?:final_)?answer>(.*?)(?:</(?:final_)?answer>|\Z)", re.DOTALL)
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s+[\"'(]?[A-ZÀ-ÞА-Я])|[。！？]")
_NO_END: Final = re.compile(
    r"(?:\b(?:Dr|Mr|Mrs|Ms|St|Prof|Jr|Sr|vs|No|Nr|Inc|Co|Ltd|Gen|Col|Mt|approx|ca|z\. ?B|d\. ?h)"
    r"|\b[A-Z]|\.[A-Za-z])\Z"
)
_LATEX_TEXT: Final = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}")
_WRAPPING: Final = "*_`\"'“”„«»$"


def final_answer(text: str) -> str | None:
    """The final answer, or the last line where none is announced; None where it is missing.

    Example:
        >>> final_answer("2 + 2 is 4, so the answer is **4**. Anything else?")
        '4'
        >>> final_answer("Let me think.\\nParis.")
        'Paris'
    """
    places = _announcements(text)
    return _announced(text, places) if places else _last_line(text)


def announced_answer(text: str) -> str | None:
    """The final answer where one is announced, without the marks around it.

    Example:
        >>> announced_answer("Paris.") is None
        True
    """
    return _announced(text, _announcements(text))


def _announcements(text: str) -> list[tuple[int, str | None]]:
    """Where what is announced begins, in order; and the answer itself where marks enclose it."""
    found: list[tuple[int, str | None]] = [
        *((match.end(), None) for match in _ANNOUNCED.finditer(text)),
        *((match.start(1), match[1]) for match in _TAGGED.finditer(text)),
        *_boxed(text),
    ]
    return sorted(found, key=lambda place: place[0])


def _announced(text: str, places: list[tuple[int, str | None]]) -> str | None:
    for start, enclosed in reversed(places):
        said = _sentence(text, start) if enclosed is None else enclosed
        if answer := _unwrapped(said):
            return answer
    return None


def _boxed(text: str) -> list[tuple[int, str | None]]:
    """The content of the last \\boxed{…}, braces matched; to its line's end where none closes."""
    start = max((match.end() for match in _BOX.finditer(text)), default=None)
    if start is None:
        return []
    depth = 1
    for brace in re.finditer(r"[{}]", text[start:]):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return [(start, text[start : start + brace.start()])]
    return [(start, text[start:].split("\n", 1)[0])]


def _sentence(text: str, start: int) -> str:
    """The first sentence from `start` on, within its first line that is not blank."""
    line = text[start:].lstrip(" \t\r\n*_:：").split("\n", 1)[0]
    for end in _SENTENCE_END.finditer(line):
        if not _NO_END.search(line[: end.start()][-12:]):
            return line[: end.start()]
    return line


def _last_line(text: str) -> str | None:
    lines = (_unwrapped(line) for line in reversed(text.splitlines()))
    return next((line for line in lines if line), None)


def _unwrapped(said: str) -> str:
    """The answer without quotes, Markdown, dollar signs of LaTeX and a closing stop."""
    said = _trimmed(_LATEX_TEXT.sub(r"\1", said))
    return _trimmed(re.sub(r"(?<!\.\w)[.。]\Z", "", said))


def _trimmed(said: str) -> str:
    kept = [at for at, sign in enumerate(said) if not (sign.isspace() or sign in _WRAPPING)]
    return said[kept[0] : kept[-1] + 1] if kept else ""
