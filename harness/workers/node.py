"""What runs on a worker's machine: a copy of the model that answers questions.

This module travels by value, so that a machine without the harness can say so: at import it needs
nothing of it.
"""

from __future__ import annotations

import pickle
import socket
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.models.contract import Model
    from harness.workers.versions import Versions


class Worker:
    """A model on one machine."""

    def __init__(self) -> None:
        self._model: Model | None = None

    def where(self) -> str:
        """The machine's name and address."""
        util: Any = import_module("ray.util")
        return f"{socket.gethostname()} ({util.get_node_ip_address()})"

    def open(self, spec: bytes, expected: bytes) -> bytes:
        """Load the model; returns what it is, or why it cannot be had, as a message."""
        where = self.where()
        try:
            from harness.workers import messages
        except ImportError as error:
            return pickle.dumps({"where": where, "missing": str(error)})
        versions: Versions = pickle.loads(expected)
        opened = messages.open_model(pickle.loads(spec), versions, where)
        if isinstance(opened, messages.Refused):
            return pickle.dumps(opened)
        self._model, copy = opened
        return pickle.dumps(copy)

    def answer(self, question: bytes) -> bytes:
        """The answers to a question, or why it cannot be answered, as a message."""
        from harness.workers import messages

        assert self._model is not None, "a worker is asked before it is open"
        return pickle.dumps(messages.answer(self._model, pickle.loads(question), self.where()))
