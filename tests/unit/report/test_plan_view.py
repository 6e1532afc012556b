"""A plan as people and machines read it: the recommendation first, times in UTC and locally, every figure bounded."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from joulewise.core.figures import REPORTED, exact
from joulewise.report import draw, plan_view
from joulewise.report.listing import Style
from joulewise.schedule import Place, plan_in_full
from joulewise.testing.plans import FIRST, HOUR, hourly, small_job

BERLIN = ZoneInfo("Europe/Berlin")
PUE = exact(1.5, "1", REPORTED, "test")


def planned(job=None, band=0.05, speedup=(), **values):
    values = values or {"DE": [500, 500, 400, 200, 200, 300, 500, 500]}
    places = {name: Place(region=name, zone=name, pue=PUE) for name in values}
    signals = {name: hourly(name, *hours, band=band, status="forecast") for name, hours in values.items()}
    return plan_in_full(job or small_job(), signals, places, FIRST, speedup=speedup)


def lines(listing):
    return dict(line[:2] for line in listing.grid.rows)


def test_the_recommendation_says_when_in_both_times():
    shown = lines(plan_view.plan(planned(), BERLIN))
    assert shown["Recommended"] == "start Mon 5 Jan 11:00 UTC (12:00 local)"
    assert shown["Finish"] == "Mon 5 Jan 13:00 UTC (14:00 local), 3 h later than now"
    assert shown["Carbon"].startswith("300 g CO2e (")
    assert shown["Saved"].endswith("against running now")
    assert shown["Cost"] == "no price known"
    assert "with PUE" in shown["Energy"]
    assert shown["Forecast"] == "DE: forecast; average, lifecycle"
    assert "expected against perfect foresight" in shown["Regret"]


def test_the_title_says_what_is_planned():
    assert plan_view.plan(planned(), UTC).grid.title == "Plan for train: 2 h, 1 kWh, at home in DE"
    short = small_job(name="", duration_s=1_800.0, power_profile=((1_800.0, 100.0),))
    assert plan_view.plan(planned(short), UTC).grid.title == "Plan for a job: 30 min, 50 Wh, at home in DE"


def test_doing_nothing_is_said_with_what_would_else_be_best():
    shown = lines(plan_view.plan(planned(band=0.9, DE=[500, 500, 450, 450, 500, 500, 500, 500]), UTC))
    assert shown["Recommended"] == "run now"
    assert "Saved" not in shown
    assert shown["Otherwise"].startswith("start Mon 5 Jan 10:00 UTC: saves ")
    assert "Otherwise" not in lines(plan_view.plan(planned(DE=[500] * 8), UTC))


def test_another_region_is_named():
    job = small_job(regions=("SE",), price_per_hour={"DE": 2.0, "SE": 1.5}, max_runs=2)
    shown = lines(plan_view.plan(planned(job, DE=[500] * 8, SE=[50] * 8), UTC))
    assert shown["Recommended"] == "run now in SE"
    assert shown["Cost"] == "3 EUR"


def test_the_parts_of_a_paused_job_are_listed():
    found = planned(small_job(max_runs=None), DE=[500, 100, 600, 600, 600, 100, 500, 500])
    shown = lines(plan_view.plan(found, UTC))
    assert shown["Recommended"] == "start Mon 5 Jan 09:00 UTC, with 1 pause"
    assert shown["Part 1"] == "Mon 5 Jan 09:00 UTC to Mon 5 Jan 10:00 UTC, DE"
    assert shown["Part 2"].startswith("Mon 5 Jan 13:00 UTC")


def test_every_way_is_explained():
    job = small_job(regions=("SE",), price_per_hour={"DE": 2.0})
    listing = plan_view.options(planned(job, DE=[500, 500, 400, 200, 200, 300, 500, 500], SE=[50] * 8))
    ways = [row[0] for row in listing.grid.rows]
    assert ways == ["  run now", "  best start", "> best region", "  both"]
    assert listing.grid.rows[1][5] == "3 h"
    assert listing.grid.rows[0][7] == "4 EUR"
    assert listing.grid.rows[2][7] == ""
    for width in (60, 100, 160):
        assert "best region" in draw(listing, "table", Style(width=width))


def test_machines_get_all_with_units():
    found = planned(small_job(price_per_hour={"DE": 2.0}), speedup=(1.0, 1.8))
    (record,) = json.loads(draw(plan_view.plan(found, UTC), "json"))
    assert record["chosen"] == "best-start"
    assert record["job"]["energy_j"] == 3.6e6
    now, best = record["options"]
    assert (now["saved_g"], best["chosen"], best["late_s"]) == (None, True, 10_800.0)
    assert best["emissions_low_g"] <= best["emissions_g"] <= best["emissions_high_g"]
    assert best["saved_g"] == pytest.approx(450.0)
    assert best["cost_eur"] == 4.0
    assert best["segments"] == [
        {"region": "DE", "start": "2026-01-05T11:00:00+00:00", "end": "2026-01-05T13:00:00+00:00"}
    ]
    assert record["forecast"] == [
        {"zone": "DE", "signals": 8, "kind": "average", "basis": "lifecycle", "status": "forecast"}
    ]
    assert record["elastic"]["crews"][-1]["workers"] >= 1
    assert record["front"][0]["cost_eur"] == 4.0
    header, *rows = draw(plan_view.options(found), "csv").splitlines()
    assert header.startswith("name,chosen,start,finish_at,late_s,emissions_g")
    assert len(rows) == 2


def test_the_front_is_a_table_soonest_first():
    listing = plan_view.front(planned())
    assert listing.grid.columns[0] == "Finish (UTC)"
    assert listing.grid.rows[0][0] == "Mon 05 10:00"
    assert len(listing.records) == len(listing.grid.rows)


def test_workers_by_time():
    listing = plan_view.crews(planned(speedup=(1.0, 1.8)), UTC)
    assert listing.grid.title.startswith("Workers by time: ")
    assert listing.grid.rows[0][2] in ("1", "2")
    assert plan_view.crews(planned(), UTC).grid.rows == ()


def test_one_line_for_a_log():
    assert plan_view.one_line(planned(), UTC).startswith("start Mon 5 Jan 11:00 UTC: 300 g CO2e")
    assert plan_view.one_line(planned(DE=[500] * 8), UTC).startswith("run now: ")


def test_notices_are_in_the_footer():
    listing = plan_view.plan(planned(small_job(regions=("SE",), price_per_hour={"DE": 1.0}), DE=[500] * 8, SE=[50] * 8))
    assert listing.footer == "Note: cost: no price for SE"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), "Sun 29 Mar 00:30 UTC (01:30 local)"),
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "Sun 29 Mar 01:30 UTC (03:30 local)"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Sun 25 Oct 00:30 UTC (02:30 local)"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "Sun 25 Oct 01:30 UTC (02:30 local)"),
        (datetime(2026, 7, 1, 22, 30, tzinfo=UTC), "Wed 1 Jul 22:30 UTC (Thu 2 Jul 00:30 local)"),
    ],
)
def test_local_times_are_right_on_days_of_23_and_25_hours(moment, text):
    assert plan_view.when(moment, BERLIN) == text


def test_where_local_is_utc_a_time_is_shown_once():
    assert plan_view.when(FIRST + HOUR, UTC) == "Mon 5 Jan 09:00 UTC"


def test_the_title_rounds_the_energy_in_the_unit_that_it_shows():
    job = small_job(duration_s=7_200.0, power_profile=((7_200.0, 36_000.0),))
    assert plan_view._title(planned(job).plan).split(", ")[1] == "72 kWh"


def test_a_little_money_is_not_nothing():
    assert plan_view._price(exact(0.00339001, "EUR", REPORTED)) == "0.00339 EUR"
    assert plan_view._price(exact(12.3456, "EUR", REPORTED)) == "12.35 EUR"
    assert plan_view._money(exact(-5.0, "EUR", REPORTED)) == "-5 EUR"


def test_choices_without_a_price_are_said_to_be_compared_among_themselves():
    places = {"DE": [500, 500, 400, 200, 200, 300, 500, 500], "SE": [40] * 8}
    one = planned(small_job(regions=("SE",), price_per_hour={"DE": 2.0}), **places)
    assert {choice.cost is None for choice in one.front} == {True, False}
    assert "not compared" in plan_view.front(one).footer
    assert plan_view.front(planned()).footer == ""


def test_a_finish_in_another_year_shows_it():
    late = datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert plan_view.when(FIRST, UTC, late) == "Mon 5 Jan 2026 08:00 UTC"
    assert plan_view.when(FIRST, UTC, FIRST) == plan_view.when(FIRST, UTC) == "Mon 5 Jan 08:00 UTC"
    assert plan_view._day_time(FIRST, late) == "Mon 5 Jan 2026 08:00"
    assert plan_view._day_time(FIRST, FIRST) == "Mon 05 08:00"
