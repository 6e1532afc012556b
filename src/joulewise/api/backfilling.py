"""Better intensities for what is filed: emissions and savings are computed anew and supersede the old ones.

The energy stays as it was measured, by clock hour. A second call files nothing, since nothing has got better since.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

from joulewise import carbon, schedule
from joulewise.api.filing import ENERGY_BY_HOUR, current
from joulewise.core import settings as _settings
from joulewise.core.errors import FactorError, JoulewiseError
from joulewise.core.figures import Figure
from joulewise.schedule import decision_details
from joulewise.schedule.profile import energy_of

if TYPE_CHECKING:
    from joulewise.carbon import Known
    from joulewise.core.plans import Decision
    from joulewise.core.records import Bundle
    from joulewise.core.settings import Settings
    from joulewise.core.signals import Signal
    from joulewise.ledger import Ledger, RunRow

Interval = tuple[datetime, datetime, float]
Type = tuple[str, str, str]
_PAGE = 200
ACTOR = "carbon backfill"


class Source(Protocol):
    """Where better values come from: `carbon.Chain` is one."""

    notices: list[str]

    def signals(self, zone: str, start: datetime, end: datetime, *, of_type: Type | None = None) -> Sequence[Signal]:
        """Signals that cover [start, end), all of one type: of `of_type` if it is given, [] if none are."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfilled:
    """What became of a run. `before` and `after` are its operational emissions, location-based; `status_before` and
    `status_after` what they rest on. `changed` if better ones were filed, `decisions` how many of its savings were
    computed anew. `why` says why nothing was filed, or what the reader should know; `parent_id` is the task of which it
    is a part, "" for none."""

    run_id: str
    name: str
    changed: bool
    decisions: int = 0
    before: Figure | None = None
    after: Figure | None = None
    status_before: str = ""
    status_after: str = ""
    why: str = ""
    parent_id: str = ""


def backfill(
    run: str | None = None,
    settings: Settings | None = None,
    *,
    since: datetime | None = None,
    change_type: bool = False,
    notices: list[str] | None = None,
) -> Iterator[Backfilled]:
    """Revise one run, or all that began at or after `since`, where better intensities are known; see `backfill_in`.

    What the sources have to say, a missing key for one, is added to `notices` at the end.
    """
    settings = settings or _settings.load()
    carbon.check_sources(settings, os.environ)
    chain = carbon.chain_of(settings, os.environ)
    with current(settings) as ledger:
        yield from backfill_in(ledger, settings, run=run, since=since, chain=chain, change_type=change_type)
    if notices is not None:
        notices.extend(chain.notices)


def backfill_in(
    ledger: Ledger,
    settings: Settings,
    *,
    run: str | None = None,
    since: datetime | None = None,
    chain: Source | None = None,
    change_type: bool = False,
    now: datetime | None = None,
) -> Iterator[Backfilled]:
    """Revise one run, or all runs that began at or after `since` (all, without), newest first, as they come.

    `change_type` lets lifecycle values take the place of direct ones, or the other way; they are never combined.
    Raises NotFound for a run that is not there; nothing for a source that does not answer: then nothing is better.
    """
    chain = chain or carbon.chain_of(settings, os.environ)
    now = (now or datetime.now(UTC)).astimezone(UTC)
    for bundle in _bundles(ledger, run, since):
        revised = _revised(ledger, bundle, settings, chain, change_type)
        decisions = _decided_anew(ledger, bundle.run.id, chain, change_type, now)
        yield replace(revised, decisions=decisions)


def _bundles(ledger: Ledger, run: str | None, since: datetime | None) -> Iterator[Bundle]:
    if run is not None:
        yield ledger.bundle(ledger.resolve(run))
        return
    for row in _rows(ledger, since):
        yield ledger.bundle(row.id)


def _rows(ledger: Ledger, since: datetime | None) -> Iterator[RunRow]:
    from joulewise.ledger import RunQuery

    query = RunQuery(since=since, limit=_PAGE, count=False)
    while True:
        page = ledger.runs(query)
        yield from page.rows
        if page.next is None:
            return
        query = replace(query, cursor=page.next)


# Runs


