"""Many decisions as one account: the ratio of sums, never the mean of ratios; jobs that stayed and that lost included.

A mean of ratios would let a hundred small jobs that saved half outshine the one large job that lost. Location-based and
market-based stand apart, and decisions on unlike intensities (lifecycle and direct, average and marginal) are never
added: each type is an account of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from joulewise.core.errors import SignalMismatch, UndefinedFigure
from joulewise.core.figures import MODELLED, Figure, total, weakest
from joulewise.core.plans import Decision
from joulewise.core.superseding import holding
from joulewise.schedule.decision_details import shifts_of
from joulewise.schedule.emitting import Shift, bounds
from joulewise.schedule.savings import has_ratio, ratio_of

AT_ONCE = timedelta(minutes=5)
"""A job that begins no later has not waited: to be started takes its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """What jobs saved together, gCO2e. `type` is (kind, basis, scope) of the intensities, ("", "", "") if unstated.

    `count` jobs, of which `moved` did not run at once at home, whatever was planned, and `lost` emitted more than if
    they had. `oracle` is over the `oracle_count` jobs whose hindsight is known, and `kept_share` what these saved of
    what they could have; `market_saved` is over `market_count` jobs. `typical_share` (0..1, by counterfactual) rests on
    typical hours. `month` is "2026-03", "" for all; `months` are the parts.
    """

    type: tuple[str, str, str]
    month: str
    first: datetime
    last: datetime
    count: int
    moved: int
    lost: int
    energy_j: float | None
    realised: Figure
    counterfactual: Figure
    saved: Figure
    ratio: Figure | None
    oracle: Figure | None
    oracle_count: int
    kept_share: float | None
    market_saved: Figure | None
    market_count: int
    typical_share: float
    months: tuple[Savings, ...] = ()


def savings_by_type(decisions: Iterable[Decision]) -> tuple[Savings, ...]:
    """An account a type of intensity, the one with most jobs first; () for none. Superseded ones don't count."""
    found: dict[tuple[str, str, str], list[Decision]] = {}
    for one in _holding(decisions):
        found.setdefault(_type(one), []).append(one)
    return tuple(sum_savings(found[key]) for key in sorted(found, key=lambda key: (-len(found[key]), key)))


def sum_savings(decisions: Iterable[Decision]) -> Savings:
    """The account of decisions on one type of intensity, by month as well. Superseded ones are left out, and of several
    that supersede the same one all but the last.

    Raises UndefinedFigure for none, SignalMismatch across types.
    """
    held = sorted(_holding(decisions), key=lambda one: (_ended(one), one.id))
    if not held:
        raise UndefinedFigure("no decisions, hence nothing is known to be saved", hint="joulewise run --when cleanest")
    types = {_type(one) for one in held}
    if len(types) > 1:
        raise SignalMismatch(
            "can't add savings on " + " and ".join("/".join(one) for one in sorted(types)),
            hint="savings_by_type gives an account each",
        )
    by_month: dict[str, list[Decision]] = {}
    for one in held:
        by_month.setdefault(f"{_ended(one):%Y-%m}", []).append(one)
    return _summed(held, "", tuple(_summed(found, month, ()) for month, found in by_month.items()))


def _holding(decisions: Iterable[Decision]) -> list[Decision]:
    """Those that hold, in the ledger's order: by the time of deciding, then by id."""
    given = sorted(decisions, key=lambda one: (one.decided_at, one.id))
    held = holding((one.id, one.supersedes) for one in given)
    return [one for one in given if one.id in held]


