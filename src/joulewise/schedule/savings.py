"""What a plan really saved: measured energy at the intensities as they came, against "at submit, at home".

Both sides take the same measured energy; pausing, saving, restoring and moving count against the saving.
See docs/explanation/savings.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from joulewise.core.errors import UndefinedFigure
from joulewise.core.figures import DEFAULT, MEASURED, MODELLED, REPORTED, Figure, exact, weakest
from joulewise.core.plans import Decision, Plan, Segment
from joulewise.core.signal_series import moment_text
from joulewise.core.signals import Signal
from joulewise.core.ulid import derived_ulid, new_ulid
from joulewise.schedule.decision_details import (
    moved_gb,
    plain_figure,
    plain_pieces,
    plain_shifts,
    planned_job,
    quality,
    series_of,
    used_by,
)
from joulewise.schedule.emitting import NETWORK, Pair, World, emitted_g, moved, pair, weigh
from joulewise.schedule.hindsight import best_ways_in_hindsight
from joulewise.schedule.laying import (
    Piece,
    PlacedPiece,
    Stretch,
    Work,
    begun_at,
    laid_in,
    overheads_of,
    pauses_of,
    work_of,
)
from joulewise.schedule.market import market_saved
from joulewise.schedule.places import NETWORK_KWH_PER_GB

SAVED = "counterfactual - realised"
LEAST_BASELINE_G = 1e-9
"""A share of less than a nanogram (a millisecond's work of a phone) says nothing, and soon is beyond all bounds."""
NO_RATIO = "no share is given: begun at once at home, the job would have emitted next to nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a decision takes beside energy and intensities.

    `energy` is the run's whole energy with the meter's bounds; None takes the sum of the intervals as it stands.
    `pue` is by region; one that is absent counts as included. `market` is the supply contract's g/kWh by region.
    `overheads` are the times of saving, restoring and redone work; None takes the job's own `save_s` and `restore_s`.
    """

    energy: Figure | None = None
    pue: Mapping[str, Figure] = field(default_factory=dict)
    market: Mapping[str, Figure] = field(default_factory=dict)
    overheads: Sequence[Stretch] | None = None
    supersedes: str | None = None
    notices: Sequence[str] = ()


def decide(
    plan: Plan,
    run_id: str,
    energy_by_interval: Sequence[Piece],
    segments: Sequence[Segment],
    signals: Mapping[str, Sequence[Signal]],
    terms: Terms | None = None,
    *,
    decided_at: datetime,
) -> Decision:
    """What became of a plan. `energy_by_interval` is all that was measured, IT energy before PUE, pauses included.

    `segments` are those in which the job really ran; `signals` are by region, must cover the run and the same work
    begun at once at home, and are all of one type; where they cover the whole window, hindsight is told as well.
    The first decision on a plan has an id of the run and the plan: whoever decides once more makes no second first one.
    Raises UndefinedFigure where nothing was measured, FactorError for holes, SignalMismatch for a mixture of types.
    """
    terms = terms or Terms()
    if not energy_by_interval or not segments:
        raise UndefinedFigure("nothing was measured, hence nothing is known to be saved", hint="joulewise doctor")
    case = _case(plan, energy_by_interval, tuple(segments), signals, terms)
    first = terms.supersedes is None
    decision_id = first_id(run_id, plan.id) if first else new_ulid(int(decided_at.timestamp() * 1e9))
    realised = weigh(case.placed, case.world)
    realised.update(moved(_moves(plan, segments), signals))
    counterfactual = weigh(begun_at(case.work, case.submitted_at, plan.job.home), case.world)
    sides = pair(realised, counterfactual, case.world, decision_id)
    return Decision(
        id=decision_id,
        run_id=run_id,
        plan_id=plan.id,
        decided_at=decided_at,
        chosen=plan.chosen,
        segments=tuple(segments),
        realised=_realised_figure(sides, case.world),
        counterfactual=_figure(sides.bounds(_counterfactual), "g", MODELLED, "the same energy at submit, at home"),
        saved=_saved(sides),
        ratio=_ratio_figure(sides),
        oracle=_oracle(case, sides),
        market_saved=market_saved(sides, case.world, terms.market),
        details=_details(case, sides, terms),
        supersedes=terms.supersedes,
    )


def first_id(run_id: str, plan_id: str) -> str:
    """The id of the first decision on what a run saved by a plan."""
    return derived_ulid(run_id, "decision", plan_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A plan and what was measured, put in order."""

    plan: Plan
    pieces: tuple[Piece, ...]
    segments: tuple[Segment, ...]
    placed: tuple[PlacedPiece, ...]
    work: Work
    world: World
    submitted_at: datetime


def _case(
    plan: Plan,
    pieces: Sequence[Piece],
    segments: tuple[Segment, ...],
    signals: Mapping[str, Sequence[Signal]],
    terms: Terms,
) -> _Case:
    measured = tuple(sorted((*pieces, *_unmetered_idling(plan, pieces, segments))))
    overheads = overheads_of(plan.job, segments) if terms.overheads is None else tuple(terms.overheads)
    whole_j = sum(energy_j for _, _, energy_j in pieces)
    regions = dict.fromkeys((plan.job.home, *plan.job.regions, *(one.region for one in segments)))
    unknown = exact(1.0, "1", DEFAULT, "PUE included")
    return _Case(
        plan=plan,
        pieces=measured,
        segments=segments,
        placed=tuple(_placed(measured, segments)),
        work=work_of(measured, segments[0].start, (*pauses_of(segments), *overheads)),
        world=World(
            signals={name: found for name in regions if (found := signals.get(name))},
            pue={**{name: terms.pue.get(name, unknown) for name in regions}, NETWORK: NETWORK_KWH_PER_GB},
            energy=terms.energy or exact(whole_j, "J", MEASURED, "energy by interval"),
        ),
        submitted_at=max(plan.created_at, plan.job.release),
    )


def _unmetered_idling(plan: Plan, pieces: Sequence[Piece], segments: Sequence[Segment]) -> list[Piece]:
    """A machine that was held through a pause idled, metered or not."""
    idle_w = plan.job.idle_power_w
    if not idle_w > 0:
        return []
    held = [one for one in pauses_of(segments) if _region_at(segments, one[0]) == _region_at(segments, one[1])]
    bare = [one for one in held if not any(start < one[1] and one[0] < end for start, end, _ in pieces)]
    return [(start, end, idle_w * (end - start).total_seconds()) for start, end in bare]


def _region_at(segments: Sequence[Segment], moment: datetime) -> str:
    """Where the job was: in the segment that began last, before the first one in the first."""
    begun = [one for one in segments if one.start <= moment]
    return (begun[-1] if begun else segments[0]).region


def _placed(pieces: Sequence[Piece], segments: Sequence[Segment]) -> list[PlacedPiece]:
    """Every piece with its region, cut where the job moved."""
    turns = [one.start for one in segments[1:]]
    found: list[PlacedPiece] = []
    for start, end, energy_j in pieces:
        edges = [start, *(turn for turn in turns if start < turn < end), end]
        for first, last in pairwise(edges):
            share = 1.0 if len(edges) == 2 else (last - first) / (end - start)
            found.append((_region_at(segments, first), first, last, energy_j * share))
    return found


def _moves(plan: Plan, segments: Sequence[Segment]) -> list[tuple[str, datetime, float]]:
    """Gigabytes moved, half of the electricity at either end; the first move is from home."""
    here, found = plan.job.home, []
    for segment in segments:
        if segment.region != here and plan.job.data_gb > 0:
            found += [(name, segment.start, plan.job.data_gb / 2) for name in (here, segment.region)]
        here = segment.region
    return found


def _known_until(case: _Case) -> datetime:
    """How far hindsight sees: to the deadline (or the end, if it came later), if the intensities at home reach there.

    A decision that is made before the deadline knows nothing of the hours until then; a later one may supersede it.
    """
    wanted = max(case.plan.job.deadline, *(end for _, _, end, _ in case.placed))
    home = case.world.signals.get(case.plan.job.home, ())
    return min([wanted, *([max(signal.end for signal in home)] if home else [])])


# Figures


def _realised_figure(sides: Pair, world: World) -> Figure:
    method = weakest((world.energy.method, *(_method(signal) for _, signal in sides.realised_by)))
    _, low, high = sides.bounds(_realised)  # its value is off by the rounding of two differences
    found = sides.realised_g, min(low, sides.realised_g), max(high, sides.realised_g)
    return _figure(found, "g", method, "energy as measured, where and when it was used")


def _ratio_figure(sides: Pair) -> Figure | None:
    """None where there was next to nothing to save from: a share of that has no size."""
    if not has_ratio(sides.counterfactual_g):
        return None
    return _figure(sides.bounds(ratio_of), "1", MODELLED, "saved / counterfactual")


def _realised(saved_g: float, counterfactual_g: float) -> float:
    return max(0.0, counterfactual_g - saved_g)


def _counterfactual(_saved_g: float, counterfactual_g: float) -> float:
    return max(0.0, counterfactual_g)


def ratio_of(saved_g: float, counterfactual_g: float) -> float:
    """Saved over counterfactual; to have emitted nothing is all that can be saved."""
    return min(1.0, saved_g / counterfactual_g) if has_ratio(counterfactual_g) else 0.0


def has_ratio(counterfactual_g: float) -> bool:
    """False where there was nothing, or next to nothing, to save from."""
    return counterfactual_g >= LEAST_BASELINE_G


def _saved(sides: Pair) -> Figure:
    return _figure(sides.bounds(lambda saved_g, _: saved_g), "g", MODELLED, SAVED)


def _figure(found: tuple[float, float, float], unit: str, method: str, source: str) -> Figure:
    """Emissions have no negative bounds; savings and ratios may."""
    value, low, high = found
    low = max(0.0, low) if unit == "g" and source != SAVED else low
    return Figure(value=value, low=min(value, low), high=high, unit=unit, method=method, source=source)


def _method(signal: Signal) -> str:
    return REPORTED if signal.status in ("measured", "annual") else MODELLED


def _oracle(case: _Case, sides: Pair) -> Figure | None:
    """The least of all ways, at the intensities as they came. What was done and what is compared with are two of them,
    so that no rounding of slots can make hindsight worse than either."""
    window = case.submitted_at, _known_until(case)
    ways = best_ways_in_hindsight(case.plan.job, case.work, case.world, window)
    if ways is None:
        return None
    candidates = [sides.realised_by, sides.counterfactual_by]
    for segments in ways:
        weights = weigh(laid_in(case.work, segments, case.plan.job), case.world)
        weights.update(moved(_moves(case.plan, segments), case.world.signals))
        candidates.append(weights)
    best = min(candidates, key=lambda weights: emitted_g(weights, case.world.pue))
    found = pair(best, best, case.world, "")
    return _figure(found.bounds(_counterfactual), "g", MODELLED, "the best that the job allowed, in hindsight")


def _details(case: _Case, sides: Pair, terms: Terms) -> dict[str, Any]:
    realised_types = {signal.type for signals in case.world.signals.values() for signal in signals}
    alike = {signal.type for signal in case.plan.forecast} <= realised_types
    # planned on marginal values, say, and realised on average ones: figures that must not stand side by side
    chosen, now = (case.plan.option(), case.plan.option("now")) if alike else (None, None)
    pauses = pauses_of(case.segments)
    regions = dict.fromkeys(region for region, _ in used_by(sides))
    notices = [*terms.notices, *(() if has_ratio(sides.counterfactual_g) else [NO_RATIO])]
    return {
        **quality(sides),
        "submitted_at": moment_text(case.submitted_at),
        "home": case.plan.job.home,
        "energy_j": case.work.energy_j + case.work.overhead_j,
        "overhead_j": case.work.overhead_j,
        "moved_gb": moved_gb(sides.realised_by),
        "pauses": len(pauses),
        "paused_s": sum((end - start).total_seconds() for start, end in pauses),
        "hindsight_regions": list(case.world.signals),
        "hindsight_until": moment_text(_known_until(case)),
        "waited_s": (case.segments[0].start - case.submitted_at).total_seconds(),
        "planned": None if chosen is None else plain_figure(chosen.emissions),
        "planned_job": planned_job(case.plan),
        "planned_saved_g": None if not chosen or not now else now.emissions.value - chosen.emissions.value,
        "energy": plain_figure(case.world.energy),
        "energy_by_interval": plain_pieces(case.pieces),
        "overheads": None if terms.overheads is None else [[*map(moment_text, one)] for one in terms.overheads],
        "pue": {name: plain_figure(terms.pue[name]) for name in regions if name in terms.pue},
        "market": {name: plain_figure(one) for name, one in terms.market.items()},
        "signals": series_of(sides),
        "errors": plain_shifts(sides.shifts),
        "notices": list(dict.fromkeys(notices)),
    }
