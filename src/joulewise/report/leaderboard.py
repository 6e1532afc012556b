"""The leaderboard: who is best at what cost, as tables for people and records for machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from textwrap import fill
from typing import Any

from joulewise.core.figures import Figure
from joulewise.report.anatomy import anatomy, anatomy_fields, has_anatomy, told_of_models
from joulewise.report.bench_view import BenchRow, BenchView
from joulewise.report.escape import markdown, plain, to_ascii
from joulewise.report.listing import Listing, Style, draw, figure_fields, simple
from joulewise.report.measures import ABSENT, alone, metric_head, points, ratio_words, signed, with_interval

_SURENESS = (
    "Ratios to the baseline are paired: both ran in turns on one machine, so what the meter gets wrong alike cancels, "
    "and they are far surer than each absolute figure."
)
_DIRECTIONS = {
    True: "{name}: more is taken as better; if it is an error, set greater_is_better = False on the function.",
    False: "{name}: less is better, as its greater_is_better says.",
}


def leaderboard(view: BenchView) -> Listing:
    """One wide table with everything, for Markdown, CSV and JSON."""
    quality = metric_head(view.metric)
    columns = (
        "Rank", "Variant", quality, view.energy_words.capitalize(), "Against the baseline", "CPU time", "p50", "p99",
        "Throughput", "Memory", "Size", "On the front",
    )  # fmt: skip
    lines = [
        (
            rank_text(row),
            row.name,
            with_interval(row.quality),
            with_interval(row.energy),
            ratio_words(row.ratio),
            *_costs(row),
            alone(row.size),
            "yes" if row.on_front else "no" if row.rank else ABSENT,
        )
        for row in view.rows
    ]
    numeric = columns[2:-1]
    grid = simple(
        view.title, columns, lines, numeric=numeric, spare=("p50", "Throughput", "Size", "Memory", "CPU time")
    )
    return Listing(grid=grid, records=tuple(_record(row, view) for row in view.rows), footer="\n".join(told(view)))


def draw_leaderboard(view: BenchView, format: str, style: Style | None = None) -> str:
    """In one of listing.FORMATS. On a terminal several tables, so that eighty columns hold every figure."""
    style = style or Style()
    if format == "markdown":
        return f"{draw(leaderboard(view), format, style)}\n" + "".join(f"- {markdown(line)}\n" for line in told(view))
    if format != "table":
        return draw(leaderboard(view), format, style)
    if not view.rows:
        return "Nothing was compared.\n"
    tables = [*_standings(view, style.width), *further(view)]
    parts = [_head(view), *(draw(one, "table", style) for one in tables)]
    lines = [fill(plain(line), max(style.width, 20), subsequent_indent="  ") for line in told(view)]
    text = "\n".join([*parts, *lines]) + "\n"
    return to_ascii(text) if style.ascii_only and not style.color else text


def _standings(view: BenchView, width: int) -> Iterator[Listing]:
    """Who stands where: one table where there is room, else two, since a table that is cut to pieces compares nothing.
    The figures of each first, then what stands against the baseline."""
    from joulewise.report.terminal import needed_width, without  # it brings rich

    whole = places(view)
    if needed_width(without(whole.grid, whole.grid.spare)) <= width:
        yield whole
        return
    columns = whole.grid.columns
    own = frozenset({"Rank", metric_head(view.metric), view.energy_words.capitalize()})
    compared = frozenset(columns) - own - {"Variant"}
    yield Listing(grid=without(whole.grid, compared), records=())
    if compared:
        grid = replace(without(whole.grid, own), title="Against the baseline", spare=frozenset())
        yield Listing(grid=grid, records=())


def further(view: BenchView) -> Iterator[Listing]:
    """The tables that stand below the places: what each takes, what each is."""
    if any(row.cpu_time or row.latency_p50 or row.memory for row in view.rows):
        yield usage(view)
    if has_anatomy(view):
        yield anatomy(view)


def rank_text(row: BenchRow) -> str:
    """ "1", "2", "1, tie", or a dash for what is not ranked."""
    if row.rank is None:
        return ABSENT
    return f"{row.rank}, tie" if row.tied_with else str(row.rank)


def told(view: BenchView) -> list[str]:
    """What the table can't say: who beats whom and why, ties, what is not ranked, how sure the figures are."""
    return list(dict.fromkeys(_told(view)))


def _told(view: BenchView) -> Iterator[str]:
    if view.cheapest:
        names = " and ".join(view.cheapest)
        tie = " (a tie)" if len(view.cheapest) > 1 else ""
        yield f"Least energy{' above the floors' if view.floors else ''}: {names}{tie}."
    if view.knee:
        yield f"The front bends at {view.knee}: beyond it, quality costs ever more energy."
    yield from _ties(view)
    yield from _beaten(view)
    for row in view.rows:
        if row.rank is None:
            yield f"{row.name} is not ranked: {'; '.join(row.reasons)}."
    if any(row.is_paired for row in view.rows):
        yield _SURENESS
    if ":" in view.metric:
        yield _DIRECTIONS[view.greater_is_better].format(name=view.metric)
    yield from told_of_models(view)
    yield from view.notices


