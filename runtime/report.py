"""The report of a roll that runtime.stream --roll kept: map, pictures, grades, and what was not looked at.

    python -m runtime.report rolls/4711
    python -m runtime.report rolls/4711 --policy metric --format pdf --format csv --out reports/4711
    python -m runtime.report rolls/4711 --policy house.yaml --hole 6b056e3f8a18-left-7

A roll may be read while it is made, and after a power cut. docs/rolls.md describes policies and files.
Exit status: 0; 2 for what can be put right, with one sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runtime.command import parser, run
from runtime.errors import UserError
from runtime.rolls.graded import GradedRoll, grade
from runtime.rolls.page import page
from runtime.rolls.pdf import pdf
from runtime.rolls.policy import POLICIES, find_policy
from runtime.rolls.reading import read_roll
from runtime.rolls.tables import document, tables

FORMATS = ("html", "pdf", "csv", "json")


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    made = parser("runtime.report", __doc__)
    made.add_argument("roll", type=Path, metavar="ROLL", help="folder that runtime.stream --roll wrote")
    made.add_argument(
        "--policy", default="inch", metavar="NAME|FILE",
        help=f"rules to grade by: {', '.join(POLICIES)}, or a YAML file (default %(default)s)",
    )  # fmt: skip
    made.add_argument(
        "--format", action="append", choices=FORMATS, help="several times for several (default html)"
    )  # fmt: skip
    made.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: report/ in the roll's folder)")
    made.add_argument(
        "--hole", action="append", default=[], metavar="ID", help="a defect that the inspector calls a hole"
    )
    options = made.parse_args(arguments)
    graded = grade(read_roll(options.roll), find_policy(options.policy), options.hole)
    out = options.out or options.roll / "report"
    for name, content in files(graded, options.format or ["html"]):
        write(out / name, content)
        print(out / name)
    four, ten = graded.four, graded.ten
    print(f"4-point: {four.grade}, {four.points} points; 10-point: {ten.grade}, {ten.points} points")
    for warning in graded.warnings():
        print(warning)
    return 0


def files(graded: GradedRoll, formats: list[str]) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the report's files in these formats."""
    for name in dict.fromkeys(formats):
        if name == "html":
            yield "report.html", page(graded).encode()
        elif name == "json":
            yield "report.json", document(graded).encode()
        elif name == "pdf":
            yield "report.pdf", pdf(graded)
        else:
            yield from ((table, content.encode()) for table, content in tables(graded).items())


def write(path: Path, content: bytes) -> None:
    """Write a file.

    Raises:
        UserError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UserError(f"Cannot write the report '{path}': {error.strerror}.") from error


if __name__ == "__main__":
    run(main)
