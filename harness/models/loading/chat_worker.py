"""A process of its own that renders one chat template, so that no template can hang its caller.

Run as a script with `SECONDS CHARACTERS BYTES PATH...`: limits of a rendering's time, text and
memory, and where jinja2 lies. Each line on stdin is one JSON value, the first the template's
source, the others its variables; each is answered by one line, `{"text": ...}` or
`{"error": ...}`. The operating system ends the process when a rendering takes too long: that
works inside a single endless operation, too, where Python's own limits are not looked at.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, TextIO

TODAY: Final = datetime(2024, 7, 26, 12)
"""What every template is told is now: a prompt must not change with the day that it is asked on.

It is the day that templates of Llama 3 show where they are told none."""


def make_environment() -> Any:
    """A sandbox with what transformers offers a chat template, and nothing else."""
    from jinja2 import TemplateError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: object) -> None:
        raise TemplateError(str(message))

    class MakeDict:
        """`dict` and its `fromkeys`: not the class, whose attributes lead elsewhere."""

        def __call__(self, *args: Any, **values: Any) -> dict[Any, Any]:
            return dict(*args, **values)

        def fromkeys(self, *args: Any) -> dict[Any, Any]:
            return dict.fromkeys(*args)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_generation(), loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = raise_exception
    environment.globals["namespace"] = _namespace()
    environment.globals["dict"] = MakeDict()
    environment.globals["strftime_now"] = TODAY.strftime
    return environment


def _generation() -> Any:
    """The extension `{% generation %}`, which marks what an assistant said; here it is text."""
    from jinja2 import nodes
    from jinja2.ext import Extension
    from jinja2.parser import Parser

    class Generation(Extension):
        tags = {"generation"}  # noqa: RUF012  (jinja's own shape)

        def parse(self, parser: Parser) -> nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.CallBlock(self.call_method("_say"), [], [], body).set_lineno(line)

        def _say(self, caller: Any) -> str:
            return str(caller())

    return Generation


def _namespace() -> Any:
    """`namespace` without names that begin with an underscore: no way to internals."""
    from jinja2.exceptions import SecurityError
    from jinja2.utils import Namespace

    def check(name: object) -> None:
        if str(name).startswith("_"):
            raise SecurityError(f"a namespace can't hold {name!r}")

    class Names(Namespace):
        def __init__(*args: Any, **values: Any) -> None:
            own, *given = args  # so that a template may have a name `self`
            for name in dict(*given, **values):
                check(name)
            Namespace.__init__(own, *given, **values)

        def __setitem__(self, name: str, value: Any) -> None:
            check(name)
            super().__setitem__(name, value)

    return Names


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON without jinja's escapes for HTML."""
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def render(template: Any, variables: dict[str, Any], limit: int) -> str:
    """The rendered text.

    Raises:
        ValueError: it is longer than `limit` characters.
    """
    chunks: list[str] = []
    room = limit
    for chunk in template.generate(**variables):
        room -= len(chunk)
        if room < 0:
            raise ValueError(f"it writes more than {limit:,} characters")
        chunks.append(chunk)
    return "".join(chunks)


def serve(requests: TextIO, answers: TextIO, *, seconds: float, limit: int) -> None:
    """Answers each line until there are no more."""
    template: Any = None
    for line in requests:
        with _deadline(seconds):
            try:
                content = json.loads(line)
                if template is None:
                    template, text = make_environment().from_string(content), ""
                else:
                    text = render(template, content, limit)
                answer = {"text": text}
            except Exception as error:  # a template may do anything that a sandbox allows
                answer = {"error": _describe(error)}
            written = json.dumps(answer)
        print(written, file=answers, flush=True)


def _describe(error: Exception) -> str:
    """The error's first line; with its kind where that is not one of templates."""
    first = (str(error).strip().splitlines() or [""])[0][:200]
    ours = type(error).__module__.startswith("jinja2") or type(error) is ValueError
    return first if ours and first else f"{type(error).__name__}: {first}".rstrip(": ")


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Ends this process where the block takes longer."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
        signal.setitimer(signal.ITIMER_REAL, 0)
    else:
        faulthandler.dump_traceback_later(seconds, exit=True)
        yield
        faulthandler.cancel_dump_traceback_later()


def _limit_memory(limit: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _main(seconds: str, characters: str, memory: str, *paths: str) -> None:
    sys.path.extend(paths)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller is interrupted, and closes stdin
    _limit_memory(int(memory))
    serve(sys.stdin, sys.stdout, seconds=float(seconds), limit=int(characters))


if __name__ == "__main__":
    _main(*sys.argv[1:])
