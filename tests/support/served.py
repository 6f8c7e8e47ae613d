"""A real HTTP server that serves a tiny checkpoint by OpenAI's protocol, on request badly.

What it offers is switched on by name, so that it can be a server that ignores what it is asked; it
counts a bias into its log-probabilities where it is told to; faults strike single requests.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import torch

from harness.models import ModelSpec, load_model
from harness.models.inference.hf import HFModel

NAME: Final = "tiny-model"
EVERYTHING: Final = frozenset(
    {"models", "completions", "chat", "tokens", "template", "echo", "forced", "top", "ids"}
)
FAULTS: Final = ("429", "500", "cut", "garbage", "silence", "length", "hollow")
Fault = Callable[[str, int], str | None]
"""From a path and how often it was asked before to a fault's name, or None."""


@dataclass
class TinyServer:
    """A server and what it was asked."""

    model: HFModel
    offers: frozenset[str] = EVERYTHING
    fault: Fault = lambda path, number: None
    key: str | None = None
    seconds: float = 0.0
    """What an answer takes."""
    url: str = ""
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answered: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _numbers: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def bodies(self, path: str = "/v1/completions") -> list[str]:
        """What was answered under a path, as texts that can be counted."""
        return [json.dumps(body, sort_keys=True) for at, body in self.answered if at == path]

    def note(self, path: str, body: dict[str, Any]) -> str | None:
        """Write down a request; returns the fault that strikes it."""
        with self._lock:
            number = self._numbers[path]
            self._numbers[path] += 1
            self.asked.append((path, body))
            return self.fault(path, number)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Counts those that are being answered."""
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            time.sleep(self.seconds)
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body of an answer."""
        routes: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
            "/v1/completions": ("completions", self._complete),
            "/v1/chat/completions": ("chat", self._converse),
            "/tokenize": ("tokens", self._tokenize),
            "/apply-template": ("template", self._lay_out),
        }
        if path == "/v1/models" and "models" in self.offers:
            return 200, {"object": "list", "data": [{"id": NAME, "created": time.time_ns()}]}
        what, route = routes.get(path, ("", None))
        if route is None or what not in self.offers:
            return 404, {"error": {"message": f"no {path} here", "code": 404}}
        if body.get("model") != NAME:
            return 404, {"error": {"message": f"no model {body.get('model')}"}}
        with self._lock:
            found = route(body)
            self.answered.append((path, body))
        return 200, found

    def _complete(self, body: dict[str, Any]) -> dict[str, Any]:
        prompt = body["prompt"]
        ids = (
            self.model.tokenizer.encode([prompt], special=True)[0]
            if isinstance(prompt, str)
            else list(prompt)
        )
        bias = body.get("logit_bias", {}) if "forced" in self.offers | self._biased else {}
        new, logprobs = self._generate(ids, body["max_tokens"], bias)
        text = self._cut(self.model.tokenizer.decode(new), body.get("stop", ()))
        choice: dict[str, Any] = {"index": 0, "finish_reason": "length", "text": text}
        echoes = bool(body.get("echo")) and "echo" in self.offers
        if echoes and isinstance(prompt, str):
            choice["text"] = prompt + text
        if body.get("logprobs") is not None and "top" in self.offers:
            whole = ids + new if echoes else new
            choice["logprobs"] = self._logprobs(whole, len(whole), logprobs, body, echoes)
        return self._counted(choice, len(ids), len(new))

    @property
    def _biased(self) -> frozenset[str]:
        return frozenset({"forced"}) if "biased" in self.offers else frozenset()

    def _logprobs(
        self,
        ids: list[int],
        length: int,
        first: torch.Tensor,
        body: Mapping[str, Any],
        echoes: bool,
    ) -> dict[str, Any]:
        """llama.cpp's form of a completion, OpenAI's older one where the prompt is echoed."""
        if not echoes and "ids" in self.offers:
            order = first.argsort(descending=True)[: body["logprobs"]].tolist()
            entry = self._entry(first, ids[0])
            return {"content": [{**entry, "top_logprobs": [self._entry(first, i) for i in order]}]}
        texts = [self.model.tokenizer.decode([one]) for one in ids]
        starts = [sum(map(len, texts[:n])) for n in range(length)]
        if not echoes:
            order = first.argsort(descending=True)[: body["logprobs"]].tolist()
            top = {self.model.tokenizer.decode([i]): float(first[i]) for i in order}
            return {"tokens": texts[:1], "token_logprobs": [float(first[ids[0]])],
                    "top_logprobs": [top], "text_offset": starts[:1]}  # fmt: skip
        table = self._distribution(ids)
        values = [float(table[n - 1, token]) for n, token in enumerate(ids) if n]
        return {"tokens": texts, "token_logprobs": [None, *values], "text_offset": starts}

    def _entry(self, first: torch.Tensor, token: int) -> dict[str, Any]:
        text = self.model.tokenizer.decode([token])
        return {"id": token, "token": text, "logprob": float(first[token])}

    def _distribution(self, ids: Sequence[int]) -> torch.Tensor:
        with torch.inference_mode():
            logits = self.model._model(torch.tensor([list(ids)])).logits[0]
        return torch.log_softmax(logits.float(), -1)

    def _generate(
        self, ids: list[int], limit: int, bias: Mapping[str, float]
    ) -> tuple[list[int], torch.Tensor]:
        """New tokens, and the distribution of the first."""
        new: list[int] = []
        first: torch.Tensor | None = None
        while len(new) < limit:
            row = self._distribution(ids + new)[-1]
            biased = row.clone()
            for raised, amount in bias.items():
                biased[int(raised)] += amount
            told = torch.log_softmax(biased, -1) if "biased" in self.offers else row
            first = told if first is None else first
            token = int(biased.argmax())
            if token in self.model._end_ids and not bias:
                break
            new.append(token)
        assert first is not None
        return new, first

    def _converse(self, body: dict[str, Any]) -> dict[str, Any]:
        limit = int(body.get("max_tokens", body.get("max_completion_tokens", 16)))
        prompt = self.model.tokenizer.render_chat(body["messages"])
        (ids,) = self.model.tokenizer.encode([prompt], special=False)
        new, _ = self._generate(ids, limit, {})
        text = self._cut(self.model.tokenizer.decode(new), body.get("stop", ()))
        message = {"role": "assistant", "content": text}
        return self._counted({"index": 0, "message": message}, len(ids), len(new))

    def _cut(self, text: str, stops: Sequence[str]) -> str:
        return text[: min([len(text), *(text.find(one) for one in stops if one in text)])]

    def _counted(self, choice: dict[str, Any], prompt: int, new: int) -> dict[str, Any]:
        return {"choices": [choice], "usage": {"prompt_tokens": prompt, "completion_tokens": new}}

    def _tokenize(self, body: dict[str, Any]) -> dict[str, Any]:
        found = self.model.tokenizer.encode([body["content"]], special=body["add_special"])
        return {"tokens": found[0]}

    def _lay_out(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"prompt": self.model.tokenizer.render_chat(body["messages"])}


