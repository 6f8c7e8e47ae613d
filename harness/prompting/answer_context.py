"""What the words around a label make of it: a final answer, a statement, a denial, a choice.

Every function reads the text just before or just after a label in cleaned text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final

from harness.grading.label_mentions import Mention

_REMEMBERED: Final = 4096
"""Surroundings whose reading is remembered: a model that loops repeats them by the thousand."""

REASONS: Final = (
    "because|since|as|explanation|explanations|reason|reasons|reasoning|rationale|justification|"
    "note|notes|analysis|begründung|erklärung|explication|explicación|razón|spiegazione|理由|解释|"
    "解釋|説明|설명|이유|пояснение|объяснение|açıklama"
)
_NOUNS: Final = (
    "answer|label|choice|option|verdict|class|classification|category|prediction|sentiment|"
    "relation|relationship|topic|rating|score|conclusion|decision|judge?ment|result|output|"
    "response|stance|emotion|intent|polarity|tone|feeling|antwort|stimmung|réponse|sentiment|"
    "respuesta|sentimiento|risposta|resposta|ответ|тональность|antwoord|svar|odpowiedź|cevap|"
    "yanıt|duygu|उत्तर|الإجابة|الجواب|答案|答え|回答|正解|结论|結論|情感|感情|分类|分類|정답|답|감정|คำตอบ"
)
_IS: Final = (
    r"is|are|was|be|would\ be|should\ be|must\ be|will\ be|remains|est|serait|ist|wäre|lautet|es|"
    r"sería|è|é|seria|это"
)
_CJK_IS: Final = "是|为|為|应该是|應該是|は|が|은|는|이|คือ"
_FILL: Final = r"""(?:[\s"'(\[{:,>=]|\\text\w*\{|\b(?:a|an|the|as|to\ be|option|choice|letter|
    number|label|class|category|answer|indeed|still|therefore|thus|most|more|very|quite|rather|simply|just|
    definite|clear|firm|resounding|solid|strong|big|hard|simple|absolute|emphatic|plain|
    overall|in\ fact|of\ course|\w+ly|option|la|le|el|die|der|das|eine?|une?|une?a)\b)*\Z"""
_FINAL: Final = re.compile(
    rf"""(?:
      \b(?:{_NOUNS})\b(?:\s+(?!not\b|never\b|cannot\b)[\w"'-]+){{0,8}}?\s*(?:\b(?:{_IS})\b|'s\b){_FILL[:-2]}
    | (?:{_NOUNS})(?:{_CJK_IS})\s*["'(]*
    | \b(?:final|correct|best|right|my|endgültige|finale|correcta|correcte|最终|最終|最终的)\s*
      (?:{_NOUNS})\s*["']?\s*(?:[:：=>]|(?:{_CJK_IS})){_FILL[:-2]}
    | \bfinal\s*[:：]{_FILL[:-2]}
    | \\boxed\{{(?:\\\w+\{{)?\s*\(? | \#\#\#\#\s*\(? | <answer>\s*\(? | <label>\s*\(?
    )\Z""",
    re.IGNORECASE | re.VERBOSE,
)
_NAMED_KEY: Final = re.compile(
    rf"(?:{_NOUNS})(?:\s*\([^()\n]{{1,30}}\))?\s*[\"']?\s*(?:[:：=>]|-\s|(?=[(\[])){_FILL}",
    re.IGNORECASE | re.VERBOSE,
)
_ANY_KEY: Final = re.compile(
    rf"""(?:^|\n|["'{{,])\s*(?!(?:{REASONS})\b)\w+(?:[ _-]\w+){{0,3}}["']?\s*[:：=]\s*["'(\[]*\Z""",
    re.IGNORECASE,
)
_STATES: Final = re.compile(
    rf"""(?:
      \bi(?:'d|'ll|'ve|\ would|\ will|\ have\ to|\ must|\ can){{0,2}}\ (?:\w+ly\ )?
        (?:say|answer|choose|prefer|
        chose|pick|go\ (?:with|for)|select|call\ (?:it|this|that)|guess|vote(?:\ for)?|
        lean(?:\ towards?)?|
        (?:classify|label|rate|mark|categori[sz]e)\ (?:it|this|that|the\ \w+)(?:\ \w+)?(?:\ as)?|
        (?:give|assign)\ (?:it|this|that|the\ \w+))
    | \b(?:classified|labell?ed|categori[sz]ed|rated|considered|described|marked|identified|seen|
        regarded|interpreted|reads?|comes\ across|strikes\ me)\ as
    | \b(?:is|are|was|were|seems|seem|appears|looks|sounds|feels|expresses|conveys|indicates|
        suggests|implies|(?:should|must|has\ to|ought\ to|can\ only)\ be|
        mostly|mainly|largely|primarily|predominantly|generally|therefore|thus|hence|so|overall|but|choose|select|pick|option|choice|
        class|label|number|leaving|(?:am|'m)\ going\ with|
        c'est|est|ist|es|è|é|wäre|sage|dirais|diría|direi)
    | \b(?:it|that|this|one|he|she)'s
    | >
    )(?!\w){_FILL}""",
    re.IGNORECASE | re.VERBOSE,
)
_SPACELESS_STATES: Final = re.compile(
    r"""(?:
      (?:所以|因此|因而|故|而|总体|總體|整体|整體|总之|應該|应该|认为|認為|觉得|覺得|判断|判斷|应|應|就|结果|這|这|它)
        [^\s。，！？、；]{0,4}(?:是|为|為|属于|屬於)
    | (?:だから|なので|したがって|よって|つまり|むしろ|따라서|그래서|결국|오히려|ดังนั้น|สรุปว่า)[、,]?
    )[\s"'(]*\Z""",
    re.VERBOSE,
)
_HYPOTHETICAL: Final = re.compile(r"\b(?:could|may|might)\b", re.IGNORECASE)
_RATHER_THIS: Final = re.compile(
    rf"\b(?:not\ so\ much\b[^.,;\n]{{1,40}}\bas|less\b[^.,;\n]{{1,40}}\bthan)\b{_FILL}",
    re.IGNORECASE | re.VERBOSE,
)
"""What "not so much this as that" and "less this than that" say of that."""
_FLATLY: Final = re.compile(
    rf"""(?:\A|[.!?。！\n])\s*(?:(?:but|so|and|wait|no|actually)\b[\s,]*)*
    (?:it|this|that|(?:the|my)\s+(?:\w+\s+)?\w+)\s*
    (?:(?:is|was)\s+not|(?:is|was)n't|'s\s+not)\b{_FILL}""",
    re.IGNORECASE | re.VERBOSE,
)
_FULL_STOP: Final = re.compile(r"[\s\"')\]]*(?:[.!]|\n|\Z)")
_AS_A_NOUN: Final = re.compile(r"\s+(?:from|to|on|here|then|again|please|thanks)\b", re.IGNORECASE)
"""What follows the word of an answer and no noun of its own: "a no from me", "no to that"."""
_YES: Final = "yes|yep|yeah|correct|exactly|definitely|indeed"
_YES_FOLLOWS: Final = re.compile(rf"[\s\"')]*(?:{_YES})\b", re.IGNORECASE)
_PURPOSE: Final = re.compile(
    r"(?:\A|[.!?\n])\s*(?:in order )?to (?:be|answer|say|count as|qualify as|call it) [\"']?\Z",
    re.IGNORECASE,
)
_ALONE: Final = re.compile(
    r"""["\])]|["')\]}\s]*(?:\Z|\n|[.,;:!。，、！)(\]}|<$]|-\s|[–—]|です|だ|である|입니다|이다|ครับ|ค่ะ|的)"""
    r"|\s+(?:because|since|as|is|for|with|and|but|with)\b"
)
_NOT: Final = re.compile(
    r"""\b(?:not(?!\ (?:only|just|merely|simply)\b)|cannot|never|neither|nor|
      no(?!\ (?:doubt|question)\b)|none|nothing(?!\ but)|without(?!\ (?:a\ )?doubt)|hardly|
      barely|scarcely|lacks?|lacking|non|unlikely|less|
      \w+n't(?!\ (?:be\ more|help\ but))|(?:is|was|does|did|do|are|ca|wo)nt|
      if|whether|unless|ob|wenn|si|
      pas|jamais|nicht|kein\w*|não|nao|nie|niet|geen|inte|ikke|не|нет|ليس|ليست|غير|לא)\b
      (?:[\s-]+["']?[\w']+["']?){0,7}[\s"'(-]*\Z""",
    re.IGNORECASE | re.VERBOSE,
)
_OTHER_THAN: Final = re.compile(
    r"\b(?:anything but|far from|instead of|opposite of|than|(?:wrong|incorrect|unfair) to \w+)"
    r"(?:\s+\w+){0,2}[\s\"'(]*\Z",
    re.IGNORECASE,
)
_SPACELESS_NOT: Final = re.compile(
    r"(?:(?<!得)(?<!毫)不(?!得不)|非|没有|沒有|没|未|비|불|ไม่)[\u3400-\u9fff\u0e00-\u0e7f\s\"']{0,4}\Z"
)
_CLAUSE: Final = re.compile(
    r"[.!?;:\n。！？，；,]|\b(?:but|however|yet|therefore|aber|sondern|mais|pero|sino)\b",
    re.IGNORECASE,
)
_ASIDE: Final = re.compile(r",(?:\s+\w+){1,4},")
_DENIED_AFTER: Final = re.compile(
    r"""["')\]]*\s*(?:(?:is|are|was|were|would\ be|seems)\s+(?:\w+\s+){0,2}
      (?:not|wrong|incorrect|false|inaccurate)\b
    |[:=]\s*["']?false\b
    |(?:is|are|was|does|would)n't\b|değil|नहीं
    |的?(?:では|じゃ|で|とは|とも)[^。、\n]{0,6}(?:な[いく]|ません)
    |적?(?:이|가|은|는|이지|하지|지)?\s*(?:아니|아닙|않))""",
    re.IGNORECASE | re.VERBOSE,
)
_SENTENCE: Final = re.compile(r"[^.!?？。！\n]*(?:[?？]+|[.!。！\n]|\Z)")
_SCALE: Final = re.compile(
    r"\b(?:scale|range|from|between)\b[^\d.\n]{0,12}\d+\s*(?:to|and|through|-|–)\s*\d+"
    r"|\(?\b\d+(?:\s+to\s+|–)\d+\b\)?",
    re.IGNORECASE,
)
_OTHER_SCALE: Final = re.compile(r"\d+(?:[.,]\d+)?\s*(?:stars?|points?)?\s*out of\s*\d+")
_TAG_QUESTION: Final = re.compile(
    r",\s*(?:right|correct|(?:\w+n't|is|does|do|are)\s+(?:it|they|he|she|this|that|you))\s*\?+\Z",
    re.IGNORECASE,
)
_LIST_MARK: Final = re.compile(r"^[ \t]*\(?([1-9A-Za-z])[.):](?=[ \t]+\S)", re.MULTILINE)
_FIRST_MARKS: Final = ("12", "AB", "ab")


_CONFIRMED: Final = re.compile(
    rf"""["')\]}}]*\s+(?:is|would\ be|seems|appears)\s+(?:\w+ly\s+)?(?:the\s+)?(?:(?:most|best)\s+)?
    (?:correct|right|true|accurate|appropriate|suitable|best|answer|choice)\b
    |["']?\s*[:=]\s*["']?true\b | ["')\]]*\s*\?\s*(?:{_YES})\b""",
    re.IGNORECASE | re.VERBOSE,
)


@lru_cache(maxsize=_REMEMBERED)
def final_before(before: str) -> bool:
    """Whether what stands before announces a final answer ("The answer is", "####")."""
    return bool(_FINAL.search(before))


@lru_cache(maxsize=_REMEMBERED)
def named_key_before(before: str) -> bool:
    """Whether a key such as "Sentiment:" or "label": stands before."""
    return bool(_NAMED_KEY.search(before))


@lru_cache(maxsize=_REMEMBERED)
def any_key_before(before: str) -> bool:
    """Whether any short key stands before, but for those of explanations."""
    return bool(_ANY_KEY.search(before))


@lru_cache(maxsize=_REMEMBERED)
def states_before(before: str) -> bool:
    """Whether what stands before makes a statement ("I would say", "it seems", "c'est").

    What could be, or may or might, is none.
    """
    if _SPACELESS_STATES.search(before) or _RATHER_THIS.search(before):
        return True
    said = _STATES.search(before)
    return said is not None and not _HYPOTHETICAL.search(_clause(before))


def confirmed_after(after: str) -> bool:
    """Whether what follows calls the label right ("B is correct")."""
    return bool(_CONFIRMED.match(after))


def stands_alone(mention: Mention, after: str) -> bool:
    """Whether nothing that follows makes another word or phrase of the label."""
    one_letter = mention.end - mention.start == 1 and not mention.spaceless
    return not mention.fragile or one_letter or bool(_ALONE.match(after) or _AS_A_NOUN.match(after))


def set_off(after: str) -> bool:
    """Whether a line or a clause ends after the label."""
    return bool(_ALONE.match(after))


@lru_cache(maxsize=_REMEMBERED)
def negated(before: str, after: str) -> bool:
    """Whether the label is denied, or stands under "if" or "whether"."""
    if denied_after(after):
        return True
    if _PURPOSE.search(before) and after.lstrip("\"'").startswith(","):  # "To be X, it would …"
        return True
    if _RATHER_THIS.search(before):
        return False
    clause = _clause(before)
    denied = (_OTHER_THAN.search(before), _NOT.search(clause), _SPACELESS_NOT.search(clause))
    return any(denied)


def denied_after(after: str) -> bool:
    """Whether what follows denies the label ("is wrong", "ではない", a false in JSON)."""
    return bool(_DENIED_AFTER.match(after))


def taken_back(before: str, after: str) -> bool:
    """Whether a sentence says of the label that the answer is not that, and no more."""
    return bool(_FLATLY.search(before) and _FULL_STOP.match(after))


def blank_questions(text: str, *, yes_confirms: bool) -> str:
    """The text without its questions; a question that is the whole answer stays if it is a word.

    Where "yes" is no label of its own, what is asked and answered with yes is said: it stays.
    """

    def blank(sentence: re.Match[str]) -> str:
        if yes_confirms and _YES_FOLLOWS.match(text, sentence.end()):
            return sentence[0]
        return _blank_question(sentence)

    blanked = _SENTENCE.sub(blank, text)
    if re.search(r"\w", blanked):
        return blanked
    return text if len(text.split()) <= 2 else blanked


def blank_scales(text: str, largest: Decimal | None) -> str:
    """The text without list markers and, for labels that are numbers, without the scale."""
    marks = "".join(_LIST_MARK.findall(text))
    if marks.startswith(_FIRST_MARKS):
        text = _LIST_MARK.sub(_spaces, text)
    if largest is None:
        return text
    top = re.escape(f"{largest:f}")
    of_top = rf"(?<=\d)\s*(?:stars?|points?)?\s*(?:/|out of|von|sur|de|su)\s*{top}(?![\d.]\d|\d)"
    text = _OTHER_SCALE.sub(_spaces, re.sub(of_top, _spaces, text))
    return _SCALE.sub(_spaces, text)


def blank_spans(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with some parts replaced by dots that no word can be read across."""
    characters = list(text)
    for start, end in spans:
        characters[start:end] = "·" * (end - start)
    return "".join(characters)


def _clause(before: str) -> str:
    """The clause that the text before a label ends with."""
    return _CLAUSE.split(_ASIDE.sub(" ", before))[-1]


def _blank_question(sentence: re.Match[str]) -> str:
    if not sentence[0].endswith(("?", "？")) or _TAG_QUESTION.search(sentence[0]):
        return sentence[0]
    return _spaces(sentence)


def _spaces(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])
