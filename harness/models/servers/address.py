"""From what the user typed to a server's address, the model's name there, and the key."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from harness.core.errors import UsageError
from harness.models.spec import ModelSpec

PREFIX: Final = "openai:"
_HOSTED: Final = "https://api.openai.com/v1"
_KEY: Final = "OPENAI_API_KEY"
_URL: Final = "OPENAI_BASE_URL"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a model is served."""

    url: str
    """The protocol's root, without a slash at its end, such as http://127.0.0.1:8080/v1."""
    model: str | None
    """Its name there; None where the server is to have one model alone."""
    key: str | None = field(default=None, repr=False)
    """Sent with each request, never written anywhere."""

    @property
    def root(self) -> str:
        """The server's root, where llama.cpp and vLLM have what OpenAI's protocol lacks."""
        return self.url.removesuffix("/v1")

    def hide_key(self, text: str) -> str:
        """The text without the key, which servers like to quote."""
        return text.replace(self.key, "***") if self.key else text


def is_served(spec: ModelSpec) -> bool:
    """Whether a model is named as one of a server's."""
    return spec.name.startswith((PREFIX, "http://", "https://"))


def find_address(spec: ModelSpec) -> Address:
    """The address of a served model.

    `openai:NAME` is at `--base-url`, else at OPENAI_BASE_URL, else at OpenAI's, and is sent the key
    in OPENAI_API_KEY. A URL alone is sent no key unless `--key-env` names one: a task file may
    name a judge by URL, and must not learn a key that way.

    Raises:
        UsageError: no usable URL, or no key where one was named.
    """
    named = spec.name.startswith(PREFIX)
    url = (spec.server.base_url or os.environ.get(_URL) or _HOSTED) if named else spec.name
    model = spec.name.removeprefix(PREFIX) if named else None
    if not named and spec.server.base_url is not None:
        raise UsageError(
            f"--model {spec.name} and --base-url both name a server.",
            hint=f"Type: --model openai:NAME --base-url {spec.server.base_url}",
        )
    if named and not model:
        raise UsageError(
            "--model openai: names no model.",
            hint="Type: --model openai:NAME --base-url URL, or --model URL alone.",
        )
    return Address(_check_url(url), model, _find_key(spec.server.key_env, named=named))


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(
            f"{url!r} is no server's URL.", hint="Type for example: http://127.0.0.1:8080/v1"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            f"the URL of {host} holds a name, a password or a query, and a URL is written into the "
            "run's files.",
            hint="Leave it out; put a key into an environment variable: --key-env NAME",
        )
    return url.rstrip("/")


def _find_key(name: str | None, *, named: bool) -> str | None:
    if name is None and not named:
        return None
    key = os.environ.get(name or _KEY, "").strip() or None
    if key is None and name is not None:
        raise UsageError(
            f"--key-env {name}: there is no such environment variable, or it is empty.",
            hint=f"Type first: export {name}=…",
        )
    if key is not None and not (key.isascii() and key.isprintable()):
        raise UsageError(f"the key in {name or _KEY} holds characters that no header can.")
    return key


def is_exposed(address: Address) -> bool:
    """Whether the key would travel unencrypted to another machine."""
    parts = urlsplit(address.url)
    return address.key is not None and parts.scheme == "http" and not _is_here(parts.hostname or "")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
