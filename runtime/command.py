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


def run(main: Callable[[], int]) -> None:
    """Run a command and exit with its status; a UserError becomes its sentence and status 2."""
    try:
        status = main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        status = USER_ERROR
    except KeyboardInterrupt:
        status = 130
    try:
        sys.stdout.flush()
    except OSError:  # whoever read it is gone; let Python not complain of it once more on its way out
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)
