"""A zone as the front doors see it: whole hours, one type, the clock of the place, clear errors."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from joulewise import api
from joulewise.api.grid import Grid
from joulewise.carbon import Chain
from joulewise.core.errors import FactorError, NotFound, ProviderUnavailable, UsageError
from joulewise.core.settings import Settings
from joulewise.testing.grids import NOW, example_signal, hourly

HOUR = timedelta(hours=1)


class Example:
    """A source with three days of record and a forecast, of possibly different types."""

    name = "example"

    def __init__(self, forecast_basis: str = "lifecycle") -> None:
        self._basis = forecast_basis

    def signals(self, zone, start, end):
        first = NOW.replace(hour=0, minute=0) - timedelta(days=3)
        return [one for one in hourly(first, 24 * 3 + 10, zone=zone) if one.end > start and one.start < end]

    def forecast(self, zone, start, end):
        ahead = hourly(NOW.replace(minute=0), 24 * 8, zone=zone, status="forecast", issued_at=NOW, basis=self._basis)
        return [one for one in ahead if one.end > start and one.start < end]


def grid(zone="DE", *, source=None, settings=None, **options):
    chain = Chain([source or Example()], now=lambda: NOW)
    return Grid(zone, settings or Settings(), chain=chain, now=NOW, **options)


def test_now_is_the_hour_in_force():
    view = grid().at()

    assert [(one.start.hour, one.status) for one in view.signals] == [(9, "measured")]
    assert view.title == "DE"


def test_a_cloud_region_is_its_grid_and_clock():
    view = grid("aws:us-west-1").at()

    assert view.title == "aws:us-west-1 (grid US-CAMX)"
    assert view.clock == ZoneInfo("America/Los_Angeles")


def test_the_set_zone_is_the_default_and_the_clock_can_be_chosen():
    found = grid("", settings=Settings(zone="FR"), clock="Asia/Kolkata")

    assert found.zone == "FR"
    assert found.clock == ZoneInfo("Asia/Kolkata")


def test_history_is_whole_hours_up_to_the_present_one():
    view = grid().history(hours=24)

    assert (view.start, view.end) == (NOW.replace(minute=0) - 24 * HOUR, NOW.replace(minute=0) + HOUR)
    assert len(view.signals) == 25
    assert list(view.gaps()) == []
    assert view.windows() == []


def test_history_since_a_time_of_the_clock():
    view = grid().history(since=datetime(2026, 1, 12, 6))

    assert view.start == datetime(2026, 1, 12, 5, tzinfo=UTC)


def test_forecast_looks_ahead_and_finds_windows():
    view = grid().forecast(48)

    assert view.end - view.start == 48 * HOUR
    assert {one.status for one in view.signals} == {"forecast"}
    assert [window.hours for window in view.windows()] == [1, 3, 6]


def test_a_week_is_what_was_and_what_is_expected():
    view, heat = grid().week()

    assert [one.status for one in view.signals[:10]] == ["measured"] * 10
    assert view.signals[10].status == "forecast"
    assert len(heat.rows) == 7
    assert heat.rows[0].label == "Tue 13"
    assert heat.gap_count() == 0


def test_what_is_of_another_type_is_left_out_and_said():
    view, heat = grid(source=Example("direct")).week()

    assert {one.basis for one in view.signals} == {"direct"}
    assert "not comparable" in view.notices[-1]
    assert heat.gap_count() == 10


def test_a_past_week_is_history_and_a_coming_one_forecast():
    past, _ = grid().week(date(2026, 1, 5))
    coming, _ = grid().week(date(2026, 1, 14))

    assert past.end < NOW
    assert coming.signals[0].status == "forecast"


def test_the_calendar_has_weeks_months_or_both():
    assert [heat.title for heat in grid().calendar("both")[1]] == ["Week by hour", "Month by hour"]
    assert [heat.title for heat in grid().calendar("week")[1]] == ["Week by hour"]
    assert [heat.title for heat in grid().calendar("month")[1]] == ["Month by hour"]


def test_without_typical_hours_the_months_are_left_out_and_said():
    view, heats = grid("AF").calendar("both")

    assert [heat.title for heat in heats] == ["Week by hour"]
    assert "no typical hours are known for AF" in view.notices[-1]


def test_the_bundled_data_serve_without_a_source():
    found = api.grid_of("DE", Settings(), now=NOW)
    view = found.forecast(24)

    assert {(one.status, one.grade) for one in view.signals} == {("climatology", "shape")}
    assert view.notices == ()


def test_a_zone_without_hours_is_one_long_signal():
    view = api.grid_of("FR", Settings(), now=NOW).forecast(24)

    assert len(view.signals) == 1
    assert {window.below_ratio for window in view.windows()} == {0}


@pytest.mark.parametrize(
    ("ask", "error", "hint"),
    [
        (lambda: grid("Atlantis"), FactorError, "joulewise"),
        (lambda: grid(""), UsageError, "JOULEWISE_ZONE"),
        (lambda: grid(clock="Mars/Base"), NotFound, "Europe"),
        (lambda: grid().history(since=NOW + HOUR), UsageError, "--hours"),
        (lambda: grid().history(since=NOW - timedelta(days=400)), UsageError, "--hours"),
        (lambda: grid().week(date(2029, 1, 1)), UsageError, "year"),
    ],
)
def test_errors_name_their_cure(ask, error, hint):
    with pytest.raises(error) as caught:
        ask()

    assert hint in caught.value.hint


def listed(**fields):
    listing = api.grid_zones(replace_settings(**fields.pop("settings", {})), **fields)
    return {record["zone"]: record for record in listing.records}, listing.footer


def replace_settings(**fields):
    return Settings(**fields)


def test_zones_say_what_they_have():
    zones, footer = listed()

    assert zones["DE"]["typical_hours_of"] == "2020-21"
    assert zones["FR"]["typical_hours_of"] is None
    assert "aws:eu-north-1" in zones["SE"]["regions"]
    assert "no live source is set" in footer


def test_live_zones_are_those_that_a_set_source_knows(tmp_path):
    own = tmp_path / "own.csv"
    own.write_text("zone,start,intensity_g_per_kwh\nFR,2026-01-13T00:00Z,50\nFR,2026-01-13T01:00Z,50\n")
    zones, footer = listed(live=True, settings={"intensity": ("uk", "file"), "intensity_file": str(own)})

    assert {zone: record["live"] for zone, record in zones.items()} == {"GB": ["uk"], "FR": ["file"]}
    assert "no live source" not in footer


def test_a_file_that_cannot_be_read_is_named():
    with pytest.raises(ProviderUnavailable, match="can't read"):
        listed(settings={"intensity": ("file",), "intensity_file": "/nowhere.csv"})


def test_regions_are_ranked_with_bounds_where_they_are_sorted_by():
    listing = api.grid_rank("adjusted", limit=3, provider="aws")

    assert [record["rank"] for record in listing.records] == sorted(record["rank"] for record in listing.records)
    assert len(listing.records) == 3
    assert "(" in listing.grid.rows[0][list(listing.grid.columns).index("x PUE")]
    assert listing.footer.startswith("3 of 37 regions")


def test_prices_and_egress_are_shown_where_they_are_asked_for():
    priced = api.grid_rank("price", prices={"aws:eu-north-1": 2.5}, limit=1)
    egress = api.grid_rank("egress", limit=1)

    assert priced.grid.rows[0][priced.grid.columns.index("Price/h")] == "2.5"
    assert "USD/GB" in egress.grid.columns
    assert "Price/h" not in egress.grid.columns


def test_the_drawing_functions_are_found_by_name():
    view = replace(grid().at(), signals=(example_signal(NOW, 300.0),))

    assert "300 (225 – 375) g CO2e/kWh" in api.draw_present(view, "table", api.Style())
    with pytest.raises(AttributeError):
        _ = api.draw_nothing
