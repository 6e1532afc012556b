"""What a plan really saved, on cases that can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from joulewise.core.errors import FactorError, NotFound, SignalMismatch, UndefinedFigure
from joulewise.core.figures import MEASURED, REPORTED, Figure, exact
from joulewise.core.plans import Segment
from joulewise.core.signal_series import from_series
from joulewise.schedule import Terms, decide
from joulewise.schedule.decision_details import pieces_of, signals_of
from joulewise.schedule.emitting import HOURLY_CORRELATION
from joulewise.testing.ledgers import FIRST, store_id
from joulewise.testing.plans import HOUR, hourly, small_job, small_plan

RUN = store_id(1)
KWH = 3.6e6
DAY = [500.0, 450.0, 400.0, 200.0, 100.0, 150.0, 300.0, 350.0]
LATER = FIRST + timedelta(days=3)


def at(hour: float, hours: float, region: str = "DE") -> Segment:
    start = FIRST + hour * HOUR
    return Segment(region=region, start=start, end=start + hours * HOUR)


def steady(segment: Segment, power_kw: float = 1.0):
    """A piece an hour."""
    pieces, start = [], segment.start
    while start < segment.end:
        end = min(segment.end, start + HOUR)
        pieces.append((start, end, power_kw * KWH * ((end - start) / HOUR)))
        start = end
    return pieces


def decided(segments, *, plan=None, signals=None, terms=None, pieces=None):
    return decide(
        plan or small_plan(),
        RUN,
        [piece for one in segments for piece in steady(one)] if pieces is None else pieces,
        segments,
        signals or {"DE": hourly("DE", *DAY)},
        terms,
        decided_at=LATER,
    )


def test_waiting_saves_the_difference_of_the_hours():
    found = decided([at(3, 2)])

    assert found.realised.value == 200 + 100
    assert found.counterfactual.value == 500 + 450
    assert found.saved.value == 650
    assert found.ratio.value == pytest.approx(650 / 950)
    assert (found.plan_id, found.run_id, found.decided_at) == (small_plan().id, RUN, LATER)


def test_running_at_once_at_home_saves_exactly_nothing():
    terms = Terms(
        energy=Figure(value=2 * KWH, low=KWH, high=4 * KWH, unit="J", method=MEASURED),
        pue={"DE": Figure(value=1.4, low=1.1, high=2.0, unit="1", method=REPORTED)},
    )
    found = decided([at(0, 2)], terms=terms)

    assert (found.saved.low, found.saved.value, found.saved.high) == (0, 0, 0)
    assert (found.ratio.low, found.ratio.value, found.ratio.high) == (0, 0, 0)
    assert found.realised.low < found.realised.value < found.realised.high
    assert found.realised.value == found.counterfactual.value


def test_a_worse_hour_is_a_loss():
    rising = {"DE": hourly("DE", *reversed(DAY))}
    found = decided([at(6, 2)], signals=rising)

    assert found.saved.value == (350 + 300) - (450 + 500)
    assert found.ratio.value < 0


def test_the_meters_error_makes_each_side_unsure_and_leaves_the_ratio_alone():
    meter = Figure(value=2 * KWH, low=1.6 * KWH, high=2.6 * KWH, unit="J", method=MEASURED, source="rapl")
    found = decided([at(3, 2)], signals={"DE": hourly("DE", *DAY, band=0.0)}, terms=Terms(energy=meter))

    assert (found.realised.low, found.realised.high) == pytest.approx((300 * 0.8, 300 * 1.3))
    assert (found.saved.low, found.saved.high) == pytest.approx((650 * 0.8, 650 * 1.3))
    assert (found.ratio.low, found.ratio.high) == pytest.approx((650 / 950, 650 / 950))


def test_the_level_of_the_grid_and_pue_are_common_to_both_sides():
    pue = {"DE": Figure(value=1.5, low=1.2, high=1.8, unit="1", method=REPORTED)}
    sharp, blunt = (
        decided([at(3, 2)], signals={"DE": hourly("DE", *DAY, band=band)}, terms=Terms(pue=pue)) for band in (0.0, 0.2)
    )

    assert sharp.realised.value == 300 * 1.5
    assert sharp.ratio.high - sharp.ratio.low == pytest.approx(0, abs=1e-12)
    assert sharp.realised.relative_width == pytest.approx(0.4)
    assert 0 < (blunt.ratio.high - blunt.ratio.low) / blunt.ratio.value < blunt.realised.relative_width / 2


def test_hours_that_are_near_err_alike():
    """Var(S) = sum over hours of a_i a_j rho^|i - j|: one kWh moved by one hour, and by six."""
    plan = small_plan(job=small_job(duration_s=3_600.0, power_profile=((3_600.0, 1_000.0),)))
    flat = {"DE": hourly("DE", *[100.0] * 8, status="forecast", issued_at=FIRST)}
    near, far = (decided([at(hour, 1)], plan=plan, signals=flat) for hour in (1, 6))

    for found, hours in ((near, 1), (far, 6)):
        expected = 10.0 * (2 - 2 * HOURLY_CORRELATION**hours) ** 0.5
        assert found.saved.value == 0
        assert found.saved.high == pytest.approx(expected)
        assert found.saved.low == pytest.approx(-expected)


def test_saving_and_restoring_count_against_the_saving():
    """Half an hour each of saving and restoring are emitted, but would not have been without the pause."""
    plan = small_plan(job=small_job(save_s=1_800.0, restore_s=1_800.0, max_runs=None))
    segments = [at(0, 1.5), at(3, 1.5)]
    found = decided(segments, plan=plan)

    assert found.realised.value == pytest.approx(500 + 450 / 2 + 200 + 100 / 2)
    assert found.counterfactual.value == pytest.approx(500 + 450)
    assert found.details["overhead_j"] == pytest.approx(KWH)
    assert found.details["pauses"] == 1
    assert found.details["paused_s"] == 1.5 * 3_600


def test_measured_overheads_take_the_place_of_planned_ones():
    plan = small_plan(job=small_job(save_s=1_800.0, restore_s=1_800.0, max_runs=None))
    lost = [(FIRST + 3 * HOUR, FIRST + 3.25 * HOUR)]
    found = decided([at(0, 1.5), at(3, 1.5)], plan=plan, terms=Terms(overheads=lost))

    assert found.details["overhead_j"] == pytest.approx(KWH / 4)
    assert found.counterfactual.value == pytest.approx(500 + 450 + 400 * 0.75)


def test_a_machine_that_is_held_idles_whether_it_was_metered_or_not():
    plan = small_plan(job=small_job(idle_power_w=100.0, max_runs=None))
    segments = [at(0, 1), at(3, 1)]
    metered = [*steady(segments[0]), (FIRST + HOUR, FIRST + 3 * HOUR, 0.4 * KWH), *steady(segments[1])]

    assert decided(segments, plan=plan).realised.value == pytest.approx(500 + 200 + 0.1 * (450 + 400))
    assert decided(segments, plan=plan, pieces=metered).realised.value == pytest.approx(700 + 0.2 * (450 + 400))
    assert decided(segments, plan=plan, pieces=metered).counterfactual.value == pytest.approx(950)


def test_another_region_with_its_own_building_and_the_data_taken_along():
    plan = small_plan(job=small_job(regions=("SE",), data_gb=100.0))
    signals = {"DE": hourly("DE", *DAY), "SE": hourly("SE", *[20.0] * 8)}
    pue = {"DE": exact(1.5, "1", REPORTED), "SE": exact(1.1, "1", REPORTED)}
    found = decided([at(0, 2, "SE")], plan=plan, signals=signals, terms=Terms(pue=pue))

    assert found.counterfactual.value == pytest.approx(950 * 1.5)
    assert found.realised.value == pytest.approx(40 * 1.1 + 50 * 0.0077 * (500 + 20))
    assert found.details["moved_gb"] == pytest.approx(100)
    assert found.realised.high > found.realised.value * 1.5  # the network's electricity is hardly known


def test_the_contract_stands_apart_and_needs_every_place():
    plan = small_plan(job=small_job(regions=("SE",)))
    signals = {"DE": hourly("DE", *DAY), "SE": hourly("SE", *[20.0] * 8)}
    market = {"DE": exact(50.0, "g/kWh", REPORTED), "SE": exact(10.0, "g/kWh", REPORTED)}

    moved = decided([at(0, 2, "SE")], plan=plan, signals=signals, terms=Terms(market=market))
    assert moved.market_saved.value == pytest.approx(2 * (50 - 10))
    assert moved.saved.value == pytest.approx(950 - 40)
    half = decided([at(0, 2, "SE")], plan=plan, signals=signals, terms=Terms(market={"DE": market["DE"]}))
    assert half.market_saved is None
    waited = decided([at(3, 2)], terms=Terms(market=market))
    assert waited.market_saved.value == 0


def test_hindsight_is_never_worse_than_what_was_done():
    found = decided([at(2, 2)])

    assert found.oracle.value == pytest.approx(100 + 150)
    assert found.oracle.value <= found.realised.value
    assert decided([at(4, 2)]).oracle.value == pytest.approx(250)


def test_hindsight_sees_as_far_as_the_intensities_reach():
    """Done before its deadline: of the hours until then nothing is known yet."""
    short = {"DE": hourly("DE", *DAY[:5])}
    found = decided([at(2, 2)], signals=short)

    assert found.oracle.value == pytest.approx(200 + 100)
    assert found.details["hindsight_until"] == (FIRST + 5 * HOUR).isoformat()
    assert decided([at(2, 2)]).details["hindsight_until"] == (FIRST + 8 * HOUR).isoformat()


def test_hindsight_needs_an_unbroken_record_of_the_window():
    holed = {"DE": [*hourly("DE", *DAY[:5]), *hourly("DE", *DAY[6:], start=FIRST + 6 * HOUR)]}

    assert decided([at(3, 2)], signals=holed).oracle is None


def test_hindsight_counts_what_pausing_costs():
    job = small_job(max_runs=None, save_s=600.0, restore_s=600.0, deadline=FIRST + 8 * HOUR)
    seesaw = {"DE": hourly("DE", 500.0, 100.0, 500.0, 100.0, 500.0, 500.0, 500.0, 500.0)}
    free = decided([at(0, 2)], plan=small_plan(job=replace(job, save_s=0.0, restore_s=0.0)), signals=seesaw)
    paid = decided([at(0, 2)], plan=small_plan(job=job), signals=seesaw)

    assert free.oracle.value == pytest.approx(200)
    assert 200 < paid.oracle.value <= paid.realised.value


def test_what_it_was_computed_from_is_kept():
    found = decided([at(3, 2)], terms=Terms(notices=("typical hours", "typical hours")))

    assert pieces_of(found.details) == tuple(steady(at(3, 2)))
    assert {one.start for one in signals_of(found.details)["DE"]} == {FIRST + hour * HOUR for hour in (0, 1, 3, 4)}
    assert from_series(found.details["signals"]["DE"]) == signals_of(found.details)["DE"]
    assert found.details["notices"] == ["typical hours"]
    assert found.details["planned"]["value"] == 200
    assert found.details["planned_saved_g"] == 300
    assert found.details["waited_s"] == 3 * 3_600


def test_a_plan_on_another_kind_of_signal_is_not_set_beside_what_came():
    plan = small_plan()
    marginal = replace(plan, forecast=tuple(replace(one, kind="marginal") for one in plan.forecast))
    found = decided([at(3, 2)], plan=marginal)

    assert plan.forecast
    assert found.saved.value == 650
    assert found.details["planned"] is None
    assert found.details["planned_saved_g"] is None


def test_typical_hours_are_called_so():
    mixed = [
        *hourly("DE", *DAY[:3], grade="live"),
        *hourly("DE", *DAY[3:], start=FIRST + 3 * HOUR, status="climatology", grade="shape"),
    ]
    found = decided([at(3, 2)], signals={"DE": mixed})

    assert found.details["grade"] == "shape"
    assert found.details["status"] == "climatology"
    assert found.details["statuses"] == {"realised": {"climatology": 1.0}, "counterfactual": {"measured": 1.0}}
    assert found.details["typical_share"] == 1.0
    assert decided([at(3, 2)]).details["typical_share"] == 0


def test_what_cannot_be_decided_is_refused():
    with pytest.raises(UndefinedFigure, match="nothing was measured"):
        decided([at(3, 2)], pieces=[])
    with pytest.raises(UndefinedFigure, match="nothing was measured"):
        decided([])
    with pytest.raises(NotFound, match="'SE'"):
        decided([at(3, 2, "SE")])
    with pytest.raises(FactorError, match="exactly once"):
        decided([at(7, 2)])
    other = [*hourly("DE", *DAY[:3]), *hourly("DE", *DAY[3:], start=FIRST + 3 * HOUR, basis="direct")]
    with pytest.raises(SignalMismatch):
        decided([at(3, 2)], signals={"DE": other})


def test_nothing_emitted_has_no_ratio():
    clean = {"DE": hourly("DE", *[0.0] * 8)}
    found = decided([at(3, 2)], signals=clean)

    assert found.ratio is None
    assert found.saved.value == 0
