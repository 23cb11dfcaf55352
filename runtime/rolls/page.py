"""The report as one HTML file: no other file, no network, no script; light and dark, printable."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from runtime.rolls import roll_map
from runtime.rolls.drawing import svg
from runtime.rolls.graded import GradedRoll
from runtime.rolls.grades import Grade
from runtime.rolls.pictures import MOST_PICTURES, pictured, thumbnail
from runtime.rolls.roll import Found
from runtime.rolls.style import STYLE
from runtime.rolls.words import (
    defect_row,
    facts,
    headline,
    kind_rows,
    maintenance_rows,
    policy_rows,
    reason_rows,
    repeat_rows,
    run_rows,
    span_rows,
)

ALL_SEEN = "All cloth was looked at."
MOST_ROWS = 1000
"""Defects that are listed; the CSV has all."""
KEY = {
    "local": 'x="4" y="4" width="6" height="6"',
    "warp": 'x="5" y="1" width="4" height="12"',
    "weft": 'x="1" y="5" width="12" height="4"',
    "area": 'x="2" y="2" width="10" height="10"',
}
"""The marks of the map, as they are explained below it."""
TIED = (
    '<svg width="14" height="14"><path class="tie" d="M3 1V13M3 1H10M3 7H10M3 13H10"/></svg>come back at one distance'
)
CARE = (
    '<svg width="14" height="14"><rect class="care" x="1" y="1" width="3" height="12"/>'
    '<path class="still" d="M9 1V13"/></svg>camera needed care, and where'
)
"""The same of what not every map has."""


def page(graded: GradedRoll) -> str:
    """The whole page."""
    title = f"Roll {graded.roll.label.id}"
    parts = [
        _head(graded, title),
        '<section class="tiles">', _tiles(graded), "</section>",
        '<h2>Map</h2>', _map(graded),
        "<h2>Totals</h2>", '<div class="side">', _table(kind_rows(graded), "No defect."),
        _table(reason_rows(graded), ALL_SEEN), "</div>",
        "<h2>Pictures</h2>", _pictures(graded),
        "<h2>Defects</h2>", _defects(graded),
        "<h2>Cloth that was not looked at</h2>", _table(span_rows(graded)[: MOST_ROWS + 1], ALL_SEEN),
        "<h2>Defects that come back</h2>", _table(repeat_rows(graded), "None at one distance."),
        "<h2>Maintenance</h2>", _table(maintenance_rows(graded), "No camera needed care."),
        "<h2>Runs</h2>", _table(run_rows(graded), "None."),
        "<h2>Policy</h2>", _table(policy_rows(graded), "None."),
    ]  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n<main>\n" + "\n".join(parts) + "\n</main>\n</html>\n"
    )


def _head(graded: GradedRoll, title: str) -> str:
    told = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts(graded))
    warned = "".join(f'<p class="note">{escape(one)}</p>' for one in graded.warnings())
    return f"<header><h1>{escape(title)}</h1><dl>{told}</dl>{warned}</header>"


def _tiles(graded: GradedRoll) -> str:
    systems = (("4-point system", graded.four), ("10-point system", graded.ten))
    return "".join(_tile(name, grade) for name, grade in systems)


def _tile(system: str, grade: Grade) -> str:
    small = "".join(f"<p>{escape(line)}</p>" for line in headline(grade))
    return f"<div><h3>{system}</h3><strong>{escape(grade.grade)}</strong>{small}</div>"


def _map(graded: GradedRoll) -> str:
    key = "".join(
        f'<span><svg width="14" height="14"><rect class="{kind}" {place}/></svg>{kind}</span>'
        for kind, place in KEY.items()
    )
    key += '<span><i class="blind"></i>not looked at</span><span><i class="bare"></i>no cloth</span>'
    if graded.roll.repeats:
        key += f"<span>{TIED}</span>"
    if graded.roll.maintenance:
        key += f"<span>{CARE}</span>"
    drawn = svg(roll_map.draw_map(graded), "Map of the roll")
    said = escape(roll_map.caption(graded))
    return f'<figure class="map">{drawn}<figcaption><p class="key">{key}</p>{said}</figcaption></figure>'


def _table(rows: Sequence[Sequence[str]], empty: str) -> str:
    """A table whose first row are its headings, or a sentence where there is nothing in it."""
    if len(rows) < 2:
        return f"<p>{empty}</p>"
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:])
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _defects(graded: GradedRoll) -> str:
    names, *rows = defect_row(graded, None), *(defect_row(graded, n) for n in range(len(graded.defects)))
    if not rows:
        return "<p>None.</p>"
    head = "".join(f"<th>{escape(cell)}</th>" for cell in names)
    body = "".join(
        f'<tr id="defect-{row[0]}">' + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows[:MOST_ROWS]
    )
    more = f"<p>{len(rows) - MOST_ROWS} more: see the CSV.</p>" if len(rows) > MOST_ROWS else ""
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'


def _pictures(graded: GradedRoll) -> str:
    chosen = pictured(graded)
    if not chosen:
        return "<p>None were kept.</p>"
    drawn = "".join(_picture(number, defect, graded) for number, defect in chosen)
    cropped = sum(defect.crop is not None for defect in graded.defects)
    more = f"<p>The {MOST_PICTURES} that weigh most of {cropped}.</p>" if cropped > len(chosen) else ""
    return f'{more}<div class="pictures">{drawn}</div>'


def _picture(number: int, defect: Found, graded: GradedRoll) -> str:
    data = thumbnail(defect)
    if data is None:
        return ""
    points = graded.four.of.get(defect.id)
    worth = "not graded" if points is None else f"{points} p"
    words = f"{number} {defect.kind.value}, {defect.y0_m:.2f} m, {worth}"
    source = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    return (
        f'<figure><a href="#defect-{number}"><img src="{source}" alt=""></a><figcaption>{words}</figcaption></figure>'
    )
