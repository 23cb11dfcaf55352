"""What was measured, held against the limits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from calibration.verdict.compare import Comparison
from calibration.verdict.limits import Limits, checks
from calibration.verdict.record import Judged, Verdict
from calibration.verdict.side import Side
from runtime.bundle import Bundle
from runtime.cameras.config import roll_uri
from runtime.errors import UserError


def judge(bundle: Bundle, compared: Comparison, limits: Limits, rolls: Sequence[str]) -> Verdict:
    """The verdict on the candidate.

    Args:
        rolls: what was looked at, as the user named it.

    Raises:
        UserError: there was no cloth on them.
    """
    if not compared.pieces:
        raise UserError(f"No cloth was found in {', '.join(rolls)}: an engine is judged on normal cloth as it runs.")
    reference, candidate = compared.sides
    alarms = compared.alarms()
    painted = compared.painted.told()
    lost = [one for one in compared.planted if one.lost]
    found_before = sum(one.before >= 1 for one in compared.planted)
    figures = {
        "sqnr_db": painted.sqnr_db,
        "rank_correlation": painted.rank_correlation,
        "planted_found": found_before,
        "planted_lost": len(lost) / max(found_before, 1),
        "false_events_ratio": alarms[1].events / max(alarms[0].events, 1),
    }
    held = checks(figures, limits)
    return Verdict(
        bundle_id=bundle.id,
        time=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        passes=all(check.passes for check in held),
        checks=held,
        limits=limits,
        reference=_judged(bundle, reference),
        candidate=_judged(bundle, candidate),
        rolls=list(rolls),
        pieces=compared.pieces,
        mpx=compared.px / 1e6,
        notes=notes(bundle, compared.sides, rolls),
        normal=compared.normal.told(),
        painted=painted,
        painted_defects=len(compared.planted),
        found_before=found_before,
        found_after=sum(one.after >= 1 for one in compared.planted),
        lost=lost,
        new=[one for one in compared.planted if one.new],
        alarms_before=alarms[0],
        alarms_after=alarms[1],
        alarms_unset=alarms[2],
    )


def notes(bundle: Bundle, sides: Sequence[Side], rolls: Sequence[str]) -> list[str]:
    """A sentence for each roll that is known to have trained the style or set thresholds."""
    trained = bundle.recipe.trained.get("rolls")
    uses = [("trained the style", trained.get("paths", []) if isinstance(trained, dict) else [])]
    uses += [(f"set the thresholds of {side.key}", side.thresholds.calibrated.get("rolls", [])) for side in sides]
    mm = bundle.recipe.mm_per_px
    return [
        f"Roll '{roll}' {use}: false events on it say less than on cloth that was held out."
        for roll in rolls
        for use, named in uses
        if roll_uri(roll, mm) in [roll_uri(one, mm) for one in named]
    ]


def _judged(bundle: Bundle, side: Side) -> Judged:
    made = {form.form: form.made for form in bundle.forms()}
    return Judged(
        key=side.key,
        name=side.engine.name,
        opening=side.opening,
        built=side.manifest,
        made=made.get(side.manifest.form, {}),
    )
