"""What a server can be asked, found out by asking: many ignore what they do not know.

Every way to a label's likelihood is tried on numbers that are known by another way. A server that
ignores `echo` returns an answer without it; one that applies a bias before it tells a probability
says that a forced token is certain; one whose echo depends on what was asked before changes it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from harness.core.errors import IncompleteRunError
from harness.models.contract import Likelihood, Offer, Trial, Way
from harness.models.servers.client import Client, Json, MalformedAnswerError, RefusedError
from harness.models.servers.dialect import TOP, Dialect
from harness.models.servers.likelihood import FORCE
from harness.models.servers.protocol import (
    Said,
    Scored,
    read_ids,
    read_message,
    read_said,
    read_text,
    read_tokens,
)
from harness.models.servers.tokenizer import fetch_layout

if TYPE_CHECKING:
    import httpx2

_TEXT: Final = "The capital of France is"
_OTHER: Final = "Two and two are four, and three and three are"
_NEAR: Final = 0.05
"""Nats by which two ways to one number may differ: batches round differently."""
_FEW: Final = 5
"""Likeliest tokens that any server lists."""
WORKS: Final = "works"


class _NotSoError(Exception):
    """What an answer shows a server not to do."""


@dataclass(slots=True)
class Probe:
    """Tries one model of a server; `dialect` and `trials` grow."""

    client: Client
    http: httpx2.AsyncClient
    dialect: Dialect
    trials: list[Trial] = field(default_factory=list)
    _said: Said | None = None
    """What follows `_TEXT`, and the likeliest alternatives."""
    _ids: list[int] = field(default_factory=list)

    async def run(self) -> tuple[Dialect, Offer]:
        """What the server offers, and how to ask for it."""
        if await self._try("completions", self._complete):
            self.dialect = replace(self.dialect, completions=True)
            await self._try("top", self._list_top)
        if await self._try("chat", self._converse):
            self.dialect = replace(self.dialect, chat=True)
        if self.dialect.completions and await self._try("tokens", self._tokenize):
            self.dialect = replace(self.dialect, tokens=True)
        if self.dialect.completions and await self._try("template", self._lay_out):
            self.dialect = replace(self.dialect, template=True)
        way = await self._find_way()
        return self.dialect, self._offer(way)

    def _offer(self, way: Way) -> Offer:
        likelihood: Likelihood = "exact"
        if way == "none":
            likelihood = "top" if Trial("top", WORKS) in self.trials else "none"
        dialect = self.dialect
        return Offer(likelihood, way, dialect.prompt, dialect.chat_prompt, tuple(self.trials))

    async def _find_way(self) -> Way:
        if self._said is None:
            return "none"
        if await self._try("echo", self._echo):
            return "echo"
        if self.dialect.tokens and await self._try("forced", self._force):
            return "forced"
        return "none"

    async def _try(self, what: str, trial: Callable[[], Awaitable[None]]) -> bool:
        try:
            await trial()
        except RefusedError as error:
            if error.status in (401, 403):
                raise
            outcome = "is not there" if error.status in (404, 405) else "is refused"
        except (_NotSoError, MalformedAnswerError) as error:
            outcome = str(error)
        except IncompleteRunError:
            outcome = "fails"
        else:
            outcome = WORKS
        self.trials.append(Trial(what, outcome))
        return outcome == WORKS

    async def _post(self, path: str, body: Json) -> Json:
        """An answer as it is: one that lacks something is no fault to be asked again for."""
        url = f"{self.client.address.url}{path}"
        return await self.client.post(self.http, url, body, lambda answer: answer)

    async def _complete(self) -> None:
        read_text(await self._post("/completions", self.dialect.completion(_TEXT, 1)))

    async def _list_top(self) -> None:
        try:
            self._said = await self._say(_TEXT, logprobs=TOP)
        except RefusedError:
            self._said = await self._say(_TEXT, logprobs=_FEW)
            self.dialect = replace(self.dialect, top=_FEW)
        if len(self._said.top) < 2:
            self._said = None
            raise _NotSoError("is ignored")

    async def _say(self, prompt: str | list[int], **more: object) -> Said:
        try:
            return read_said(
                await self._post("/completions", self.dialect.completion(prompt, 1, **more))
            )
        except MalformedAnswerError as error:
            raise _NotSoError("is ignored") from error

    async def _converse(self) -> None:
        """Ask a chat, by the names that its server knows for what is asked."""
        for changes in (
            {},
            {"limit_key": "max_completion_tokens"},
            {"limit_key": "max_completion_tokens", "tells_temperature": False},
            {"tells_temperature": False},
        ):
            dialect = replace(self.dialect, **changes)
            turns = [{"role": "user", "content": "Say yes."}]
            try:
                read_message(await self._post("/chat/completions", dialect.conversation(turns, 16)))
            except RefusedError as error:
                if error.status not in (400, 422):
                    raise
                trouble = error
                continue
            self.dialect = dialect
            return
        raise trouble

    async def _tokenize(self) -> None:
        url = f"{self.client.address.root}/tokenize"
        body = self.dialect.tokenization(_TEXT, special=True)
        self._ids = read_ids(await self.client.post(self.http, url, body, dict, paid=False))
        if self._said is None:
            said = read_text(await self._post("/completions", self.dialect.completion(_TEXT, 1)))
            same = self.dialect.completion(self._ids, 1)
            if read_text(await self._post("/completions", same)) != said:
                raise _NotSoError("mean another text")
            return
        if not _agree(await self._say(self._ids, logprobs=_FEW), self._said):
            raise _NotSoError("mean another text")

    async def _lay_out(self) -> None:
        turns = [{"role": "user", "content": _TEXT}]
        text = await fetch_layout(self.client, self.dialect, self.http, turns)
        if _TEXT not in text:
            raise _NotSoError("leaves out what a turn says")

    async def _echo(self) -> None:
        """The echo must know of a likely token what was told when it might have been said."""
        for known in self._known.top[:_FEW]:
            first = await self._echoed(_TEXT + known.text)
            if not known.text or first.text != known.text:
                continue  # with the text before it, it is cut into other tokens
            await self._echoed(_OTHER)
            again = await self._echoed(_TEXT + known.text)
            if not _is_near(first, known):
                raise _NotSoError("says other numbers")
            if not _is_near(again, first):
                raise _NotSoError("changes with what was asked before")
            return
        raise _NotSoError("can't be compared")

    async def _echoed(self, text: str) -> Scored:
        """A text's last token by its echo."""
        body = self.dialect.completion(text, 1, echo=True, logprobs=1)
        answer = await self._post("/completions", body)
        if not read_text(answer).startswith(text):
            raise _NotSoError("is ignored")
        own = [token for token in read_tokens(answer) if token.start < len(text)]
        if len(own) < 2 or own[-1].start < 0 or own[-1].logprob is None:
            raise _NotSoError("has no log-probabilities")
        return own[-1]

    async def _force(self) -> None:
        """A token that is not the likeliest must be said with the probability that it was told."""
        told = [one for one in self._known.top if one.text.strip()]
        other = (told or self._known.top)[-1]
        if other.id is None or other.logprob is None:
            raise _NotSoError("tokens have no ids")
        said = await self._say(self._ids, logprobs=1, logit_bias={str(other.id): FORCE})
        if said.token.id != other.id:
            raise _NotSoError("is ignored")
        if not _is_near(said.token, other):
            raise _NotSoError("counts into the probability")
        self.dialect = replace(self.dialect, anchor=other.id)

    @property
    def _known(self) -> Said:
        if self._said is None:
            raise _NotSoError("has nothing to be compared with")
        return self._said


def _agree(one: Said, other: Said) -> bool:
    """Whether two answers say the same first token, about as likely."""
    return one.token.text == other.token.text and _is_near(one.token, other.token)


def _is_near(one: Scored, other: Scored) -> bool:
    return abs((one.logprob or 0.0) - (other.logprob or 0.0)) <= _NEAR