def tiny(checkpoint: Path) -> HFModel:
    """The checkpoint as the server's model."""
    model = load_model(ModelSpec(str(checkpoint), device="cpu", dtype="float32"))
    assert isinstance(model, HFModel)
    return model


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that has gone is no news."""


class _Handler(BaseHTTPRequestHandler):
    tiny: TinyServer  # whose answers it sends, set by `serving`
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._handle({})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self._handle(json.loads(self.rfile.read(length)))

    def _handle(self, body: dict[str, Any]) -> None:
        if self.tiny.key is not None and self.headers["Authorization"] != f"Bearer {self.tiny.key}":
            said = f"Incorrect API key provided: {self.headers['Authorization']}"
            self._send(401, {"error": {"message": said}})
            return
        fault = self.tiny.note(self.path, body)
        with self.tiny.at_once():
            self._strike(fault) if fault else self._send(*self.tiny.answer(self.path, body))

    def _strike(self, fault: str) -> None:
        if fault == "silence":
            time.sleep(3)
            self.close_connection = True
        elif fault == "cut":
            self._start(200, 400)
            self.wfile.write(b'{"choices": [{"te')
            self.close_connection = True
        elif fault == "length":
            self._start(200, 5)
            self.wfile.write(b'{"choices": [{"text": "wrong"}]}')
            self.close_connection = True
        elif fault == "garbage":
            self._start(200, 15)
            self.wfile.write(b"<html>oh</html>")
        elif fault == "hollow":
            self._send(200, {"choices": [], "usage": None})
        elif fault == "429":
            self._send(429, {"error": {"message": "slow down"}}, ("Retry-After", "0.01"))
        else:
            self._send(int(fault), {"error": {"message": "trouble"}})

    def _start(self, status: int, length: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Length", str(length)), *headers):
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: int, answer: dict[str, Any], *headers: tuple[str, str]) -> None:
        content = json.dumps(answer).encode()
        self._start(status, len(content), *headers)
        self.wfile.write(content)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # a client that has gone
            self.close_connection = True


@contextmanager
def serving(server: TinyServer) -> Iterator[TinyServer]:
    """The server, listening on a port of this machine."""

    handler = type("Handler", (_Handler,), {"tiny": server})
    http = _QuietServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
