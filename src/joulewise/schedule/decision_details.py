"""What a decision was computed from, as plain values: enough to compute it again, and to say how sure it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from joulewise.core.figures import Figure
from joulewise.core.plans import Plan
from joulewise.core.signal_series import from_series, moment_text, to_series
from joulewise.core.signals import GRADES, STATUSES, Signal
from joulewise.core.units import kwh_from_j
from joulewise.schedule.emitting import NETWORK, Pair, Shift, Weights
from joulewise.schedule.laying import Piece, Stretch
from joulewise.schedule.profile import assumed_in

TYPICAL = ("climatology", "annual", "forecast")
"""Statuses that tell nothing of the very day: a saving computed from them is what is usual, not what happened."""


def quality(sides: Pair) -> dict[str, Any]:
    """Type, grade and status of the intensities, the worst first, then by their share of the energy of each side."""
    by = {"realised": sides.realised_by, "counterfactual": sides.counterfactual_by}
    used = used_by(sides)
    return {
        "type": list(used[0][1].type),
        "grade": _worst(GRADES, (signal.grade for _, signal in used)),
        "status": _worst(STATUSES, (signal.status for _, signal in used)),
        "grades": {name: _shares(one, "grade") for name, one in by.items()},
        "statuses": {name: _shares(one, "status") for name, one in by.items()},
        "typical_share": round(max(map(_typical, by.values())), 6),
    }


def planned_job(plan: Plan) -> dict[str, Any]:
    """What the plan took the job for, and which of it was assumed since nobody knew."""
    job = plan.job
    return {
        "duration_s": job.duration_s,
        "power_w": job.energy_j / job.duration_s,
        "assumed": assumed_in(plan.notices),
    }


def used_by(sides: Pair) -> list[tuple[str, Signal]]:
    """Every signal that carries weight, with its region."""
    return list(dict.fromkeys((*sides.counterfactual_by, *sides.realised_by)))


def series_of(sides: Pair) -> dict[str, Any]:
    """The signals that carry weight, by region."""
    used = used_by(sides)
    return {name: to_series(_sorted(used, name)) for name in dict.fromkeys(region for region, _ in used)}


def signals_of(details: Mapping[str, Any]) -> dict[str, tuple[Signal, ...]]:
    """The signals that a decision took, by region."""
    return {name: from_series(one) for name, one in details.get("signals", {}).items() if name != NETWORK}


def pieces_of(details: Mapping[str, Any]) -> tuple[Piece, ...]:
    """The energy by interval that a decision took."""
    return tuple(
        (datetime.fromisoformat(start), datetime.fromisoformat(end), energy_j)
        for start, end, energy_j in details.get("energy_by_interval", ())
    )


def plain_pieces(pieces: Iterable[Piece]) -> list[list[Any]]:
    """Energy by interval as plain values."""
    return [[moment_text(start), moment_text(end), energy_j] for start, end, energy_j in pieces]


def stretches_of(plain: Sequence[Sequence[str]] | None) -> tuple[Stretch, ...] | None:
    """Times from plain values."""
    if plain is None:
        return None
    return tuple((datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in plain)


def plain_shifts(shifts: Iterable[Shift]) -> list[dict[str, Any]]:
    """The shares of the error as plain values."""
    return [
        {"name": one.name, "saved_g": list(one.saved_g), "counterfactual_g": list(one.counterfactual_g)}
        for one in shifts
    ]


def shifts_of(details: Mapping[str, Any]) -> tuple[Shift, ...]:
    """The shares of the error that a decision kept."""
    return tuple(
        Shift(name=one["name"], saved_g=tuple(one["saved_g"]), counterfactual_g=tuple(one["counterfactual_g"]))
        for one in details.get("errors", ())
    )


def moved_gb(weights: Weights) -> float:
    """Gigabytes that were moved, both ends together."""
    return sum(kwh_from_j(one) for (region, _), one in weights.items() if region == NETWORK)


def plain_figure(figure: Figure) -> dict[str, Any]:
    """A figure as plain values, which Figure(**values) takes."""
    return {name: getattr(figure, name) for name in ("value", "low", "high", "unit", "method", "source", "level")}


def _sorted(used: Sequence[tuple[str, Signal]], name: str) -> list[Signal]:
    return sorted((signal for region, signal in used if region == name), key=lambda signal: signal.start)


def _worst(order: Sequence[str], found: Iterable[str]) -> str:
    """The last in order of those that are named; "" if none is."""
    named = [one for one in found if one]
    return max(named, key=order.index) if named else ""


def _shares(weights: Weights, word: str) -> dict[str, float]:
    """Share of the energy by grade or status."""
    whole_j = sum(weights.values())
    found: dict[str, float] = {}
    for (_, signal), energy_j in weights.items():
        name = getattr(signal, word) or "unstated"
        found[name] = found.get(name, 0.0) + (energy_j / whole_j if whole_j else 0.0)
    return {name: round(one, 6) for name, one in sorted(found.items())}


def _typical(weights: Weights) -> float:
    return sum(share for status, share in _shares(weights, "status").items() if status in TYPICAL)
