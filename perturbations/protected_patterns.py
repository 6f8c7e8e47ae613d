"""What kinds of text a perturbation must leave alone, each as one pattern.

Lengths are bounded throughout, so that a stray mark neither protects half a text nor costs
quadratic time.
"""

from __future__ import annotations

import re
from typing import Final

LABEL: Final = "label word"
NEGATION: Final = "negation"
NUMBER: Final = "number"
IDENTIFIER: Final = "identifier"

# A table of rows between bars, with or without a rule; YAML before the text; mathematics.
_BAR: Final = r"[ \t]*(?:\|[^\n]*\||\+[-=+]{2,}\+)[ \t]*$"
_LAID_OUT: Final = re.compile(
    r"^[^\n|]*\|[^\n]*\n[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$"
    r"(?:\n[^\n|]*\|[^\n]*)*"
    rf"|^{_BAR}(?:\n{_BAR})+"
    r"|\A---[ \t]*\n[\s\S]{0,4000}?\n(?:---|\.\.\.)[ \t]*$"
    r"|\$\$[^$]{1,2000}\$\$|\\\([\s\S]{1,400}?\\\)|\\\[[\s\S]{1,2000}?\\\]"
    r"|\\begin\{(?P<block>\w{1,30}\*?)\}[\s\S]{0,4000}?\\end\{(?P=block)\}"
    r"|(?<![\w$\\])\$(?=[A-Za-z]\$|[^$\n]{0,200}[\\^_={}+*/<>])[^\s$](?:[^$\n]{0,200}[^\s$])?\$(?![\w$])",
    re.MULTILINE,
)

