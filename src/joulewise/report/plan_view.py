"""A plan for people and machines: what is recommended and why, every alternative, the Pareto list.

Times are shown in UTC and, where it differs, in local time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from joulewise.core.figures import Figure, exact
from joulewise.core.plans import Option, Plan, Segment
from joulewise.report.digits import number, rescaled, seconds, shown
from joulewise.report.listing import Listing, figure_fields, simple

if TYPE_CHECKING:
    from joulewise.schedule import Choice, Planned

TITLES = {
    "now": "run now",
    "best-start": "best start",
    "best-region": "best region",
    "start-and-region": "both",
    "paused": "paused",
    "paused-and-region": "paused, moved",
    "start": "another start",
}
NO_PRICE = "no price known"


def plan(planned: Planned, local: tzinfo | None = None) -> Listing:
    """What is recommended, a line a figure; one record with all of the plan."""
    plan = planned.plan
    chosen = _chosen(plan)
    lines = [
        ("Recommended", _headline(plan, chosen, local)),
        *_segment_lines(plan, chosen, local),
        ("Carbon", shown(chosen.emissions)),
        *([("Saved", f"{shown(planned.saved[chosen.name])} against running now")] if chosen.name != "now" else []),
        ("Energy", f"{shown(chosen.energy)} with PUE"),
        ("Cost", _money(chosen.cost) if chosen.cost else NO_PRICE),
        ("Finish", f"{when(chosen.finish_at, local, plan.created_at)}{_late(planned.late_s[chosen.name])}"),
        ("Regret", _regret(chosen)),
        ("Why", plan.reason),
        *_otherwise(planned, local),
        ("Forecast", _known(plan)),
    ]
    notices = "\n".join(f"Note: {notice}" for notice in plan.notices)
    return Listing(grid=simple(_title(plan), ("What", "Value"), lines), records=(plan_record(planned),), footer=notices)


def options(planned: Planned) -> Listing:
    """Every alternative, a line each."""
    columns = ("Way", "Where and when (UTC)", "Carbon (CO2e)", "Saved", "Regret", "Later", "Energy", "Cost")
    size_of = planned.plan.options[0].emissions
    lines = [
        (
            _mark(option, planned.plan) + TITLES[option.name],
            _short(option),
            shown(option.emissions, co2e=False, size_of=size_of),
            shown(planned.saved[option.name], co2e=False, size_of=size_of) if option.name != "now" else "",
            "" if option.regret_g is None else _plain_g(option.regret_g, size_of),
            _hours(planned.late_s[option.name]) if planned.late_s[option.name] else "",
            shown(option.energy),
            _money(option.cost) if option.cost else "",
        )
        for option in planned.plan.options
    ]
    whole = ("Carbon (CO2e)", "Saved", "Regret", "Later", "Energy", "Cost")
    grid = simple("Every way to run it", columns, lines, numeric=whole, spare=("Energy", "Cost"))
    return Listing(grid=grid, records=tuple(_option_records(planned)), footer=_legend())


def front(planned: Planned) -> Listing:
    """The Pareto list of carbon, cost and time, soonest first."""
    columns = ("Finish (UTC)", "Start (UTC)", "Where", "Carbon (CO2e)", "Cost", "Way")
    size_of = planned.plan.options[0].emissions
    lines = [
        (
            _day_time(one.finish_at, planned.plan.created_at),
            _day_time(one.start, planned.plan.created_at),
            one.region,
            _plain_g(one.emissions_g, size_of),
            "" if one.cost is None else _price(one.cost),
            TITLES[one.name],
        )
        for one in planned.front
    ]
    grid = simple("Choices that nothing beats in carbon, cost and time", columns, lines, numeric=columns[:5])
    some = {one.cost is None for one in planned.front} == {True, False}
    footer = (
        "No price is known of a choice without a cost: it is not compared with those that have one." if some else ""
    )
    return Listing(grid=grid, records=tuple(map(_choice_record, planned.front)), footer=footer)


def crews(planned: Planned, local: tzinfo | None = None) -> Listing:
    """How many workers run when, of a job that can use several."""
    elastic = planned.elastic
    parts = elastic.crews if elastic else ()
    lines = [(when(one.start, local), when(one.end, local), str(one.workers)) for one in parts]
    records = tuple({"start": one.start, "end": one.end, "workers": one.workers} for one in parts)
    title = "Workers by time"
    if elastic:
        title += f": {shown(elastic.emissions)}, saves {shown(elastic.saved)}, {shown(elastic.energy)}"
    return Listing(grid=simple(title, ("Start", "End", "Workers"), lines, numeric=("Workers",)), records=records)


def one_line(planned: Planned, local: tzinfo | None = None) -> str:
    """The recommendation in a line."""
    chosen = _chosen(planned.plan)
    saved = "" if chosen.name == "now" else f", saves {shown(planned.saved[chosen.name])}"
    return f"{_headline(planned.plan, chosen, local)}: {shown(chosen.emissions)}{saved}"


def when(moment: datetime, local: tzinfo | None = None, told_at: datetime | None = None) -> str:
    """A moment in UTC and, where that differs, in local time: "Tue 3 Mar 02:00 UTC (03:00 local)"; with its year if
    that is not the one of `told_at`."""
    utc, here = moment.astimezone(UTC), moment.astimezone(local)
    text = f"{utc:%a} {utc.day} {utc:%b}{_year(utc, told_at)} {utc:%H:%M} UTC"
    if here.utcoffset() == utc.utcoffset():
        return text
    day = "" if here.date() == utc.date() else f"{here:%a} {here.day} {here:%b} "
    return f"{text} ({day}{here:%H:%M} local)"


def _year(moment: datetime, told_at: datetime | None) -> str:
    return "" if told_at is None or moment.year == told_at.astimezone(UTC).year else f" {moment.year}"


def plan_record(planned: Planned) -> dict[str, Any]:
    """All of a plan but the forecast itself."""
    plan = planned.plan
    job = plan.job
    return {
        "id": plan.id,
        "created_at": plan.created_at,
        "chosen": plan.chosen,
        "reason": plan.reason,
        "job": {name: getattr(job, name) for name in job.__dataclass_fields__} | {"energy_j": job.energy_j},
        "options": list(_option_records(planned)),
        "front": list(map(_choice_record, planned.front)),
        "elastic": _elastic_record(planned),
        "notices": list(plan.notices),
        "forecast": [
            {"zone": zone, "signals": count, "kind": kind, "basis": basis, "status": status}
            for (zone, kind, basis, status), count in _sources(plan).items()
        ],
    }


def _chosen(plan: Plan) -> Option:
    return next(option for option in plan.options if option.name == plan.chosen)


def _title(plan: Plan) -> str:
    job = plan.job
    size = exact(job.energy_j, "J")
    value, _, _, unit = rescaled(size, size)
    energy = f"{number(float(f'{value:.3g}'))} {unit}"  # what a plan supposes is not known any better
    return f"Plan for {job.name or 'a job'}: {_hours(job.duration_s)}, {energy}, at home in {job.home}"


def _headline(plan: Plan, option: Option, local: tzinfo | None) -> str:
    first = option.segments[0]
    where = "" if first.region == plan.job.home else f" in {first.region}"
    if option.name == "now":
        return "run now"
    if option.name == "best-region":
        return f"run now{where}"
    pauses = len(option.segments) - 1
    paused = f", with {pauses} pause{'s' if pauses > 1 else ''}" if pauses else ""
    return f"start {when(first.start, local, plan.created_at)}{where}{paused}"


def _segment_lines(plan: Plan, option: Option, local: tzinfo | None) -> Iterator[tuple[str, str]]:
    if len(option.segments) > 1:
        for index, one in enumerate(option.segments, start=1):
            start, end = (when(moment, local, plan.created_at) for moment in (one.start, one.end))
            yield f"Part {index}", f"{start} to {end}, {one.region}"


def _otherwise(planned: Planned, local: tzinfo | None) -> Iterator[tuple[str, str]]:
    """Where nothing is recommended, what would be expected to be the best all the same."""
    plan = planned.plan
    best = min(plan.options, key=lambda option: option.emissions.value)
    if plan.chosen == "now" and best.name != "now" and planned.saved[best.name].value > 0:
        yield "Otherwise", f"{_headline(plan, best, local)}: saves {shown(planned.saved[best.name])}"


def _short(option: Option) -> str:
    return "; ".join(f"{one.region} {_span(one)}" for one in option.segments)


def _span(segment: Segment) -> str:
    start, end = segment.start.astimezone(UTC), segment.end.astimezone(UTC)
    return f"{start:%a %H:%M}–{end:%a %H:%M}" if start.date() != end.date() else f"{start:%a %H:%M}–{end:%H:%M}"


def _day_time(moment: datetime, told_at: datetime) -> str:
    """Like "Tue 03 02:00", in UTC; of another year "Tue 3 Mar 2027 02:00"."""
    utc = moment.astimezone(UTC)
    year = _year(utc, told_at)
    return f"{utc:%a} {utc.day} {utc:%b}{year} {utc:%H:%M}" if year else f"{utc:%a %d %H:%M}"


def _mark(option: Option, plan: Plan) -> str:
    return "> " if option.name == plan.chosen else "  "


def _late(late_s: float) -> str:
    return f", {_hours(late_s)} later than now" if late_s > 0 else ""


def _hours(duration_s: float) -> str:
    """Hours with one decimal; minutes below two hours, seconds below two minutes."""
    if abs(duration_s) < 120:
        return seconds(duration_s)
    if abs(duration_s) < 7_200:
        return f"{number(round(duration_s / 60, 1))} min"
    return f"{number(round(duration_s / 3_600, 1))} h"


def _regret(option: Option) -> str:
    if option.regret_g is None:
        return "unknown"
    return f"{_plain_g(option.regret_g, option.emissions)} CO2e expected against perfect foresight"


def _plain_g(grams: float, size_of: Figure) -> str:
    """Grams in the size of a figure, three digits: an expectation has no interval of its own."""
    return shown(exact(float(f"{grams:.3g}"), "g"), co2e=False, size_of=size_of if abs(grams) > 1e-3 else None)


def _money(cost: Figure) -> str:
    return _price(cost) if cost.low == cost.high else shown(cost, co2e=False)


def _price(cost: Figure) -> str:
    """To the cent; less than a unit of money with three digits, so that a little is never nothing."""
    value = float(f"{cost.value:.3g}") if abs(cost.value) < 1 else round(cost.value, 2)
    return f"{number(value)} {cost.unit}"


def _legend() -> str:
    return (
        "> is recommended. Intervals hold 95 % of the futures that forecast error, PUE and network allow; both ways of "
        "a saving\nshare one future. Regret is the mean loss against perfect foresight of all that the job may do."
    )


_STATUSES = {"climatology": "typical hours", "annual": "annual average, which knows no hours"}


def _known(plan: Plan) -> str:
    """What the forecast of each zone is: "DE: typical hours; average, lifecycle"."""
    by_zone: dict[str, list[str]] = {}
    for zone, _, _, status in _sources(plan):
        by_zone.setdefault(zone, []).append(_STATUSES.get(status, status))
    zones = ", ".join(f"{zone}: {' and '.join(found)}" for zone, found in by_zone.items())
    return f"{zones}; {plan.forecast[0].kind}, {plan.forecast[0].basis}"


def _sources(plan: Plan) -> Mapping[tuple[str, str, str, str], int]:
    found: dict[tuple[str, str, str, str], int] = {}
    for signal in plan.forecast:
        key = (signal.zone, signal.kind, signal.basis, signal.status)
        found[key] = found.get(key, 0) + 1
    return found


def _option_records(planned: Planned) -> Iterator[dict[str, Any]]:
    for option in planned.plan.options:
        saved = planned.saved[option.name] if option.name != "now" else None
        yield {
            "name": option.name,
            "chosen": option.name == planned.plan.chosen,
            "start": option.segments[0].start,
            "finish_at": option.finish_at,
            "late_s": planned.late_s[option.name],
            **figure_fields("emissions", "g", option.emissions),
            **figure_fields("saved", "g", saved),
            **figure_fields("energy", "j", option.energy),
            **figure_fields("cost", planned.plan.job.currency.lower(), option.cost),
            "regret_g": option.regret_g,
            "segments": [{"region": one.region, "start": one.start, "end": one.end} for one in option.segments],
        }


def _elastic_record(planned: Planned) -> dict[str, Any] | None:
    elastic = planned.elastic
    if elastic is None:
        return None
    return {
        "finish_at": elastic.finish_at,
        **figure_fields("emissions", "g", elastic.emissions),
        **figure_fields("saved", "g", elastic.saved),
        **figure_fields("energy", "j", elastic.energy),
        "crews": list(crews(planned).records),
    }


def _choice_record(one: Choice) -> dict[str, Any]:
    record = {name: getattr(one, name) for name in one.__dataclass_fields__ if name != "cost"}
    return record | ({f"cost_{one.cost.unit.lower()}": one.cost.value} if one.cost else {})
