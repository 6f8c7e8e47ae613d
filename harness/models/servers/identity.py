"""Which model is served, by what its server tells of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.core.errors import UnknownNameError, UsageError
from harness.models.file_hashes import hash_text
from harness.models.servers.client import Client, Json, RefusedError
from harness.models.servers.dialect import Dialect
from harness.models.servers.protocol import listed_models

if TYPE_CHECKING:
    import httpx2

_OF_ENTRY: Final = ("id", "root", "parent", "meta", "aliases")
_OF_PROPS: Final = (
    "chat_template", "model_path", "model_ftype", "build_info", "bos_token", "eos_token",
)  # fmt: skip
"""What stays the same while a server runs on; it tells times and random marks as well."""


@dataclass(frozen=True, slots=True)
class Served:
    """A model as its server's lists describe it."""

    name: str
    entry: Mapping[str, object]
    """What `/models` says of it; empty where there is no such list."""
    props: Mapping[str, object]
    """What llama.cpp's `/props` says; empty elsewhere."""

    @property
    def chat_template(self) -> str | None:
        """The template, where the server shows it."""
        template = self.props.get("chat_template")
        return template if isinstance(template, str) and template else None

    @property
    def max_context(self) -> int | None:
        """Tokens that a prompt may have with its answer, where the server says so."""
        settings = self.props.get("default_generation_settings")
        n_ctx = settings.get("n_ctx") if isinstance(settings, dict) else None
        for told in (n_ctx, self.entry.get("max_model_len"), self.entry.get("context_length")):
            if isinstance(told, int) and told > 0:
                return told
        return None

    @property
    def parameters(self) -> int:
        """How many weights the model has; 0 where that is not told."""
        meta = self.entry.get("meta")
        told = meta.get("n_params") if isinstance(meta, dict) else None
        return told if isinstance(told, int) else 0

    @property
    def dtype(self) -> str:
        """The weights' number format, where the server says so."""
        told = self.props.get("model_ftype")
        return told if isinstance(told, str) and told else "served"

    def fingerprint(self, url: str, dialect: Dialect, way: str) -> str:
        """A hash of where it is, of what is told of it, and of how it is asked.

        Another model that is put behind the same name and tells the same cannot be told apart.
        """
        entry = {key: self.entry.get(key) for key in _OF_ENTRY}
        props = {key: self.props.get(key) for key in _OF_PROPS}
        asked = [dialect.prompt, dialect.chat_prompt, way]
        return hash_text(json.dumps([url, self.name, entry, props, asked], sort_keys=True))


async def find_served(client: Client, http: httpx2.AsyncClient) -> Served:
    """The model that was named, or the only one.

    Raises:
        UsageError: the server has no such model, or several and none was named.
    """
    address = client.address
    listed = await _list(client, http)
    name = address.model
    if name is None:
        if len(listed) != 1:
            shown = ", ".join(list(listed)[:12]) or "none that it lists"
            raise UsageError(
                f"the server at {address.url} serves {len(listed)} models: {shown}.",
                hint=f"Type: --model openai:NAME --base-url {address.url}",
            )
        name = next(iter(listed))
    aliases = {other: one for one in listed for other in _aliases(listed[one])}
    if listed and name not in listed and name not in aliases:
        raise UnknownNameError(f"model of the server at {address.url}", name, listed)
    entry = listed.get(name) or listed.get(aliases.get(name, ""), {})
    return Served(name, entry, await _props(client, http))


async def _list(client: Client, http: httpx2.AsyncClient) -> dict[str, Mapping[str, object]]:
    try:
        return listed_models(await client.get(http, f"{client.address.url}/models"))
    except RefusedError as error:
        if error.status in (401, 403):
            raise
        return {}


def _aliases(entry: Mapping[str, object]) -> list[str]:
    given = entry.get("aliases")
    return [str(one) for one in given] if isinstance(given, list) else []


async def _props(client: Client, http: httpx2.AsyncClient) -> Json:
    try:
        return await client.get(http, f"{client.address.root}/props")
    except RefusedError:
        return {}
