"""A process of its own that serves one GGUF file with llama.cpp, for as long as its owner lives.

Run as a script; one line of JSON on stdin says what to load. One line on stdout answers: `{"url":
...}` once the model is loaded, or `{"error": ...}`. The process ends when stdin does, so that it
never outlives its owner, however that ends; an interrupt from the terminal is its owner's.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any, Final

_LOG_SECONDS: Final = 0.3
"""In which the library's log, which a thread writes, tells why it failed."""


def main() -> None:
    """Load the model, say where it is served, and wait for the owner's end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(1), "w", encoding="ascii") as answers:
        os.dup2(2, 1)  # llama.cpp logs to both
        try:
            server = _serve(json.loads(sys.stdin.readline()))
            answer = {"url": server.listening_address}
        except Exception as error:
            time.sleep(_LOG_SECONDS)
            answer = {"error": str(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    sys.stdin.read()
    os._exit(0)  # the library's own end waits for its threads


def _serve(settings: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["model"]
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.api_keys = [settings["key"]]
    params.n_parallel = settings["slots"]
    params.n_ctx = settings["slots"] * settings["context"]
    params.n_gpu_layers = settings["gpu_layers"]
    params.ui, params.warmup, params.fit_params = False, False, False
    params.verbosity = 1
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
