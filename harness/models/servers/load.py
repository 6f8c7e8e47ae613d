"""From what was typed to a served model: its address, what it is, what it offers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final

from harness.core.errors import IncompleteRunError, UsageError
from harness.models.contract import ModelInfo, Offer
from harness.models.file_hashes import hash_text
from harness.models.servers.address import Address, find_address, is_exposed
from harness.models.servers.calls import answer_one
from harness.models.servers.client import Client, Patience
from harness.models.servers.dialect import Dialect
from harness.models.servers.identity import Served, find_served
from harness.models.servers.likelihood import EchoScorer, ForcedScorer, LabelScorer
from harness.models.servers.model import ServedModel
from harness.models.servers.pace import Pace
from harness.models.servers.probe import Probe
from harness.models.servers.tokenizer import ServedLayout, ServedText, ServedTokens
from harness.models.spec import ModelSpec
from harness.models.usage import Usage

if TYPE_CHECKING:
    import httpx2

_PROBE_TRIES: Final = 3
_UNKNOWN_CONTEXT: Final = 1_000_000
"""Tokens; a server that does not say how many it takes refuses what is too long itself."""


def load_served(spec: ModelSpec) -> ServedModel:
    """The served model, probed and ready to answer.

    Raises:
        UsageError: nothing answers there, the key or the name is wrong, or an option means nothing
            to a server.
    """
    _check_options(spec)
    address = find_address(spec)
    client = _make_client(spec, address)
    hasty = Patience(client.patience.timeout, tries=_PROBE_TRIES)
    try:
        served, dialect, offer = probe_server(replace(client, patience=hasty))
    except IncompleteRunError as error:
        raise _no_server(address, error) from error
    if not (dialect.completions or dialect.chat):
        raise _no_protocol(address, offer)
    return assemble(spec, client, served, dialect, offer)


def _check_options(spec: ModelSpec) -> None:
    local = ModelSpec(spec.name, server=spec.server)
    for one in fields(ModelSpec):
        if getattr(spec, one.name) != getattr(local, one.name):
            raise UsageError(
                f"--{one.name.replace('_', '-')} says how to load a model, and {spec.name} is "
                "loaded by its server.",
                hint=f"Leave out --{one.name.replace('_', '-')}.",
            )


def _make_client(spec: ModelSpec, address: Address) -> Client:
    server = spec.server
    if server.max_cost is not None and not (server.price_in or server.price_out):
        raise UsageError(
            f"--max-cost {server.max_cost:g} needs the prices of tokens.",
            hint="Type for example: --price-in 0.15 --price-out 0.60 (per million tokens)",
        )
    usage = Usage(server.price_in, server.price_out, server.max_cost)
    usage.check()
    return Client(address, Patience(server.timeout), usage, Pace(server.concurrency))


def probe_server(client: Client) -> tuple[Served, Dialect, Offer]:
    """Which model a server has, how to ask it, and what for.

    Raises:
        UsageError: it has no such model, or wants another key.
        IncompleteRunError: it does not answer.
    """

    async def ask(http: httpx2.AsyncClient) -> tuple[Served, Dialect, Offer]:
        served = await find_served(client, http)
        dialect, offer = await Probe(client, http, Dialect(served.name)).run()
        return served, dialect, offer

    return answer_one(client, ask)


def assemble(
    spec: ModelSpec, client: Client, served: Served, dialect: Dialect, offer: Offer
) -> ServedModel:
    """The served model, with what its server makes of text."""
    template = served.chat_template or f"of {served.name}"
    layout = ServedLayout(client, dialect, template if dialect.has_chat else None)
    url = client.address.url
    info = ModelInfo(
        name=spec.name,
        kind="server",
        path=url,
        fingerprint=served.fingerprint(url, dialect, offer.way),
        parameters=served.parameters,
        dtype=served.dtype,
        device="server",
        max_context=served.max_context or _UNKNOWN_CONTEXT,
        chat_template_hash=served.chat_template and hash_text(served.chat_template),
        offer=offer,
    )
    tokenizer = ServedTokens(layout) if dialect.tokens else ServedText(layout)
    model = ServedModel(info, tokenizer, client, dialect, _scorer(client, dialect, offer))
    model.notes += _notes(client.address, served, offer)
    return model


def _scorer(client: Client, dialect: Dialect, offer: Offer) -> LabelScorer | None:
    if offer.way == "echo":
        return EchoScorer(client, dialect)
    return ForcedScorer(client, dialect) if offer.way == "forced" else None


def _notes(address: Address, served: Served, offer: Offer) -> Iterator[str]:
    yield f"{served.name} is served at {address.url}; tried: {describe_trials(offer)}."
    if is_exposed(address):
        yield f"the key is sent unencrypted to {address.url}: that is no https."


def describe_trials(offer: Offer) -> str:
    """What a server was tried for, in words."""
    return ", ".join(f"{one.what} {one.outcome}" for one in offer.trials)


def _no_server(address: Address, error: IncompleteRunError) -> UsageError:
    return UsageError(
        error.message.replace("does not answer", "can't be used: it does not answer"),
        hint="Start it, or correct the URL: its path mostly ends in /v1.",
    )


def _no_protocol(address: Address, offer: Offer) -> UsageError:
    hint = "Correct the URL."
    if not address.url.endswith("/v1"):
        hint = f"Correct the URL, perhaps to {address.url}/v1"
    return UsageError(
        f"the server at {address.url} neither completes texts nor answers chats: "
        f"{describe_trials(offer)}.",
        hint=hint,
    )
