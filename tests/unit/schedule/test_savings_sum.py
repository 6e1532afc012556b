"""Many decisions as one account: ratio of sums, by month, each type apart, losers included."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from joulewise.core.errors import SignalMismatch, UndefinedFigure
from joulewise.core.figures import MEASURED, Figure
from joulewise.core.plans import Segment
from joulewise.schedule import Terms, decide, savings_by_type, sum_savings
from joulewise.testing.ledgers import FIRST, store_id
from joulewise.testing.plans import HOUR, hourly, small_decision, small_job, small_plan

KWH = 3.6e6
DAY = [500.0, 450.0, 400.0, 200.0, 100.0, 150.0, 300.0, 350.0]


def job(number, *, hour=3, power_kw=1.0, days=0, meter=0.0, band=0.1, **words):
    """One hour of work at `hour` of a day; the meter's error either way as a share."""
    begin = FIRST + timedelta(days=days)
    segment = Segment(region="DE", start=begin + hour * HOUR, end=begin + (hour + 1) * HOUR)
    energy_j = power_kw * KWH
    plan = small_plan(
        number,
        job=small_job(release=begin, deadline=begin + 8 * HOUR),
        created_at=begin,
        chosen="now" if hour == 0 else "best-start",
    )
    terms = Terms(
        energy=Figure(
            value=energy_j, low=energy_j * (1 - meter), high=energy_j * (1 + meter), unit="J", method=MEASURED,
            source="rapl",
        )
    )  # fmt: skip
    return decide(
        plan,
        store_id(number),
        [(segment.start, segment.end, energy_j)],
        [segment],
        {"DE": hourly("DE", *words.pop("day", DAY), start=begin, band=band, **words)},
        terms,
        decided_at=begin + timedelta(days=1, seconds=number),
    )


def test_the_share_is_that_of_the_sums():
    """A small job that saved 80 %, and one of tenfold energy that saved 10 %: 16 % in all, not 45 %."""
    found = sum_savings([job(1, hour=4), job(2, hour=1, power_kw=10.0)])

    assert found.saved.value == pytest.approx(400 + 500)
    assert found.counterfactual.value == pytest.approx(500 + 5_000)
    assert found.ratio.value == pytest.approx(900 / 5_500)
    assert found.energy_j == pytest.approx(11 * KWH)


def test_those_that_stayed_and_those_that_lost_count():
    rising = list(reversed(DAY))
    found = sum_savings([job(1, hour=4), job(2, hour=0), job(3, hour=7, day=rising)])

    assert (found.count, found.moved, found.lost) == (3, 2, 1)
    assert found.saved.value == pytest.approx(400 + 0 + (350 - 500))


def test_months_are_parts_of_the_whole_and_go_by_the_end_of_the_job():
    found = sum_savings([job(1), job(2, days=40), job(3, days=41)])

    assert [(one.month, one.count) for one in found.months] == [("2026-01", 1), ("2026-02", 2)]
    assert sum(one.saved.value for one in found.months) == pytest.approx(found.saved.value)
    assert (found.first, found.last) == (found.months[0].first, found.months[-1].last)
    assert found.month == ""


def test_the_meters_error_adds_up_and_that_of_measured_days_averages_out():
    def relative(figure):
        return (figure.high - figure.low) / figure.value

    jobs = [job(number, days=number, meter=0.2, band=0.0) for number in range(9)]
    days = [job(number, days=number) for number in range(9)]

    assert relative(sum_savings(jobs).saved) == pytest.approx(relative(jobs[0].saved))
    assert relative(sum_savings(jobs).ratio) == pytest.approx(0, abs=1e-12)
    assert relative(sum_savings(days).ratio) == pytest.approx(relative(days[0].ratio) / 3, rel=0.02)


def test_typical_hours_are_wrong_alike_every_day():
    def width(decisions):
        figure = sum_savings(decisions).ratio
        return figure.high - figure.low

    typical = [job(number, days=number, status="climatology", grade="shape") for number in range(4)]

    assert width(typical) == pytest.approx(width(typical[:1]))
    assert sum_savings(typical).typical_share == 1
    assert sum_savings([typical[0], job(9)]).typical_share == pytest.approx(0.5)


