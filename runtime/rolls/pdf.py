"""The report as a PDF, through reportlab (BSD licence, pure Python): the extra ``report``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from runtime.errors import MissingExtra
from runtime.rolls import roll_map
from runtime.rolls.drawing import Box, Drawing, Shape, Stroke
from runtime.rolls.graded import GradedRoll
from runtime.rolls.pictures import pictured, thumbnail
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

if TYPE_CHECKING:
    from reportlab.platypus import Flowable

MARGIN_MM = 14
COLOURS = {
    "local": "#c2410c", "warp": "#1d4ed8", "weft": "#7e22ce", "area": "#0f766e", "bar": "#777777", "cloth": "#faf8f2",
    "bare": "#ffffff", "grid": "#cccccc", "break": "#9c1c12", "broken": "#9c1c12", "tick": "#444444",
    "number": "#000000", "blind": "#666666", "care": "#a16207", "still": "#a16207", "care-name": "#a16207",
    "tie": "#000000", "tie-name": "#000000",
}  # fmt: skip
"""Of a drawing's styles, on paper."""
KEY = (
    "Orange: local, blue: warp, violet: weft, green: area defects; hatched: not looked at; empty: no cloth; tied: come "
    "back at one distance; brown, at the side and dotted: a camera needed care."
)
DASHES = {"break": [6, 3], "still": [1, 3]}
SMALL = ("number", "care-name", "tie-name")
"""Styles of small words."""
PICTURES_A_ROW = 6
HATCH = 5.0


def pdf(graded: GradedRoll) -> bytes:
    """The whole document, A4.

    Raises:
        MissingExtra: reportlab is not installed.
    """
    try:
        from reportlab.lib.pagesizes import A4
        from reportlab.lib.units import mm
        from reportlab.platypus import PageBreak, SimpleDocTemplate
    except ModuleNotFoundError as error:
        raise MissingExtra("reportlab", "report", "A report as PDF") from error
    title = f"Roll {graded.roll.label.id}"
    out = io.BytesIO()
    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), MARGIN_MM * mm)
    document = SimpleDocTemplate(out, pagesize=A4, title=title, author="weftwatch", **margins)
    width = A4[0] - 2 * MARGIN_MM * mm - 12  # platypus keeps 6 points free at either side
    story = [*_first_page(graded, title, width), PageBreak(), *_lists(graded, width)]

    def number(canvas: Any, _: Any) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawRightString(A4[0] - MARGIN_MM * mm, 7 * mm, f"{title}, page {canvas.getPageNumber()}")

    document.build(story, onFirstPage=number, onLaterPages=number)
    return out.getvalue()


def _first_page(graded: GradedRoll, title: str, width: float) -> list[Flowable]:
    """What the roll is, what it is worth, and its map."""
    story = [_words(title, 18, bold=True)]
    story += [_words(" · ".join(f"{name}: {value}" for name, value in facts(graded)), 9)]
    story += [_words(warning, 9, colour=COLOURS["break"], bold=True) for warning in graded.warnings()]
    for system, grade in (("4-point system", graded.four), ("10-point system", graded.ten)):
        story += [_words(f"{system}: {grade.grade}", 12, bold=True), _words(" ".join(headline(grade)), 9)]
    return [*story, _map(roll_map.draw_map(graded), width), _words(f"{roll_map.caption(graded)} {KEY}", 8)]


def _lists(graded: GradedRoll, width: float) -> list[Flowable]:
    defects = [defect_row(graded, None), *(defect_row(graded, n) for n in range(len(graded.defects)))]
    parts = [
        ("Totals", kind_rows(graded)), ("Cloth that was not looked at", reason_rows(graded)), ("Defects", defects),
        ("Spans that were not looked at", span_rows(graded)), ("Defects that come back", repeat_rows(graded)),
        ("Maintenance", maintenance_rows(graded)), ("Runs", run_rows(graded)), ("Policy", policy_rows(graded)),
    ]  # fmt: skip
    story = [*_pictures(graded, width)]
    for title, rows in parts:
        story += [_words(title, 12, bold=True), _table(rows, width) if len(rows) > 1 else _words("None.", 9)]
    return story


