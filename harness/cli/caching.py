"""`harness cache`: what the user cache holds, and emptying it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from harness.cli import options
from harness.cli.command import add_command

if TYPE_CHECKING:
    from harness.core.cache import CacheEntry


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The user cache: responses and converted models.")
    add_command(group, "info", info_command)
    add_command(group, "clear", clear_command)
    app.add_typer(group, name="cache")


def info_command(as_json: options.AsJson = False) -> None:
    """Show where the cache is and what it holds."""
    from harness.cli.terminal import print_json, print_table
    from harness.core.cache import cache_dir, cache_entries

    entries = cache_entries()
    if as_json:
        print_json(
            {
                "path": str(cache_dir()),
                "entries": [
                    {"kind": e.kind, "path": str(e.path), "bytes": e.bytes, "rows": e.responses}
                    for e in entries
                ],
            }
        )
        return
    rows = [
        (
            e.kind,
            e.path.name,
            f"{e.bytes / 1e6:,.1f} MB",
            _describe_content(e),
        )
        for e in entries
    ]
    print_table(f"Cache at {cache_dir()}", ("kind", "name", "size", "responses"), rows)


def _describe_content(entry: CacheEntry) -> str:
    if entry.kind != "responses":
        return "-"
    return "damaged" if entry.responses is None else f"{entry.responses:,}"


def clear_command() -> None:
    """Delete all cached responses. Converted models stay."""
    from harness.core.cache import clear_responses

    typer.echo(f"freed {clear_responses() / 1e6:,.1f} MB")
