"""The grid as lists, for people and machines: what is known of an hour, the cleanest windows, zones, regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from joulewise.core.figures import Figure
from joulewise.core.signals import Signal
from joulewise.report.digits import number
from joulewise.report.grid_view import GridView, Window
from joulewise.report.grid_words import difference_words, mean_text, moment_words, status_words, type_words
from joulewise.report.heat_map import HeatMap
from joulewise.report.listing import Listing, figure_fields, simple

if TYPE_CHECKING:
    from joulewise.carbon.gazetteer import Place
    from joulewise.schedule import RankedRegion

UNIT = "g CO2e/kWh"


def present(view: GridView) -> Listing:
    """The signal in force now, a line a fact."""
    lines = [line for signal in view.signals for line in _facts(signal, view)]
    grid = simple("Now", ("What", "Value"), lines)
    return Listing(grid=grid, records=tuple(_record(signal, view) for signal in view.signals))


def _facts(signal: Signal, view: GridView) -> list[tuple[str, str]]:
    start, end = signal.start.astimezone(view.clock), signal.end.astimezone(view.clock)
    hours = f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}" if (end - start).days else f"{start:%H:%M} to {end:%H:%M}"
    utc = f"{signal.start.astimezone(UTC):%H:%M} to {signal.end.astimezone(UTC):%H:%M} UTC"
    return [
        ("Zone", view.title),
        ("Intensity", f"{mean_text(signal)} {UNIT}"),
        ("Hour", f"{hours} {view.clock}" + ("" if (end - start).days or str(view.clock) == "UTC" else f", {utc}")),
        ("How known", status_words(signal)),
        ("Counted", type_words(signal)),
        ("Source", signal.source),
        *([("Licence", signal.licence)] if signal.licence else []),
    ]


def course(view: GridView) -> Listing:
    """Every signal of the view, a line each; holes are lines with no value."""
    lines = [_course_line(signal, view) for signal in view.signals]
    columns = ("Local time", "UTC", UNIT, "95 % bounds", "How known")
    grid = simple("Intensity", columns, lines, numeric=(UNIT, "95 % bounds", "Local time", "UTC"), spare=("UTC",))
    records = [_record(signal, view) for signal in view.signals]
    records += [_gap_record(start, end, view) for start, end in view.gaps()]
    return Listing(grid=grid, records=tuple(sorted(records, key=lambda record: record["start"])))


def _course_line(signal: Signal, view: GridView) -> tuple[str, ...]:
    local = signal.start.astimezone(view.clock)
    value, _, bounds = mean_text(signal).partition(" ")
    times = f"{local:%a %Y-%m-%d %H:%M}", f"{signal.start.astimezone(UTC):%m-%d %H:%M}"
    return (*times, value, bounds.strip("()"), signal.status)


def windows(view: GridView) -> Listing:
    """The cleanest windows from now on."""
    found = view.windows()
    columns = ("Cleanest", "Start", UNIT, "Now instead", "Against now")
    lines = [
        (
            f"{window.hours} h",
            moment_words(window.best.start, view),
            mean_text(window.best),
            mean_text(window.at_once),
            difference_words(window, window.best.start <= view.now),
        )
        for window in found
    ]
    grid = simple(
        "Cleanest", columns, lines, numeric=("Cleanest", "Start", UNIT, "Now instead"), spare=("Now instead",)
    )
    return Listing(grid=grid, records=tuple(_window_record(window, view) for window in found))


def _window_record(window: Window, view: GridView) -> Mapping[str, Any]:
    now = window.at_once
    return {
        "zone": view.zone,
        "window_h": window.hours,
        "start": window.best.start,
        "end": window.best.end,
        "intensity_g_per_kwh": window.best.intensity_g_per_kwh,
        "intensity_low_g_per_kwh": window.best.low_g_per_kwh,
        "intensity_high_g_per_kwh": window.best.high_g_per_kwh,
        "now_intensity_g_per_kwh": now.intensity_g_per_kwh if now else None,
        "below_now_ratio": window.below_ratio,
        "is_tie": window.is_tie,
    }


def calendar(view: GridView, heat: HeatMap) -> Listing:
    """The cells of a calendar as a table of rows by hour, and as a record an hour."""
    columns = (heat.title, *(f"{hour:02}" for hour in range(len(heat.rows[0].slots) if heat.rows else 0)))
    lines = [
        (row.label, *(" / ".join(_brief(cell.mean) for cell in slot) or "-" for slot in row.slots)) for row in heat.rows
    ]
    records = [
        {
            "zone": view.zone,
            "row": row.label.replace("  ", " "),
            "hour": hour,
            "start": None if heat.of_months else cell.start,
            "intensity_g_per_kwh": cell.mean.intensity_g_per_kwh if cell.mean else None,
            "intensity_low_g_per_kwh": cell.mean.low_g_per_kwh if cell.mean else None,
            "intensity_high_g_per_kwh": cell.mean.high_g_per_kwh if cell.mean else None,
            "cleanest": cell.marked,
        }
        for row in heat.rows
        for hour, slot in enumerate(row.slots)
        for cell in slot
    ]
    return Listing(grid=simple(heat.title, columns, lines, numeric=columns[1:]), records=tuple(records))


def _brief(mean: Any) -> str:
    return f"{mean.intensity_g_per_kwh:.0f}" if mean else "?"


def zones(found: Sequence[Place], live: Mapping[str, Sequence[str]]) -> Listing:
    """The zones with what each has; `live` names the configured sources that say they know it."""
    columns = ("Zone", "Name", "Clock", "Typical hours", "Live", "Regions")
    lines = [
        (
            one.zone,
            one.name,
            one.time_zone,
            one.shape_years or "–",
            ", ".join(live.get(one.zone, ())) or "–",
            str(len(one.regions) or "–"),
        )
        for one in found
    ]
    whole = ("Clock", "Typical hours", "Regions")  # the name of a clock is not broken over two lines
    grid = simple("Zones", columns, lines, numeric=whole, spare=("Clock", "Regions"))
    records = tuple(
        {
            "zone": one.zone,
            "name": one.name,
            "time_zone": one.time_zone,
            "typical_hours_of": one.shape_years or None,
            "typical_hours_area": one.shape_area or None,
            "live": list(live.get(one.zone, ())),
            "regions": list(one.regions),
        }
        for one in found
    )
    shaped = sum(1 for one in found if one.shape_years)
    footer = f"{len(found)} zones, {shaped} with typical hours; the others have an annual average only"
    if not live:
        footer += "; no live source is set (--intensity uk, see joulewise grid now --help)"
    return Listing(grid=grid, records=records, footer=footer)


def regions(found: Sequence[RankedRegion], by: str, limit: int = 0) -> Listing:
    """Cloud regions in the order of `by`, with all else that they could be ranked by."""
    kept = found[:limit] if limit else found
    columns = ("#", "Region", "Place", "Grid", *_SORTED)
    lines = [_region_line(one, by) for one in kept]
    shown = [column for column, cells in zip(columns, zip(*lines, strict=True), strict=True) if set(cells) != {"–"}]
    rows = [tuple(cell for column, cell in zip(columns, line, strict=True) if column in shown) for line in lines]
    grid = simple("Regions", tuple(shown), rows, numeric={*_SORTED, "#"}, spare={"Place"})
    count = f"{len(kept)} of {len(found)} regions by {BY_WORDS[by]}"
    kinds = f"average: {found[0].basis}, annual; marginal: direct, where it is known" if found else ""
    footer = f"{count}; g CO2e/kWh, {kinds}. Regions whose 95 % bounds overlap are a tie"
    return Listing(grid=grid, records=tuple(map(_region_record, kept)), footer=footer)


BY_WORDS = {
    "average": "average intensity",
    "marginal": "marginal intensity",
    "adjusted": "average intensity with PUE",
    "price": "your price",
    "egress": "the price of data out",
}


_SORTED = {"Average": "average", "x PUE": "adjusted", "Marginal": "marginal", "Price/h": "price", "USD/GB": "egress"}


def _region_line(one: RankedRegion, by: str) -> tuple[str, ...]:
    cells = (
        _figure_text(one.average, by == "average"),
        _figure_text(one.adjusted, by == "adjusted"),
        _figure_text(one.marginal, by == "marginal"),
        "–" if one.price_per_hour is None else number(one.price_per_hour),
        "–" if one.egress_per_gb is None or by != "egress" else number(one.egress_per_gb),
    )
    return (str(one.rank or "–"), one.region, one.location or "–", one.stand_in or one.zone, *cells)


def _figure_text(figure: Figure | None, is_sorted_by: bool) -> str:
    """Whole grams, with the bounds where the list is sorted by it: "312 (250 – 380)"; "–" if unknown."""
    if figure is None:
        return "–"
    bounds = f" ({figure.low:.0f} – {figure.high:.0f})" if is_sorted_by else ""
    return f"{figure.value:.0f}{bounds}"


def _region_record(one: RankedRegion) -> Mapping[str, Any]:
    return {
        "rank": one.rank,
        "region": one.region,
        "place": one.location,
        "zone": one.zone,
        "basis": one.basis,
        "stand_in": one.stand_in or None,
        **figure_fields("average", "g_per_kwh", one.average),
        **figure_fields("average_with_pue", "g_per_kwh", one.adjusted),
        **figure_fields("marginal", "g_per_kwh", one.marginal),
        "pue": one.pue.value if one.pue else None,
        "price_per_h": one.price_per_hour,
        "egress_usd_per_gb": one.egress_per_gb,
    }


def _record(signal: Signal, view: GridView) -> dict[str, Any]:
    return {
        "zone": view.zone,
        "start": signal.start.astimezone(UTC),
        "end": signal.end.astimezone(UTC),
        "local_start": signal.start.astimezone(view.clock),
        "intensity_g_per_kwh": signal.intensity_g_per_kwh,
        "intensity_low_g_per_kwh": signal.low_g_per_kwh,
        "intensity_high_g_per_kwh": signal.high_g_per_kwh,
        "kind": signal.kind,
        "basis": signal.basis,
        "scope": signal.scope,
        "status": signal.status,
        "grade": signal.grade,
        "issued_at": signal.issued_at,
        "data_zone": signal.zone,
        "source": signal.source,
        "licence": signal.licence,
    }


def _gap_record(start: datetime, end: datetime, view: GridView) -> dict[str, Any]:
    return {
        "zone": view.zone,
        "start": start.astimezone(UTC),
        "end": end.astimezone(UTC),
        "local_start": start.astimezone(view.clock),
        "intensity_g_per_kwh": None,
        "intensity_low_g_per_kwh": None,
        "intensity_high_g_per_kwh": None,
        "status": "unknown",
    }