def _words(text: str, size: float, colour: str = "#000000", bold: bool = False) -> Flowable:
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph

    font = "Helvetica-Bold" if bold else "Helvetica"
    style = ParagraphStyle("words", fontName=font, fontSize=size, leading=size * 1.3, textColor=colour, spaceBefore=4)
    return Paragraph(escape(text), style)


def _table(rows: Sequence[Sequence[str]], width: float) -> Flowable:
    """Rows with lines between them, the headings again on each page; columns as wide as their longest words."""
    from reportlab.platypus import Table, TableStyle

    longest = [min(40, max(len(row[column]) for row in rows) + 2) for column in range(len(rows[0]))]
    widths = [width * part / max(sum(longest), 90) for part in longest]
    cells = [[_words(cell, 7.5) for cell in row] for row in rows]
    table = Table(cells, colWidths=widths, repeatRows=1, hAlign="LEFT")
    table.setStyle(TableStyle([
        ("LINEBELOW", (0, 0), (-1, -1), 0.3, COLOURS["grid"]), ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 0), ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ]))  # fmt: skip
    return table


def _pictures(graded: GradedRoll, width: float) -> list[Flowable]:
    from reportlab.platypus import Image, Table

    cells: list[Any] = []
    side = width / PICTURES_A_ROW - 8
    for number, defect in pictured(graded):
        data = thumbnail(defect)
        if data is not None:
            words = _words(f"{number} {defect.kind.value}, {defect.y0_m:.2f} m", 7)
            cells.append([Image(io.BytesIO(data), side, side, kind="proportional"), words])
    if not cells:
        return []
    rows = [cells[start : start + PICTURES_A_ROW] for start in range(0, len(cells), PICTURES_A_ROW)]
    rows[-1] += [""] * (PICTURES_A_ROW - len(rows[-1]))
    return [_words("Pictures", 12, bold=True), Table(rows, colWidths=[width / PICTURES_A_ROW] * PICTURES_A_ROW)]


def _map(drawing: Drawing, width: float) -> Flowable:
    from reportlab.platypus import Flowable

    scale = width / drawing.width

    class Map(Flowable):  # type: ignore[misc]
        """The drawing, in points."""

        def wrap(self, *_: float) -> tuple[float, float]:
            return width, drawing.height * scale

        def draw(self) -> None:
            self.canv.scale(scale, scale)
            for shape in drawing.shapes:
                _draw(self.canv, shape, drawing.height)

    return Map()


def _draw(canvas: Any, shape: Shape, height: float) -> None:
    """One shape; a canvas' y runs up."""
    colour = COLOURS[shape.style]
    canvas.setStrokeColor(colour)
    canvas.setFillColor(colour)
    if isinstance(shape, Stroke):
        canvas.setDash(DASHES.get(shape.style, []))
        canvas.line(shape.x0, height - shape.y0, shape.x1, height - shape.y1)
    elif isinstance(shape, Box):
        _draw_box(canvas, shape, height - shape.y - shape.height)
    else:
        canvas.setFont("Helvetica", 10 if shape.style in SMALL else 11)
        put = {"start": canvas.drawString, "middle": canvas.drawCentredString, "end": canvas.drawRightString}
        put[shape.anchor](shape.x, height - shape.y, shape.text)


def _draw_box(canvas: Any, box: Box, y: float) -> None:
    canvas.saveState()
    canvas.setDash([])
    canvas.setLineWidth(0.5)
    if box.style in ("cloth", "bare"):
        canvas.setStrokeColor(COLOURS["tick"])
    if box.style == "area":
        canvas.setFillAlpha(0.35)
    canvas.rect(box.x, y, box.width, box.height, stroke=box.style in ("cloth", "bare", "area", "blind"),
                fill=box.style != "blind")  # fmt: skip
    if box.style == "blind":
        clip = canvas.beginPath()
        clip.rect(box.x, y, box.width, box.height)
        canvas.clipPath(clip, stroke=0)
        offset = 0.0
        while offset < box.width + box.height:
            canvas.line(box.x + offset, y, box.x + offset - box.height, y + box.height)
            offset += HATCH
    canvas.restoreState()