def _ties(view: BenchView) -> Iterator[str]:
    """Each tie once: A with B and C; B and C again only if they tie with more."""
    told: set[frozenset[str]] = set()
    for row in view.rows:
        new = [name for name in row.tied_with if frozenset({row.name, name}) not in told]
        told |= {frozenset({row.name, name}) for name in new}
        if new:
            yield f"{row.name} ties with {', '.join(new)}: the intervals overlap in both."


def _beaten(view: BenchView) -> Iterator[str]:
    """Each winner once, with those that it beats for the same reason."""
    losers: dict[tuple[str, str], list[str]] = {}
    for row in view.rows:
        for one in row.beaten_by[:1]:
            losers.setdefault((one.by, one.why), []).append(row.name)
    for (winner, why), names in losers.items():
        yield f"{winner} beats {', '.join(names)}: {why}."


def _head(view: BenchView) -> str:
    floors = f"; floors: {', '.join(view.floors)}" if view.floors else ""
    at = f", {view.condition}" if view.condition else ""
    return f"{plain(view.title)}{plain(at)}{plain(floors)}\n"


def places(view: BenchView) -> Listing:
    """The narrow table of who stands where; it has no records."""
    changed = any(row.quality_change for row in view.rows)
    against = any(row.ratio and not row.is_baseline for row in view.rows)
    energy = view.energy_words.capitalize()
    columns = (
        "Rank",
        "Variant",
        metric_head(view.metric),
        *(("Change",) if changed else ()),
        energy,
        *(("Against the baseline",) if against else ()),
    )
    lines = [
        (
            rank_text(row),
            row.name,
            with_interval(row.quality),
            *((_change(row, view),) if changed else ()),
            with_interval(row.energy),
            *((ratio_words(row.ratio),) if against else ()),
        )
        for row in view.rows
    ]
    return Listing(grid=simple("Places", columns, lines, numeric=columns[2:], spare=("Change",)), records=())


def _change(row: BenchRow, view: BenchView) -> str:
    """Points of a share; errors such as RMSE have a unit of their own."""
    return points(row.quality_change) if view.greater_is_better else signed(row.quality_change)


def usage(view: BenchView) -> Listing:
    """The narrow table of what each takes; it has no records."""
    columns = ("Variant", "CPU time", "p50", "p99", "Throughput", "Memory")
    lines = [(row.name, *_costs(row)) for row in view.rows]
    return Listing(grid=simple("Costs", columns, lines, numeric=columns[1:]), records=())


def _costs(row: BenchRow) -> Sequence[str]:
    rate = alone(row.throughput).replace(" 1/s", "/s")
    return (
        alone(row.cpu_time),
        alone(row.latency_p50),
        alone(row.latency_p99),
        rate if rate == ABSENT or rate.endswith("/s") else f"{rate} /s",
        alone(row.memory),
    )


def _record(row: BenchRow, view: BenchView) -> dict[str, Any]:
    return {
        "variant_id": row.id or None,
        "name": row.name,
        "runtime": row.runtime or None,
        "rank": row.rank,
        "tied_with": list(row.tied_with),
        "on_front": row.on_front if row.rank else None,
        "beaten_by": [{"name": one.by, "why": one.why} for one in row.beaten_by],
        "not_ranked_because": list(row.reasons),
        "is_baseline": row.is_baseline,
        "metric": view.metric,
        **figure_fields("quality", "share", row.quality),
        **figure_fields("quality_change", "share", row.quality_change),
        **_bounded(f"energy_j_per_{view.unit}", row.energy),
        **figure_fields("energy", "ratio", row.ratio),
        "ratio_is_paired": row.is_paired,
        **_bounded("cpu_s_per_inference", row.cpu_time),
        **figure_fields("latency_p50", "s", row.latency_p50),
        **figure_fields("latency_p99", "s", row.latency_p99),
        **_bounded("throughput_per_s", row.throughput),
        **figure_fields("memory_peak", "bytes", row.memory),
        **figure_fields("size", "bytes", row.size),
        **anatomy_fields(row),
        "condition": view.condition,
        "boundary": view.boundary,
        "floors": list(view.floors),
    }


def _bounded(name: str, figure: Figure | None) -> dict[str, Any]:
    """Fields named as the quantity of the observation that they are from."""
    return {
        name: figure.value if figure else None,
        f"{name}_low": figure.low if figure else None,
        f"{name}_high": figure.high if figure else None,
        f"{name}_method": figure.method if figure else None,
    }