def _revised(ledger: Ledger, bundle: Bundle, settings: Settings, chain: Source, change_type: bool) -> Backfilled:
    operational = carbon.filed_operational(bundle)
    told = Backfilled(run_id=bundle.run.id, name=bundle.run.name, changed=False, parent_id=bundle.run.parent_id or "")
    if operational is None:
        return replace(told, why="it has no location-based emissions to revise")
    told = replace(told, before=operational.figure)
    try:
        zone = zone_of(bundle, settings)
    except FactorError as error:
        return replace(told, why=error.message)
    old = carbon.known_of_run(bundle, zone) if zone else None
    if old is None:
        return replace(told, why="where it ran is not known: joulewise run --zone DE says so from the start")
    told = replace(told, status_before=old.status, status_after=old.status)
    intervals, note = energy_by_interval(bundle, ledger)
    if not intervals:
        return replace(told, why="no energy was measured")
    try:
        signals, new, why = _best(chain, zone, intervals, old, change_type)
        if new is None or why:
            return replace(told, why=why)
        revision = carbon.revise(bundle, intervals, signals)
    except JoulewiseError as error:  # one run that can't be revised must not keep the others from it
        return replace(told, why=error.message)
    ledger.append_calculations(revision.calculations, factors=revision.factors, actor=ACTOR)
    after = next(one.figure for one in revision.calculations if one.supersedes == operational.id)
    notes = [note, _type_note(new, old)]
    return replace(told, changed=True, after=after, status_after=new.status, why="; ".join(filter(None, notes)))


def _best(
    chain: Source, zone: str, intervals: Sequence[Interval], old: Known, change_type: bool
) -> tuple[Sequence[Signal], Known | None, str]:
    """The signals to take, what they tell, and why they don't take the place of the old ones, "" if they do.

    A source that knows several types may have better values of the filed one as well as those that it prefers.
    """
    start, end = min(one[0] for one in intervals), max(one[1] for one in intervals)
    end = max(end, start + timedelta(microseconds=1))

    def asked(of_type: Type | None) -> tuple[Sequence[Signal], Known | None, str]:
        signals = chain.signals(zone, start, end, of_type=of_type)
        known = carbon.known_of_signals(carbon.spread_energy(intervals, signals), zone) if signals else None
        return signals, known, _refusal(known, old, change_type)

    first = asked(None)
    if not first[2] or not _is_unlike(first[1], old):
        return first
    second = asked(old.type)
    return first if second[2] else second


def _refusal(new: Known | None, old: Known, change_type: bool) -> str:
    """Why the new values don't take the place of the old ones; "" if they do.

    Consumption may take the place of production: both are the location's average. Kind and basis may only if asked.
    """
    if new is None or not carbon.is_better(new, old):
        return "measured already" if old.status == "measured" else "no better values are known yet"
    if _is_unlike(new, old) and not change_type:
        return (
            f"the better values are {'/'.join(new.type)}, the filed ones {'/'.join(old.type)}: these can't be compared "
            "(--change-type files them all the same)"
        )
    return ""


def _is_unlike(new: Known | None, old: Known) -> bool:
    return new is not None and new.type[:2] != old.type[:2]


def _type_note(new: Known, old: Known) -> str:
    """What a reader must know who compares the old figure with the new one."""
    return "" if new.type == old.type else f"now {'/'.join(new.type)}, before {'/'.join(old.type)}"


def zone_of(bundle: Bundle, settings: Settings) -> str:
    """The grid zone of a run: what was set when it ran, else the zone of the factors that it took; "" if unknown.

    Raises FactorError for a zone that does not exist.
    """
    kept = str((bundle.run.environment.get("settings") or {}).get("zone") or "")
    if kept:
        return carbon.resolve(kept).zone
    zones = {factor.zone for factor in bundle.factors if factor.kind == "intensity"} - {"WORLD"}
    if len(zones) == 1:
        return zones.pop()
    return carbon.resolve(settings.zone).zone if settings.zone and not zones else ""


def energy_by_interval(bundle: Bundle, ledger: Ledger) -> tuple[list[Interval], str]:
    """The run's energy over time, and a note if it had to be taken as even: by hour as filed with the run, else from
    its power trace, scaled to its energy, else evenly. Empty without energy."""
    filed = bundle.run.environment.get(ENERGY_BY_HOUR)
    if filed:
        moment = datetime.fromisoformat
        return [(moment(start), moment(end), energy_j) for start, end, energy_j in filed], ""
    energy = energy_of(bundle)
    if energy is None or not energy.figure.value > 0:
        return [], ""
    traced = _traced(bundle, ledger, energy.figure.value)
    if traced:
        return traced, ""
    run = bundle.run
    end = max(run.ended_at, run.started_at + timedelta(microseconds=1))
    hours = (end - run.started_at) / timedelta(hours=1)
    note = "its energy by hour is not known and was taken as even" if hours > 1 else ""
    return [(run.started_at, end, energy.figure.value)], note


