"""The command line: `harness COMMAND …`.

Commands import what they need when they run, so that `harness --help` is instant.
"""

from harness.cli.app import main

__all__ = ["main"]