def _summed(held: Sequence[Decision], month: str, months: tuple[Savings, ...]) -> Savings:
    counterfactual_g, realised_g = (
        sum(getattr(one, name).value for one in held) for name in ("counterfactual", "realised")
    )
    saved_g = counterfactual_g - realised_g
    shifts = joined(shift for one in held for shift in _shifts(one))
    oracles = [(one, one.oracle) for one in held if one.oracle is not None]
    market = [one.market_saved for one in held if one.market_saved is not None]

    def figure(function: str, method: str, source: str) -> Figure:
        value, low, high = bounds(saved_g, counterfactual_g, shifts, _FUNCTIONS[function])
        if function == "realised":  # free of the rounding of two differences
            value = realised_g
        unit = "1" if function == "ratio" else "g"
        low, high = min(low, value), max(high, value)
        if function in ("realised", "counterfactual"):
            low = max(0.0, low)
        return Figure(value=value, low=low, high=high, unit=unit, method=method, source=source)

    count, known = f"{len(held)} jobs", has_ratio(counterfactual_g)
    return Savings(
        type=_type(held[0]),
        month=month,
        first=min(map(_ended, held)),
        last=max(map(_ended, held)),
        count=len(held),
        moved=sum(map(_has_moved, held)),
        lost=sum(one.saved.value < 0 for one in held),
        energy_j=_energy_j(held),
        realised=figure("realised", weakest(one.realised.method for one in held), count),
        counterfactual=figure("counterfactual", MODELLED, count),
        saved=figure("saved", MODELLED, count),
        ratio=figure("ratio", MODELLED, "sum of saved / sum of counterfactual") if known else None,
        oracle=total(figure for _, figure in oracles) if oracles else None,
        oracle_count=len(oracles),
        kept_share=_kept_share(oracles),
        market_saved=total(market) if market else None,
        market_count=len(market),
        typical_share=_typical_share(held, counterfactual_g),
        months=months,
    )


_FUNCTIONS = {
    "realised": lambda saved_g, counterfactual_g: max(0.0, counterfactual_g - saved_g),
    "counterfactual": lambda _saved_g, counterfactual_g: max(0.0, counterfactual_g),
    "saved": lambda saved_g, _counterfactual_g: saved_g,
    "ratio": ratio_of,
}


def joined(shifts: Iterable[Shift]) -> tuple[Shift, ...]:
    """Shifts of one name are one error: they add up."""
    found: dict[str, Shift] = {}
    for one in shifts:
        before = found.get(one.name, Shift(name=one.name, saved_g=(0.0, 0.0), counterfactual_g=(0.0, 0.0)))
        found[one.name] = Shift(
            name=one.name,
            saved_g=_both(before.saved_g, one.saved_g),
            counterfactual_g=_both(before.counterfactual_g, one.counterfactual_g),
        )
    return tuple(found.values())


def _both(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return one[0] + other[0], one[1] + other[1]


def _shifts(decision: Decision) -> tuple[Shift, ...]:
    """Those that it kept; failing that its bounds, as errors of its own."""
    kept = shifts_of(decision.details)
    if kept:
        return kept
    saved, counterfactual = decision.saved, decision.counterfactual
    return (
        Shift(name=f"saved@{decision.id}", saved_g=_ends(saved), counterfactual_g=(0.0, 0.0)),
        Shift(name=f"counterfactual@{decision.id}", saved_g=(0.0, 0.0), counterfactual_g=_ends(counterfactual)),
    )


def _ends(figure: Figure) -> tuple[float, float]:
    return figure.low - figure.value, figure.high - figure.value


def _type(decision: Decision) -> tuple[str, str, str]:
    kind, basis, scope = decision.details.get("type") or ("", "", "")
    return kind, basis, scope


def _has_moved(decision: Decision) -> bool:
    """Whether it waited, paused or ran elsewhere, as it happened; where its segments are unknown, as it was planned."""
    submitted, home = decision.details.get("submitted_at"), decision.details.get("home")
    if not decision.segments or not isinstance(submitted, str):
        return decision.chosen != "now"
    waited = decision.segments[0].start - datetime.fromisoformat(submitted)
    elsewhere = home is not None and any(one.region != home for one in decision.segments)
    return waited > AT_ONCE or len(decision.segments) > 1 or elsewhere


def _ended(decision: Decision) -> datetime:
    """When the job was done, UTC; that is the month that it counts in."""
    last = decision.segments[-1].end if decision.segments else decision.decided_at
    return last.astimezone(UTC)


def _energy_j(held: Sequence[Decision]) -> float | None:
    known = [_detail(one.details, "energy_j") for one in held]
    return None if None in known else sum(one for one in known if one is not None)


def _detail(details: Mapping[str, object], name: str) -> float | None:
    found = details.get(name)
    return float(found) if isinstance(found, int | float) else None


def _kept_share(oracles: Sequence[tuple[Decision, Figure]]) -> float | None:
    """Saved over what could have been saved; None if nothing could."""
    possible_g = sum(one.counterfactual.value - best.value for one, best in oracles)
    return sum(one.saved.value for one, _ in oracles) / possible_g if possible_g > 0 else None


def _typical_share(held: Sequence[Decision], counterfactual_g: float) -> float:
    if not counterfactual_g > 0:
        return 0.0
    parts = ((_detail(one.details, "typical_share") or 0.0) * one.counterfactual.value for one in held)
    return sum(parts) / counterfactual_g
