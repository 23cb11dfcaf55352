"""Errors that a person can act on."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can put right, said in one sentence.

    The commands print the sentence without a stack trace and exit with status 2.
    A defect of this program is any other exception, and keeps its trace.
    """


class MissingExtra(UserError):
    """An optional dependency is absent."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the Python package '{package}', which is not installed: pip install 'weftwatch[{extra}]'."
        )
