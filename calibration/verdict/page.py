"""The verdict as one HTML file: no other file, no network, light and dark, printable."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from calibration.verdict.charts import histogram, scatter
from calibration.verdict.compare import Comparison
from calibration.verdict.record import Agreement, Alarms, Judged, Planted, Verdict
from calibration.verdict.style import STYLE
from calibration.verdict.tiles import Tile, contrast, heat, png
from runtime.types import UInt8

ROWS = 40
"""Lost and new defects that are listed."""


def page(verdict: Verdict, compared: Comparison, cloth: str) -> str:
    """The whole page.

    Args:
        cloth: the bundle's name, for people.
    """
    word = "passes" if verdict.passes else "fails"
    title = f"{verdict.candidate.name.partition(' (')[0]} {word}"
    parts = [
        f'<header class="{word}"><h1>{escape(title)}</h1>{_headline(verdict, cloth)}</header>',
        "<h2>Limits</h2>", _limits(verdict),
        "<h2>Painted defects and normal cloth</h2>", _scores(verdict, compared),
        _defects("lost", verdict.lost), _defects("new", verdict.new),
        "<h2>False events on normal cloth</h2>", _alarms(verdict),
        "<h2>Maps</h2>", _agreement(verdict),
        "<h2>Tiles that differ most</h2>", _tiles(compared.worst.tiles),
        "<h2>Engines</h2>", _engine("engine", verdict.candidate), _engine("reference", verdict.reference),
    ]  # fmt: skip
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(title)}: {escape(cloth)}</title>\n'
        f"<style>{STYLE}</style>\n<main>\n" + "\n".join(parts) + "\n</main>\n</html>\n"
    )


def _headline(verdict: Verdict, cloth: str) -> str:
    failed = [check.sentence for check in verdict.checks if not check.passes]
    told = failed or ["All limits are kept."]
    cloths = ", ".join(verdict.rolls)
    facts = (
        f"Bundle {escape(cloth)} ({verdict.bundle_id}), compared with {escape(verdict.reference.name)} on "
        f"{verdict.mpx:.2f} Mpx of normal cloth in {verdict.pieces} pieces ({escape(cloths)}) and on painted copies "
        f"of it; {escape(verdict.time)}."
    )
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in verdict.notes)
    return "".join(f"<p><strong>{escape(one)}</strong></p>" for one in told) + f"<p>{facts}</p>{notes}"


def _limits(verdict: Verdict) -> str:
    rows = [
        (
            f"{escape(check.title)} <code>{check.name}</code><span class='why'>{escape(check.reason)}</span>",
            number(check.figure),
            escape(check.wanted),
            f'<span class="{"passes" if check.passes else "fails"}">{"kept" if check.passes else "not kept"}</span>',
        )
        for check in verdict.checks
    ]
    return table(("", "measured", "limit", ""), rows, "limits")


def _scores(verdict: Verdict, compared: Comparison) -> str:
    before, after = (np.concatenate(tail) for tail in compared.tails)
    blocks = histogram(before, after, "Blocks of normal cloth")
    before, after = (
        np.array([getattr(one, side) for one in compared.planted], np.float32) for side in ("before", "after")
    )
    defects = histogram(before, after, "Painted defects")
    said = (
        f"<p>{verdict.painted_defects} defects were painted into the normal pieces. The reference finds "
        f"{verdict.found_before} at its threshold, the engine {verdict.found_after} at its own: "
        f"{len(verdict.lost)} are lost, {len(verdict.new)} are new. A score is the highest value of the map at a "
        "defect, or in a block of normal cloth, in multiples of the engine's own threshold.</p>"
    )
    dots = figure(
        scatter(compared.planted), "Each painted defect. Below the diagonal the engine says less than the reference."
    )
    stairs = figure(blocks, "Blocks of normal cloth: engine filled, reference outlined.")
    stairs += figure(defects, "Painted defects, likewise.")
    return f'{said}<div class="charts">{dots}<div>{stairs}</div></div>'


def _defects(kind: str, defects: Sequence[Planted]) -> str:
    if not defects:
        return ""
    order = sorted(defects, key=lambda one: -abs(one.before - one.after))[:ROWS]
    rows = [(one.cls, one.contrast, f"{one.before:.2f}", f"{one.after:.2f}", escape(one.where)) for one in order]
    head = f"<h3>{len(defects)} {kind}</h3>"
    return head + table(("defect", "contrast", "reference", "engine", "where"), rows)


def _alarms(verdict: Verdict) -> str:
    def row(words: str, alarms: Alarms) -> tuple[str, ...]:
        interval = f"{alarms.low:.2f} to {alarms.high:.2f}"
        return words, str(alarms.events), f"{alarms.pieces} of {verdict.pieces}", f"{alarms.per_10mpx:.2f}", interval

    rows = [
        row(f"reference at its threshold ({verdict.reference.opening:.3f})", verdict.alarms_before),
        row(f"engine at its threshold ({verdict.candidate.opening:.3f})", verdict.alarms_after),
        row("engine at the reference's threshold", verdict.alarms_unset),
    ]
    head = ("", "false events", "pieces with one", "per 10 Mpx", "95 % interval")
    note = (
        '<p class="why">The interval is the exact one of a Poisson count. It takes events for independent; where one '
        "piece has many, the number of pieces says more.</p>"
    )
    return table(head, rows) + note


def _agreement(verdict: Verdict) -> str:
    def row(words: str, one: Agreement) -> tuple[str, ...]:
        share = f"{100 * one.decided_otherwise:.3f} %"
        return words, f"{one.cells:,}", f"{one.sqnr_db:.1f} dB", f"{one.rank_correlation:.4f}", share

    head = ("", "map cells", "SQNR", "rank correlation", "cells decided otherwise")
    return table(head, [row("normal cloth", verdict.normal), row("painted cloth", verdict.painted)])


def _tiles(tiles: Sequence[Tile]) -> str:
    said = (
        "<p>Cloth, map of the reference, map of the engine (black 0, mid-grey the own threshold, white twice that) and "
        "where they differ: red the engine says more, blue less, the full colour being the figure below.</p>"
    )
    return said + "".join(_tile(tile) for tile in tiles)


def _tile(tile: Tile) -> str:
    cloth = tile.pixels[:, :, ::-1] if tile.pixels.shape[2] == 3 else tile.pixels
    pictures = [image(one) for one in (cloth, heat(tile.before), heat(tile.after), contrast(tile))]
    caption = f"{escape(tile.where)}: they differ by up to {tile.difference:.2f} thresholds"
    return f'<figure class="tile"><div>{"".join(pictures)}</div><figcaption>{caption}</figcaption></figure>'


def _engine(word: str, judged: Judged) -> str:
    built = judged.built
    facts = {
        "as executed": judged.name,
        "opens at": judged.opening,
        "built from": "the bundle's own graph" if built.form == "model" else f"form {built.form}",
        "how that form was made": judged.made,
        "facts of the build": built.built,
        "measured when it was built": built.parity,
        "versions": built.versions,
        "files": built.files,
    }
    told = {key: value for key, value in facts.items() if value or value == 0}
    return f"<h3>The {word}: {escape(judged.key)}</h3>{nested(told)}"


def nested(value: Any) -> str:
    """Any value of a manifest: mappings as tables, lists of mappings as tables with a head, others as text."""
    if isinstance(value, dict):
        return table((), [(escape(str(key)), nested(one)) for key, one in value.items()])
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        keys = list(dict.fromkeys(key for one in value for key in one))
        return table([escape(str(key)) for key in keys], [[nested(one.get(key, "")) for key in keys] for one in value])
    if isinstance(value, list):
        return ", ".join(nested(one) for one in value)
    return number(value) if isinstance(value, float) else f"<span class='value'>{escape(str(value))}</span>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "plain") -> str:
    """A table of cells that are HTML already, of a class of the style; without a head the first column is one."""
    top = "".join(f"<th>{one}</th>" for one in head)
    first = ("<th scope='row'>", "</th>") if not head else ("<td>", "</td>")
    body = "".join(
        f"<tr>{first[0]}{row[0]}{first[1]}{''.join(f'<td>{cell}</td>' for cell in row[1:])}</tr>" for row in rows
    )
    top = f"<thead><tr>{top}</tr></thead>" if head else ""
    return f"<div class='scroll'><table class='{kind}'>{top}<tbody>{body}</tbody></table></div>"


def figure(svg: str, caption: str) -> str:
    """A chart with its caption."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def image(picture: UInt8) -> str:
    """A picture as part of the page."""
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(png(picture)).decode()}">'


def number(value: float) -> str:
    return f"{value:.4g}"
