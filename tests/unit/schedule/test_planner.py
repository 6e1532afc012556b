"""The plan: right options on a known grid, honest intervals, nothing done for nothing, bad input told clearly."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from joulewise.core.errors import FactorError, ImpossibleWindow, NotFound, SignalMismatch
from joulewise.core.figures import MODELLED, REPORTED, Figure, exact
from joulewise.schedule import Place, plan_in_full, plan_job
from joulewise.schedule.planner import probable_error
from joulewise.testing.plans import FIRST, HOUR, hourly, small_job

PUE = exact(1.5, "1", REPORTED, "test")
EVENING = [500, 500, 400, 200, 200, 300, 500, 500]
PLACES = {name: Place(region=name, zone=name, pue=PUE) for name in ("DE", "SE", "PL")}


def forecasts(band=0.05, **values):
    return {name: hourly(name, *hours, band=band, status="forecast") for name, hours in values.items()}


def planned(job=None, band=0.05, places=None, **values):
    job = job or small_job()
    return plan_in_full(job, forecasts(band, **(values or {"DE": EVENING})), places or PLACES, FIRST)


def test_the_best_start_is_found_and_charged_exactly():
    plan = planned().plan
    assert [option.name for option in plan.options] == ["now", "best-start"]
    now, later = plan.options
    assert now.emissions.value == pytest.approx(1.5 * (0.6 * 500 + 0.4 * 500))
    assert later.emissions.value == pytest.approx(1.5 * (0.6 * 200 + 0.4 * 200))
    assert later.segments[0].start == FIRST + 3 * HOUR
    assert later.energy.value == pytest.approx(1.5 * 3.6e6)
    assert (later.emissions.method, later.emissions.unit, later.cost) == (MODELLED, "g", None)
    assert (plan.chosen, plan.created_at, plan.job.name) == ("best-start", FIRST, "train")
    assert "save 60 %" in plan.reason


def test_every_option_of_a_job_that_may_do_anything():
    job = small_job(regions=("SE", "PL"), max_runs=None)
    found = planned(job, DE=EVENING, SE=[60, 60, 50, 50, 50, 40, 10, 10], PL=[700] * 8)
    values = {option.name: option.emissions.value for option in found.plan.options}
    assert list(values) == ["now", "best-start", "best-region", "start-and-region", "paused", "paused-and-region"]
    assert values["best-region"] == pytest.approx(1.5 * 60)
    assert values["start-and-region"] == pytest.approx(1.5 * 10)
    assert values["paused-and-region"] <= values["start-and-region"] <= values["best-region"] <= values["now"]
    assert found.plan.option().segments[0].region == "SE"
    assert found.late_s["best-start"] == 3 * 3_600
    assert found.saved["now"].value == 0


def test_pausing_pays_where_cheap_hours_lie_apart():
    job = small_job(max_runs=2, save_s=60.0, restore_s=120.0)
    found = planned(job, DE=[500, 100, 600, 600, 600, 100, 500, 500])
    paused = found.plan.option("paused")
    assert found.plan.chosen == "paused"
    assert len(paused.segments) == 2
    assert sum(segment.duration_s for segment in paused.segments) == pytest.approx(7_200 + 180)
    assert paused.energy.value > found.plan.option("now").energy.value


def test_pausing_that_costs_too_much_is_not_done():
    job = small_job(max_runs=None, save_s=1_800.0, restore_s=1_800.0, idle_power_w=600.0)
    found = planned(job, DE=[300, 290, 320, 310, 290, 300, 310, 300])
    assert len(found.plan.option("paused").segments) == 1


def test_a_saving_below_the_forecasts_error_is_not_worth_it():
    values = [500, 500, 450, 450, 500, 500, 500, 500]
    sure, unsure = planned(DE=values, band=0.02).plan, planned(DE=values, band=0.9).plan
    assert (sure.chosen, unsure.chosen) == ("best-start", "now")
    assert "below the forecast's own error" in unsure.reason


def test_a_flat_grid_means_run_now():
    plan = planned(DE=[400] * 8).plan
    assert plan.chosen == "now"
    assert "no other hour" in plan.reason
    assert plan.option("best-start").segments == plan.option("now").segments


def test_no_slack_and_nowhere_to_go():
    plan = planned(small_job(deadline=FIRST + 2 * HOUR), DE=[400, 300]).plan
    assert [option.name for option in plan.options] == ["now", "best-start"]
    assert plan.chosen == "now"
    tight = planned(small_job(deadline=FIRST + 2 * HOUR, duration_s=7_190.0, power_profile=((7_190.0, 100.0),)))
    assert tight.plan.chosen == "now"


def test_a_job_that_fits_but_not_on_slot_edges_still_has_a_plan():
    job = small_job(duration_s=7_150.0, power_profile=((7_150.0, 100.0),), deadline=FIRST + 2 * HOUR, max_runs=None)
    plan = plan_job(replace(job, deadline=FIRST + 7_150 * (HOUR / 3_600)), forecasts(DE=[400, 300]), PLACES, FIRST)
    assert [option.name for option in plan.options] == ["now"]
    assert plan.reason == "there is no time to wait and nowhere else to go"


def test_an_emission_free_grid_can_be_planned():
    plan = planned(DE=[0.0] * 8).plan
    assert (plan.chosen, plan.options[0].emissions.value) == ("now", 0.0)


def test_the_wider_the_band_the_larger_interval_and_regret():
    values = [500, 480, 430, 400, 410, 450, 500, 520]
    narrow, wide = planned(DE=values, band=0.05).plan.options[1], planned(DE=values, band=0.5).plan.options[1]
    assert wide.emissions.high - wide.emissions.low > 3 * (narrow.emissions.high - narrow.emissions.low)
    assert wide.regret_g > narrow.regret_g >= 0


def test_regret_without_any_error_is_what_the_option_leaves_undone():
    now, best = planned(band=0.0).plan.options
    assert best.regret_g == pytest.approx(0.0, abs=1e-9)
    assert now.regret_g == pytest.approx(now.emissions.value - best.emissions.value)


def test_savings_are_paired_not_differences_of_intervals():
    unsure = Figure(value=1.5, low=1.1, high=1.9, unit="1", method=REPORTED, source="one building")
    places = {"DE": Place(region="DE", zone="DE", pue=unsure)}
    found = planned(places=places, band=0.02)
    now, best = found.plan.options
    saved = found.saved["best-start"]
    assert saved.value == pytest.approx(now.emissions.value - best.emissions.value)
    assert saved.low > now.emissions.low - best.emissions.high
    assert saved.low > 0


def test_data_cost_energy_at_both_bounds_and_can_outweigh_a_cleaner_grid():
    job = small_job(regions=("SE",), data_gb=200.0)
    found = planned(job, DE=[300] * 8, SE=[200] * 8).plan
    moved = found.option("best-region")
    assert moved.segments[0].region == "DE"  # 1.5 kWh of work, 1.5 kWh of moving
    light = planned(small_job(regions=("SE",), data_gb=10.0), DE=[300] * 8, SE=[200] * 8).plan.option("best-region")
    assert light.segments[0].region == "SE"
    assert light.energy.low == pytest.approx((1.5 + 10 * 0.001) * 3.6e6, rel=0.02)
    assert light.energy.high == pytest.approx((1.5 + 10 * 0.06) * 3.6e6, rel=0.15)


def test_money_needs_every_price():
    job = small_job(regions=("SE",), price_per_hour={"DE": 2.0, "SE": -1.0})
    values = {"DE": [300] * 8, "SE": [30] * 8}
    costs = {option.name: option.cost for option in planned(job, **values).plan.options}
    assert (costs["now"].value, costs["best-region"].value, costs["now"].unit) == (4.0, -2.0, "EUR")
    unpriced = planned(replace(job, price_per_hour={"DE": 2.0}), **values).plan
    assert unpriced.option("best-region").cost is None
    assert "cost: no price for SE" in unpriced.notices
    with_data = planned(replace(job, data_gb=1.0), **values).plan
    assert with_data.option("best-region").cost is None
    assert "cost: no price in EUR for data from DE to SE" in with_data.notices


def test_electricity_that_is_paid_apart_has_the_interval_of_its_pue():
    unsure = Figure(value=1.5, low=1.1, high=1.9, unit="1", method=REPORTED, source="one building")
    home = Place(region="DE", zone="DE", pue=unsure, price_per_kwh=0.3, egress_per_gb={"*": 0.1})
    places = {**PLACES, "DE": home}
    cost = planned(places=places).plan.options[0].cost
    assert cost.value == pytest.approx(1.5 * 0.3)
    assert cost.low < cost.value < cost.high
    job = small_job(regions=("SE",), price_per_hour={"SE": 1.0}, data_gb=5.0)
    moved = planned(job, places=places, DE=[300] * 8, SE=[30] * 8).plan.option("best-region").cost
    assert moved.value == pytest.approx(2 * 1.0 + 5 * 0.1)


def test_the_window_shrinks_as_time_goes_on():
    job = small_job()
    signals = forecasts(DE=EVENING)
    plan = plan_job(job, signals, PLACES, FIRST + 4.5 * HOUR)
    assert plan.option("now").segments[0].start == FIRST + 4.5 * HOUR
    assert all(option.finish_at <= job.deadline for option in plan.options)
    with pytest.raises(ImpossibleWindow, match="3600 s are left"):
        plan_job(job, signals, PLACES, FIRST + 7 * HOUR)


def test_the_same_input_gives_the_same_plan():
    first, second = planned().plan, planned().plan
    assert first.id != second.id
    assert replace(first, id="") == replace(second, id="")


def test_the_forecast_is_frozen_in_the_plan():
    plan = planned(small_job(deadline=FIRST + 4 * HOUR)).plan
    assert [signal.intensity_g_per_kwh for signal in plan.forecast] == EVENING[:4]


def test_what_is_missing_or_unlike_is_refused():
    job = small_job(regions=("SE",))
    with pytest.raises(NotFound, match="forecast for 'SE'"):
        plan_job(job, forecasts(DE=EVENING), PLACES, FIRST)
    with pytest.raises(NotFound, match="place for 'SE'"):
        plan_job(job, forecasts(DE=EVENING, SE=EVENING), {"DE": PLACES["DE"]}, FIRST)
    with pytest.raises(FactorError, match="without holes"):
        plan_job(small_job(), forecasts(DE=EVENING[:4]), PLACES, FIRST)
    mixed = {**forecasts(DE=EVENING), "SE": hourly("SE", *EVENING, kind="marginal")}
    with pytest.raises(SignalMismatch):
        plan_job(job, mixed, PLACES, FIRST)


def test_a_choice_between_regions_of_unknown_pue_is_made_with_its_doubt():
    wide = {name: replace(PLACES[name], pue=_wide(name)) for name in ("DE", "SE")}
    job = small_job(regions=("SE",))
    assert planned(job, places=wide, DE=[300] * 8, SE=[285] * 8).plan.chosen == "now"
    assert planned(job, places=wide, DE=[300] * 8, SE=[30] * 8).plan.chosen == "best-region"


def _wide(source):
    return Figure(value=1.5, low=1.05, high=2.2, unit="1", method=REPORTED, source=source)


def test_the_probable_error_is_exceeded_half_of_the_time():
    assert probable_error(0.0, np.array([-3.0, -1.0, 1.0, 2.0, 5.0])) == 2.0


def test_many_places_with_pauses_are_planned_with_fewer_paths():
    names = [f"Z{number}" for number in range(60)]
    values = {name: [300 + number] * 96 for number, name in enumerate(names)}
    places = {name: Place(region=name, zone=name, pue=PUE) for name in names}
    job = small_job(
        home="Z0", regions=tuple(names[1:]), max_runs=None, deadline=FIRST + 96 * HOUR, duration_s=172_800.0,
        power_profile=((172_800.0, 100.0),),
    )  # fmt: skip
    found = planned(job, places=places, **values)
    assert found.plan.chosen == "now"
    assert found.plan.option("paused-and-region").regret_g >= 0


def test_without_numpy_the_cure_is_told():
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from joulewise import api\n"
        "from joulewise.core.errors import PluginMissing\n"
        "try: api.plan(api.load_settings(zone='DE'), duration_s=3600.0, power_w=100.0)\n"
        "except PluginMissing as error: print(error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "pip install 'joulewise[schedule]'", done.stderr


def test_the_meters_error_of_a_past_run_widens_figures_but_never_changes_the_choice():
    exact_plan = planned(small_job())
    metered_plan = planned(small_job(energy_low_ratio=0.5, energy_high_ratio=2.5))

    assert metered_plan.plan.chosen == exact_plan.plan.chosen
    for name in ("energy", "emissions"):
        plain, wide = getattr(exact_plan.plan.option(), name), getattr(metered_plan.plan.option(), name)
        assert wide.value == plain.value
        assert wide.low < 0.7 * plain.low
        assert wide.high > 1.5 * plain.high
