"""What the commands have in common: their version, and one sentence for what the user can put right."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from runtime import __version__
from runtime.errors import UserError

USER_ERROR = 2
"""Exit status after a sentence on stderr."""
INTERRUPTED = 130


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """An argument parser that knows its version.

    Args:
        name: as typed: 'runtime.stream'.
        description: the module's docstring.
    """
    made = argparse.ArgumentParser(
        prog=f"python -m {name}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--version", action="version", version=f"weftwatch {__version__}")
    return made


def positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """A number above 0, for argparse."""

    def number(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"must be more than 0, got {text}")
        return value

    return number


def at_least(lowest: int) -> Callable[[str], int]:
    """A whole number from ``lowest`` on, for argparse."""

    def number(text: str) -> int:
        value = int(text)
        if value < lowest:
            raise argparse.ArgumentTypeError(f"must be at least {lowest}, got {text}")
        return value

    return number


def status(main: Callable[[list[str] | None], int], arguments: list[str] | None = None) -> int:
    """Exit status of a command; a UserError becomes its sentence on stderr and status 2."""
    try:
        return main(arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED


def run(main: Callable[[list[str] | None], int]) -> None:
    """Run a command with the process's arguments and exit with its status."""
    ended = status(main)
    try:
        sys.stdout.flush()
    except OSError:  # whoever read it is gone; let Python not complain of it once more on its way out
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(ended)