# A fence that is never closed goes on to the end, as in Markdown.
_CODE: Final = re.compile(
    r"^[ \t]{0,3}(?P<fence>`{3,}|~{3,})[\s\S]*?(?:^[ \t]{0,3}(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?<!`)`{2}(?!`)[^\n]{1,200}?(?<!`)`{2}(?!`)"
    r"|^(?: {4}|\t)[^\n]*[^\s][^\n]*$"
    # A call, an identifier of several words, a LaTeX command.
    r"|(?<![\w.])[A-Za-z_][\w.]{0,60}\([^()\n]{0,80}\)"
    r"|(?<!\w)[^\W_]*[a-z][A-Z][^\W_]*(?!\w)|(?<!\w)[^\W_]+(?:_+[^\W_]+)+(?!\w)|\\[A-Za-z]{2,}",
    re.MULTILINE,
)
_MARKUP: Final = re.compile(
    r"</?[A-Za-z][\w:.-]*(?:[\s/][^<>]{0,400})?>|<!--[\s\S]{0,400}?-->|<[!?|｜][^<>]{0,300}>"
    r"|&(?:#\d{1,7}|#x[\da-fA-F]{1,6}|[A-Za-z][A-Za-z\d]{1,30});"
    # A shortcode such as `:smile:`, and a tokenizer's piece.
    r"|(?<![\w:]):[a-z\d][a-z\d_+-]{1,40}:(?![\w:])|▁\w{1,40}"
)
_PLACEHOLDER: Final = re.compile(
    r"\$\{[^{}\n]{0,100}\}|\$[A-Za-z_]\w*|%\([^()\n]{1,60}\)[#0+ -]?\d*(?:\.\d+)?[a-zA-Z]"
    r"|%[#0+-]?\d*(?:\.\d+)?[sdifrxgeu](?![^\W\d_])|%[A-Za-z_]\w{0,40}%"
    r"|\[\[[^\[\]\n]{1,80}\]\]|\[[A-Z][A-Z0-9_ /-]{0,60}\]|<<[^<>\n]{1,80}>>|__\w{1,60}__"
    r"|\[(?:insert|your|the|input|text|name|label|answer)\b[^\[\]\n]{0,60}\]"
)
_JSON_LIST: Final = re.compile(r"\[\s*(?:[\"'“\d-]|true\b|false\b|null\b)[^\[\]]{0,2000}\]")
_ADDRESS: Final = re.compile(
    r"\b(?:mailto|tel|doi|arXiv):\S{0,80}\w|[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]|www\.[^\s<>\"']*[^\s<>\"'.,;:!?)\]]"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}"
    # Host names, files and dotted names: `example.com/rules`, `data.csv`, `np.mean`.
    r"|(?<![\w.@-])[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.[A-Za-z][A-Za-z0-9]{0,20}(?!\w)"
    r"(?::\d+)?(?:/[^\s<>\"']*[^\s<>\"'.,;:!?)\]])?"
    r"|(?<![\w@])[@#][A-Za-z_]\w{0,60}"
)
_PATH: Final = re.compile(
    r"(?<![\w/.~<])(?:~|\.{1,2})?/[\w.@~+-]{1,80}(?:/[\w.@~+-]{0,80}){0,30}"
    r"|(?<![\w/])[\w.-]{1,80}(?:/[\w.-]{1,80}){2,30}/?"
    r"|(?<!\w)(?:[A-Za-z]:\\|\\\\)(?:[\w .()-]{1,60}\\){0,20}[\w.()-]{0,60}"
)
_FLAG: Final = re.compile(
    r"(?<![\w=])[A-Za-z_]\w{0,40}=[^\s,;]{0,79}[^\s,;.:!?)]|(?<![\w-])--?[A-Za-z][\w-]{0,40}(?:=[^\s,;]{1,80})?"
)
_NEGATION: Final = re.compile(
    r"(?<![^\W_])(?:no[ -]one|not|no|never|neither|nor|none|nobody|nothing|nowhere|without|cannot"
    r"|unless|except(?:ing)?|hardly|barely|scarcely|[a-z]+n['’]t"
    r"|(?:do|does|did|is|are|was|were|ca|wo|has|have|had|could|should|would|must)nt"
    # de, fr, es, it, pt, nl, sv, da, fi, pl, cs, tr, ru, uk
    r"|nicht|nichts|nie|niemals|kein(?:e[mnrs]?)?|ohne|weder|pas|jamais|sans|aucune?|rien|ne"
    r"|nunca|jamás|ningun[ao]s?|ningún|tampoco|sin|non(?!-)|mai|senza|nessun[oa]?|não|nem|sem|nenhuma?"
    r"|niet|geen|nooit|zonder|inte|ikke|aldrig|utan|uden|ei|eivät|älä|ilman|nigdy|bez|není"
    r"|değil|yok|hiç|asla|не|нет|ни|без|никогда|ні|немає)"
    r"(?![^\W_])"
    # zh, ja, ko, th, ar, he, hi: no spaces or no word boundary that could be relied on
    r"|[不没沒无無非否未勿]|ない|なく|ません|ずに|않|못하|아니|없|안 |ไม่|नहीं|बिना|ليس|بدون|ללא",
    re.IGNORECASE,
)
_UNITS: Final = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    "|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    "|hundreds?|thousands?|millions?|billions?|trillions?|dozens?|once|twice|thrice|half|halves"
)
_ORDINALS: Final = (
    "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth"
    "|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth"
    "|fortieth|fiftieth|sixtieth|seventieth|eightieth|ninetieth|hundredth|thousandth|millionth"
)
_MONTHS: Final = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
    "|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec"
)
_NUMBER: Final = re.compile(
    rf"(?<!\w)(?:{_MONTHS})\.?\s\d{{1,4}}(?:st|nd|rd|th)?(?:,?\s\d{{4}})?\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?(?:{_MONTHS})\b(?:,?\s\d{{4}})?"
    r"|[+$€£¥-]?\d+(?:[.,:/-]\d+)*(?:\s?%|\sper\s?cent\b|(?:st|nd|rd|th|s|k|x|am|pm)\b)?"
    r"|(?<![^\W_])an?\s(?:dozen|hundred|thousand|million|billion|half)(?![^\W_])"
    rf"|(?<![^\W_])(?:{_UNITS}|(?:{_ORDINALS})s?)(?:\sper\s?cent)?(?![^\W_])"
    r"|[〇一二三四五六七八九十百千万萬億两兩]",
    re.IGNORECASE,
)
_SYMBOL: Final = (
    "[kcmµn]?m|mi|ft|yd|[kmµ]?g|lbs?|oz|[cdm]?[lL]|ha|[kKMGT]i?[Bb]|bps|[kMG]?Hz|[kMG]?Wh?|[mk]?V|mA|kcal|k?J"
    "|[mµn]?s|min|hrs?|h|mph|km/h|kn|px|pt|dpi|fps|ppm|percent|pp|mol|bar|[kMh]?Pa|°[CF]|[CFK]"
)
_CURRENCY: Final = "EUR|USD|GBP|CHF|JPY|CNY|INR|AUD|CAD|SEK|BTC"
# Units by their symbols, which are no words: a slip makes another unit of them.
_QUANTITY: Final = re.compile(
    rf"(?<!\w)[+-]?\d[\d.,/–-]{{0,30}}\s?(?:°\s?)?(?:(?:{_SYMBOL})[²³]?(?:/(?:{_SYMBOL}|d|l))?|{_CURRENCY})(?!\w)"
    rf"|(?<!\w)(?:{_CURRENCY})\s?\d[\d.,]{{0,30}}"
    r"|\d\s?(?:[ap]\.m\.|[AaPp][Mm]\b)|\d{4}-\d\d-\d\dT[\d:.]{4,15}(?:Z|[+-]\d\d:?\d\d)?"
    r"|(?<!\w)(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?(?!\w)"
)
_PART: Final = "Part|Chapter|Section|Type|Phase|Class|Volume|Act|Level|Grade|Stage|War|Step|Table"
_OPTION: Final = (
    "[Oo]ption|[Aa]nswer|[Cc]hoice|[Ss]entence|[Tt]ext|[Ss]tatement|[Pp]assage|[Ll]abel"
)
# What names one thing without being a word: `GPT-4`, `v2.3.1`, `N/A`, `(b)`, `Part IV`, `Fig. 2`.
_IDENTIFIER: Final = re.compile(
    r"(?<!\w)(?!\d+(?:st|nd|rd|th|[skx]|am|pm)\b)(?=[A-Za-z0-9.+-]{0,40}?\d)(?=[A-Za-z0-9.+-]{0,40}?[A-Za-z])[A-Za-z0-9]{1,40}"
    r"(?:[.+-][A-Za-z0-9]{1,40}){0,8}(?!\w)"
    r"|(?<!\w)[A-Z]{1,4}(?:[/&;][A-Z]{1,4}){1,3}(?!\w)|(?<!\w)(?:[A-Z]\+\+|[CF]#|\.NET)(?!\w)|\*\.[a-z\d]{1,5}\b"
    r"|(?<!\w)(?:ISBN(?:-1[03])?|ISSN|DOI|PMID|RFC)[:\s]\s?[\dX][\w./-]{0,60}"
    r"|(?<!\w)(?:[Pp]{1,2}|[Ff]ig|[Ss]ec|[Ee]q|[Nn]o|[Vv]ol|[Cc]h)\.\s?\d+"
    r"|(?<!\w)(?=[MDCLXVI]{2})M{0,3}(?:C[MD]|D?C{0,3})(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})(?!\w)"
    rf"|(?<!\w)(?:{_PART})\s[IVX]{{1,6}}(?!\w)|(?<!\w)[ivxlc]{{1,6}}\)|(?<!\w)[A-Za-z]\)"
    rf"|(?<![\w.'’])[B-HJ-Z](?![\w'’])|(?<!\w)(?<=\s)(?:{_OPTION})\sA(?!\w)|(?<![\w])A(?=[,/]?\s?(?:or\s|and\s)?[B-Z](?!\w))"
    r"|^[ \t]*(?:[A-Z]|[ivx]{1,5})[.:](?=\s)",
    re.MULTILINE,
)
# An apostrophe between letters neither opens nor closes a quotation.
_QUOTATION: Final = re.compile(
    r"\"\"\"[\s\S]{1,2000}?\"\"\"|(?<![A-Za-z0-9])\"[^\"\n]{0,600}\"|``[^`'\n]{1,200}''|`[^`\n]{1,200}`"
    r"|“[^“”]{1,600}”|”[^”\n]{1,200}”|„[^„“”\"\n]{1,600}[“”\"]|«[^«»]{1,600}»|»[^«»\n]{1,600}«"
    r"|‹[^‹›\n]{1,300}›|›[^‹›\n]{1,300}‹|「[^「」]{1,300}」|『[^『』]{1,300}』|《[^《》]{1,300}》"
    r"|‚[^‚‘’\n]{1,300}[‘’]"
    r"|(?<!\w)'(?!\s)(?:[^'\n]|(?<=\w)'(?=\w)){1,200}?(?<!\s)'(?!\w)"
    r"|(?<!\w)‘(?!\s)(?:[^’\n]|(?<=\w)’(?=\w)){1,200}?(?<!\s)’(?!\w)"
)

PATTERNS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("code", _CODE),
    ("code", _LAID_OUT),
    ("placeholder", _PLACEHOLDER),
    ("placeholder", _MARKUP),
    ("code", _JSON_LIST),
    ("URL", _ADDRESS),
    ("path", _PATH),
    ("flag", _FLAG),
    ("quotation", _QUOTATION),
    (NEGATION, _NEGATION),
    (IDENTIFIER, _IDENTIFIER),
    (IDENTIFIER, _QUANTITY),
    (NUMBER, _NUMBER),
)
"""(reason, what has it), the weightiest reason first."""