@pytest.mark.parametrize("g_per_kwh", [0.0, 5e-324, 1e-12])
def test_a_share_of_next_to_nothing_has_no_size(g_per_kwh):
    tiny = job(1, hour=4, day=[g_per_kwh, *[1.0] * 7])

    assert tiny.ratio is None
    assert any("next to nothing" in one for one in tiny.details["notices"])
    assert sum_savings([tiny]).ratio is None
    assert sum_savings([tiny, job(2, hour=4)]).ratio is not None


def test_of_a_fork_only_the_last_counts_whatever_the_order():
    """Two backfills at once supersede the same decision: the job is one job still."""
    old = job(1, hour=4)
    two = [replace(job(1, hour=hour), id=store_id(70 + hour), supersedes=old.id) for hour in (4, 5)]
    last = max(two, key=lambda one: (one.decided_at, one.id))

    for given in ([old, *two], [*reversed(two), old], two):
        assert sum_savings(given) == sum_savings([last])
        assert savings_by_type(given) == savings_by_type([last])


def test_a_decision_of_another_type_supersedes_too():
    old = job(1, hour=4, basis="direct")
    new = replace(job(1, hour=4), id=store_id(77), supersedes=old.id)

    assert savings_by_type([old, new]) == savings_by_type([new])


def test_superseded_decisions_do_not_count():
    old = job(1)
    new = replace(job(1, hour=4), id=store_id(77), supersedes=old.id)

    assert sum_savings([old, new]).count == 1
    assert sum_savings([old, new]).saved.value == new.saved.value


def test_types_are_never_added():
    lifecycle, direct = job(1), job(2, basis="direct")

    with pytest.raises(SignalMismatch, match="average/direct/consumption and average/lifecycle/consumption"):
        sum_savings([lifecycle, direct])
    first, second = savings_by_type([lifecycle, direct, job(3)])
    assert (first.type[1], first.count, second.type[1], second.count) == ("lifecycle", 2, "direct", 1)
    assert savings_by_type([]) == ()


def test_a_sum_over_nothing_is_refused():
    with pytest.raises(UndefinedFigure, match="no decisions"):
        sum_savings([])


def test_hindsight_and_contract_are_sums_over_those_that_have_them():
    run = store_id(1)
    bare = small_decision(run, 1, oracle=None, market_saved=None)
    full = small_decision(run, 2)
    found = sum_savings([bare, full])

    assert (found.oracle_count, found.market_count, found.count) == (1, 1, 2)
    assert found.oracle.value == 190
    assert found.kept_share == pytest.approx(300 / 310)
    assert found.market_saved.value == -1
    none = sum_savings([bare])
    assert (none.oracle, none.kept_share, none.market_saved) == (None, None, None)


def test_a_decision_of_another_origin_brings_its_bounds():
    """Without shares of the error its bounds are errors of its own, the ratio's are wide."""
    found = sum_savings([small_decision(store_id(1))])

    assert (found.saved.low, found.saved.high) == (270, 330)
    assert (found.counterfactual.low, found.counterfactual.high) == pytest.approx((450, 550))
    assert found.ratio.high - found.ratio.low > 0.1
    assert found.type == ("", "", "")
    assert found.energy_j is None


def test_nothing_emitted_has_no_share():
    found = sum_savings([job(1, day=[0.0] * 8)])

    assert found.ratio is None
    assert found.kept_share is None
    assert found.typical_share == 0


def test_a_job_has_moved_by_what_happened_and_not_by_its_first_plan():
    waited = replace(job(1, hour=4), chosen="now")
    stayed = replace(job(2, hour=0), chosen="best-start")
    begin = stayed.segments[0].start
    paused = replace(
        job(3, hour=0),
        segments=tuple(Segment(region="DE", start=begin + n * HOUR, end=begin + (n + 0.5) * HOUR) for n in (0, 2)),
    )
    left = replace(job(4, hour=0), segments=(Segment(region="SE", start=begin, end=begin + HOUR),))

    assert [sum_savings([one]).moved for one in (waited, stayed, paused, left)] == [1, 0, 1, 1]
    assert sum_savings([replace(waited, details={})]).moved == 0, "nothing is known of when it was submitted"
