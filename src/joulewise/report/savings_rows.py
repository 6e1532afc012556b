"""What a run's plan really saved, as rows: planned, realised, at once at home, in hindsight; each can be explained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from joulewise.core.figures import Figure, scaled
from joulewise.core.plans import Decision, in_words
from joulewise.core.signal_series import from_series
from joulewise.core.signals import Signal
from joulewise.report.digits import number, seconds, share, shown
from joulewise.report.view import Row, Section, Step

TITLE = "Saved by the plan"
GRADE_LABELS = {
    "live": "values of the hours themselves",
    "cache": "values of the hours themselves, kept from earlier",
    "shape": "typical hours of the zone",
    "annual": "the zone's annual mean",
    "country": "the country's annual mean",
    "world": "the world's annual mean",
}
_LABELS = {
    "realised": ("realised_g", "Realised"),
    "counterfactual": ("counterfactual_g", "At submit, at home"),
    "saved": ("saved_g", "Saved"),
    "ratio": ("saved_ratio", "Saved share"),
    "planned": ("planned_g", "As planned (forecast)"),
    "oracle": ("oracle_g", "Best in hindsight"),
    "market_saved": ("market_saved_g", "Saved by contract (market-based)"),
}


_OWN_SIZE = ("market_saved", "planned")
"""Rows whose grams or tonnes are not those of the measured ones: a plan may have been made for another job."""


def savings_section(decisions: Sequence[Decision]) -> Section | None:
    """The latest decision about a run; None if it followed no plan."""
    if not decisions:
        return None
    decision = decisions[-1]
    rows = tuple(_row(name, figure, decision) for name, figure in _figures(decision).items() if figure is not None)
    return Section(title=TITLE, rows=rows, note=" ".join(_notes(decision)))


def percent(ratio: Figure) -> str:
    """A ratio as percent, with its bounds."""
    return shown(scaled(ratio, 100.0, "%"))


def basis_of(decision: Decision) -> str:
    """What the intensities were, in words."""
    grade = str(decision.details.get("grade") or "")
    return GRADE_LABELS.get(grade, "intensities of unstated origin")


def _figures(decision: Decision) -> dict[str, Figure | None]:
    planned: Mapping[str, Any] | None = decision.details.get("planned")
    return {
        "saved": decision.saved,
        "ratio": decision.ratio,
        "realised": decision.realised,
        "counterfactual": decision.counterfactual,
        "oracle": decision.oracle,
        "planned": None if planned is None else Figure(**planned),
        "market_saved": decision.market_saved,
    }


def _row(name: str, figure: Figure, decision: Decision) -> Row:
    key, label = _LABELS[name]
    market = name == "market_saved"
    size = None if name in _OWN_SIZE else decision.counterfactual
    text = percent(figure) if name == "ratio" else shown(figure, size_of=size)
    return Row(
        key=key,
        label=label,
        figure=figure,
        shown=text,
        method=figure.method,
        boundary="facility",
        pue_included=True,
        basis="market" if market else "location",
        note=_planned_for(decision) if name == "planned" else "",
        how=_how(name, figure, text, decision),
        id=decision.id,
    )


def _planned_for(decision: Decision) -> str:
    """What the plan took the job for: "planned with an assumed 100 W for 2 h; ..."."""
    job: Mapping[str, Any] | None = decision.details.get("planned_job")
    if not job:
        return ""
    assumed = set(job.get("assumed", ()))
    power_w = float(f"{job['power_w']:.3g}")
    words = {"duration": in_words(job["duration_s"]), "power": f"{number(power_w)} W"}
    duration, power = (f"an assumed {text}" if what in assumed else text for what, text in words.items())
    apart = "; not to be set beside what was measured" if assumed else ""
    return f"planned with {power} for {duration}{apart}"


def _notes(decision: Decision) -> Iterator[str]:
    details = decision.details
    words = "/".join(details.get("type") or ())
    yield f"The same measured energy on both sides; operational emissions{f', {words}' if words else ''}."
    yield f"Rests on {basis_of(decision)}."
    typical = float(details.get("typical_share") or 0.0)
    if typical:
        yield (
            f"{share(typical)} of the energy met typical values: this is what such a plan usually saves, not what "
            "happened that day (joulewise carbon backfill, once values are known)."
        )
    if decision.saved.low < 0 < decision.saved.high:
        yield "The interval holds zero: whether anything was saved is open."
    yield from (f"{one}." for one in details.get("notices", ())[:3])


# How it was computed


def _how(name: str, figure: Figure, text: str, decision: Decision) -> Step:
    made = {
        "saved": ("counterfactual - realised", ("counterfactual", "realised")),
        "ratio": ("saved / counterfactual; what errs alike on both sides cancels", ("saved", "counterfactual")),
        "realised": ("sum over the hours of energy x PUE x intensity, where and when it ran", ()),
        "counterfactual": ("the same course of power, without pauses, begun at submit in the home region", ()),
        "oracle": ("the least that the job's window and regions allowed, at the intensities as they came", ()),
        "planned": ("the chosen option of the plan, on the forecast of that time", ()),
        "market_saved": ("the same energies at the g/kWh of the supply contracts", ()),
    }
    words, inputs = made[name]
    figures = _figures(decision)
    steps = tuple(
        _how(one, found, shown(found, size_of=decision.counterfactual), decision)
        for one in inputs
        if (found := figures[one]) is not None
    )
    details = {"realised": _segments, "counterfactual": _intensities, "ratio": _errors, "planned": _planned}
    lines = tuple(details[name](decision)) if name in details else ()
    if name == "oracle" and decision.details.get("hindsight_until"):
        lines = (f"seen until {decision.details['hindsight_until']}",)
    return Step(
        kind="calculation",
        name=_LABELS[name][0],
        shown=text,
        text=words,
        details=(*lines, f"decision {decision.id}"),
        inputs=steps,
    )


def _segments(decision: Decision) -> Iterator[str]:
    for one in decision.segments:
        yield f"ran in {one.region} from {one.start:%Y-%m-%d %H:%M} to {one.end:%Y-%m-%d %H:%M} UTC"
    overhead_j = float(decision.details.get("overhead_j") or 0.0)
    if overhead_j:
        yield f"{number(overhead_j)} J went into pausing: saving, restoring, idling"
    paused_s = float(decision.details.get("paused_s") or 0.0)
    if paused_s:
        yield f"paused for {seconds(paused_s)}"


def _intensities(decision: Decision) -> Iterator[str]:
    details = decision.details
    yield f"at submit: {details.get('submitted_at', 'unknown')}, home {details.get('home', 'unknown')}"
    for region, series in sorted(details.get("signals", {}).items()):
        signals = from_series(series)
        if signals:
            statuses = ", ".join(sorted({one.status for one in signals}))
            yield f"{region}: {_range(signals)}, {statuses}, {_sources(signals)}"


def _range(signals: Sequence[Signal]) -> str:
    values = [one.intensity_g_per_kwh for one in signals]
    return f"{number(round(min(values), 1))} to {number(round(max(values), 1))} g/kWh in {len(values)} intervals"


def _sources(signals: Sequence[Signal]) -> str:
    return "; ".join(dict.fromkeys(one.source for one in signals))


def _errors(decision: Decision) -> Iterator[str]:
    """The larger of both shifts of each error, by size."""
    found = [
        (max(map(abs, one["saved_g"])), max(map(abs, one["counterfactual_g"])), str(one["name"]).partition("@")[0])
        for one in decision.details.get("errors", ())
    ]
    for saved_g, counterfactual_g, name in sorted(found, reverse=True):
        yield f"{name}: up to {_brief(saved_g)} of saved, {_brief(counterfactual_g)} of counterfactual"


def _brief(grams: float) -> str:
    return f"{number(float(f'{grams:.3g}'))} g"


def _planned(decision: Decision) -> Iterator[str]:
    if _planned_for(decision):
        yield _planned_for(decision)
    yield f"option {decision.chosen}" + (f" of plan {decision.plan_id}" if decision.plan_id else "")