def _traced(bundle: Bundle, ledger: Ledger, energy_j: float) -> list[Interval]:
    from joulewise.api.reading import trace_of

    trace: Mapping[str, Sequence[float | None]] = trace_of(bundle, ledger.trace_folder) or {}
    begin, last_s = bundle.run.started_at, 0.0
    found: list[Interval] = []
    for moment_s, power_w in zip(trace.get("t_s", ()), trace.get("mine_w", ()), strict=False):
        if moment_s is None or not moment_s > last_s:
            continue
        if power_w is not None and isfinite(power_w) and power_w > 0:
            start, end = (begin + timedelta(seconds=one) for one in (last_s, moment_s))
            found.append((start, end, power_w * (moment_s - last_s)))
        last_s = moment_s
    whole_j = sum(one[2] for one in found)
    return [(start, end, part_j * energy_j / whole_j) for start, end, part_j in found] if whole_j > 0 else []


# Savings


def _decided_anew(ledger: Ledger, run_id: str, chain: Source, change_type: bool, now: datetime) -> int:
    """Supersede the run's decisions that better intensities change; how many."""
    count = 0
    for old in ledger.decisions(run_id):
        new = _decided(ledger, old, chain, change_type, now)
        if new is not None:
            ledger.append_decision(new, actor=ACTOR)
            count += 1
    return count


def _decided(ledger: Ledger, old: Decision, chain: Source, change_type: bool, now: datetime) -> Decision | None:
    details = old.details
    pieces = decision_details.pieces_of(details)
    if old.plan_id is None or not pieces or not old.segments:
        return None
    plan = ledger.plan(old.plan_id)
    seen = details.get("hindsight_regions", ())
    regions = dict.fromkeys((plan.job.home, *(one.region for one in old.segments), *seen))
    start, end = _window(plan.created_at, plan.job.deadline, old, now)
    for of_type in (None, _type_of(old)):
        try:
            zones = {name: carbon.resolve(name).zone for name in regions}
            signals = {name: chain.signals(zone, start, end, of_type=of_type) for name, zone in zones.items()}
            new = schedule.decide(plan, old.run_id, pieces, old.segments, signals, _terms(old, chain), decided_at=now)
        except JoulewiseError:  # holes, or unlike types
            continue
        if _is_worth(new, old, plan.job.home, change_type):
            return new
    return None  # what is filed stands


def _type_of(decision: Decision) -> Type | None:
    kind, basis, scope = decision.details.get("type") or ("", "", "")
    return (kind, basis, scope) if kind else None


def _is_worth(new: Decision, old: Decision, home: str, change_type: bool) -> bool:
    """True if the new decision rests on better intensities, or sees further."""
    before, after = (_known(one, home) for one in (old, new))
    if before is None or after is None:
        return False
    as_sure = after.sureness_rank >= before.sureness_rank and after.type[:2] == before.type[:2]
    grown = as_sure and _hindsight(new) > _hindsight(old)
    return grown or not _refusal(after, before, change_type)


def _window(created_at: datetime, deadline: datetime, old: Decision, now: datetime) -> tuple[datetime, datetime]:
    """From submit to the deadline, as far as whole hours of it have passed, and at least over what the decision needs.

    Whole hours: a second call a moment later sees no further, and files nothing.
    """
    now = now.replace(minute=0, second=0, microsecond=0)
    needed = [signal.end for one in decision_details.signals_of(old.details).values() for signal in one]
    return created_at, max(min(deadline, now), old.segments[-1].end, *needed)


def _terms(old: Decision, chain: Source) -> schedule.Terms:
    details = old.details

    def figures(name: str) -> dict[str, Figure]:
        return {region: Figure(**one) for region, one in details.get(name, {}).items()}

    energy: Mapping[str, Any] | None = details.get("energy")
    return schedule.Terms(
        energy=None if energy is None else Figure(**energy),
        pue=figures("pue"),
        market=figures("market"),
        overheads=decision_details.stretches_of(details.get("overheads")),
        supersedes=old.id,
        notices=tuple(chain.notices),
    )


def _known(decision: Decision, home: str) -> Known | None:
    """What a decision rests on, hour by hour alike."""
    zone = carbon.resolve(home).zone
    used = [one for found in decision_details.signals_of(decision.details).values() for one in found]
    return carbon.known_of_signals([(one, (one.end - one.start).total_seconds()) for one in used], zone)


def _hindsight(decision: Decision) -> datetime:
    text = decision.details.get("hindsight_until")
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)
