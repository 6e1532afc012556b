"""A run of many hours stays readable: shared sources once, a line an hour or a day, no hour lost in the sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from joulewise.carbon import BundledShapes, Work, account
from joulewise.core.records import Bundle
from joulewise.core.settings import Settings
from joulewise.core.signals import Signal
from joulewise.report import view
from joulewise.report.carbon_rows import factor_grid
from joulewise.report.energy_rows import find_energy
from joulewise.report.view import RunView, Step
from joulewise.testing.bundles import example_bundle

START = datetime(2026, 3, 14, tzinfo=UTC)
HOUR = timedelta(hours=1)


def filed(hours: int, signals: Sequence[Signal] | None = None) -> Bundle:
    """The example's energy, spread over so many hours in Germany."""
    bundle = example_bundle()
    energy = find_energy(bundle, "with_idle_share")
    assert energy is not None
    spread = [(START + hour * HOUR, START + (hour + 1) * HOUR, 360.0) for hour in range(hours)]
    work = Work(
        run_id=bundle.run.id,
        energy=energy,
        started_at=START,
        ended_at=spread[-1][1],
        duration_s=hours * 3600.0,
        energy_by_interval=spread,
    )
    made = account(work, Settings(zone="DE"), intervals=signals)
    return replace(bundle, factors=made.factors, calculations=made.calculations)


def measured(hours: int, source: str = "a meter") -> list[Signal]:
    """Live values in place of the typical ones, rising by 1 g/kWh an hour."""
    typical = BundledShapes().signals("DE", START, START + hours * HOUR)
    return [
        replace(
            one,
            status="measured",
            grade="live",
            source=source,
            low_g_per_kwh=100.0 + hour,
            intensity_g_per_kwh=100.0 + hour,
            high_g_per_kwh=100.0 + hour,
        )
        for hour, one in enumerate(typical)
    ]


def weighted(made: RunView) -> Step:
    """The steps of the mean intensity."""
    row = next(row for row in made.rows() if row.key == "intensity_g_per_kwh")
    assert row.how is not None
    return row.how


def test_a_short_run_has_a_line_an_hour_and_its_source_once():
    energy, source, *lines = weighted(view(filed(3, measured(3)))).inputs

    assert energy.name == "energy = 0.3 Wh, the weights"
    assert source.name == "3 intervals = 100 to 102 g CO2e/kWh"
    assert source.details[0] == "source: a meter"
    assert [line.name for line in lines] == [
        f"2026-03-14 0{hour}:00 UTC: 0.1 Wh at {100 + hour} g CO2e/kWh" for hour in range(3)
    ]


def test_a_week_is_summed_up_by_day():
    _, source, *lines = weighted(view(filed(168, measured(168)))).inputs

    assert source.name.startswith("168 intervals = 100 to 267")
    assert [line.name for line in lines][:2] == [
        "2026-03-14: 2.4 Wh at 112 g CO2e/kWh",
        "2026-03-15: 2.4 Wh at 136 g CO2e/kWh",
    ]
    assert len(lines) == 7
    assert lines[0].text.startswith("24 intervals, 100 to 123 g CO2e/kWh")


def test_a_week_of_typical_hours_is_a_day():
    _, source, *lines = weighted(view(filed(168))).inputs

    assert source.name.startswith("24 typical hours = ")
    assert lines[0].name.startswith("2026-03, 00:00 to 01:00 UTC: 0.7 Wh at ")
    assert len(lines) == 24


def test_typical_hours_of_two_months_are_a_line_each():
    _, _, *lines = weighted(view(filed(24 * 30))).inputs

    assert [line.name.partition(":")[0] for line in lines] == ["2026-03, typical day", "2026-04, typical day"]


def test_two_sources_are_both_named():
    signals = [*measured(2, "here"), *measured(4, "there")[2:]]
    _, *steps = weighted(view(filed(4, signals))).inputs

    assert [step.details[0] for step in steps[:2]] == ["source: here", "source: there"]


@pytest.mark.parametrize("hours", [2, 168])
def test_the_table_of_factors_and_the_notes_stay_short(hours: int):
    bundle = filed(hours, measured(hours))
    made = view(bundle)
    grid = factor_grid(bundle)
    assert grid is not None
    lines = [row for row in grid.rows if row[0] == "grid intensity"]
    note = next(row.note for row in made.rows() if row.key == "intensity_g_per_kwh")

    assert len(lines) == 1
    assert lines[0][2] == f"100 to {99 + hours} g CO2e/kWh, {hours} intervals"
    assert lines[0][4].endswith("by the hour")
    assert note == f"grid intensity DE 100 to {99 + hours} g CO2e/kWh, {hours} intervals, 2026"


def test_a_missing_factor_is_named_as_missing():
    bundle = filed(3, measured(3))
    lost = next(one for one in bundle.factors if one.kind == "intensity")
    kept = tuple(one for one in bundle.factors if one != lost)
    steps = weighted(view(replace(bundle, factors=kept))).inputs

    assert [step.kind for step in steps].count("missing") == 1
