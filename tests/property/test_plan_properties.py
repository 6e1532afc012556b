"""Laws of every plan, on grids and jobs of any shape."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joulewise.core.figures import REPORTED, Figure
from joulewise.core.plans import Job
from joulewise.schedule import Place, plan_in_full
from joulewise.testing.plans import FIRST, HOUR, hourly

HOURS = 12
PLACES = {
    name: Place(
        region=name, zone=name, pue=Figure(value=1.3, low=1.1, high=1.6, unit="1", method=REPORTED, source=name)
    )
    for name in ("DE", "SE")
}
grids = st.lists(st.floats(0, 900), min_size=HOURS, max_size=HOURS)


@st.composite
def jobs(draw):
    stretches = draw(st.lists(st.tuples(st.floats(120, 7_000), st.floats(0, 800)), min_size=1, max_size=3))
    return Job(
        name="any",
        duration_s=sum(seconds for seconds, _ in stretches),
        power_profile=tuple(stretches),
        release=FIRST + timedelta(seconds=draw(st.integers(0, 7_000))),
        deadline=FIRST + HOURS * HOUR - timedelta(seconds=draw(st.integers(0, 7_000))),
        home="DE",
        regions=draw(st.sampled_from([(), ("SE",)])),
        max_runs=draw(st.sampled_from([1, 2, None])),
        save_s=draw(st.sampled_from([0.0, 90.0])),
        restore_s=draw(st.sampled_from([0.0, 300.0])),
        idle_power_w=draw(st.sampled_from([0.0, 40.0])),
        data_gb=draw(st.sampled_from([0.0, 20.0])),
        price_per_hour=draw(st.sampled_from([{}, {"DE": 1.0, "SE": -0.5}])),
    )


@settings.get_profile("costly")
@given(job=jobs(), home=grids, away=grids, band=st.floats(0, 1))
def test_every_plan_keeps_the_laws(job, home, away, band):
    signals = {"DE": hourly("DE", *home, band=band), "SE": hourly("SE", *away, band=band)}
    found = plan_in_full(job, signals, PLACES, FIRST)
    options = {option.name: option for option in found.plan.options}
    now_g = options["now"].emissions.value
    for option in options.values():
        assert option.emissions.value <= now_g * (1 + 1e-9)  # never worse than running now, on its own forecast
        assert option.regret_g >= -1e-9
        assert job.release <= option.segments[0].start
        assert option.finish_at <= job.deadline
        running_s = sum(segment.duration_s for segment in option.segments)
        pauses = len(option.segments) - 1
        assert running_s == pytest.approx(job.duration_s + pauses * (job.save_s + job.restore_s), abs=0.01)
        assert job.max_runs is None or len(option.segments) <= job.max_runs
        assert {segment.region for segment in option.segments} <= {job.home, *job.regions}
        assert all(
            before.end <= after.start for before, after in zip(option.segments, option.segments[1:], strict=False)
        )
    assert found.plan.chosen in options
    assert options[found.plan.chosen].emissions.value <= now_g * (1 + 1e-9)
    for simple, richer in (
        ("best-start", "paused"),
        ("best-start", "start-and-region"),
        ("paused", "paused-and-region"),
    ):
        if simple in options and richer in options:
            assert options[richer].emissions.value <= options[simple].emissions.value * (1 + 1e-9)


@settings.get_profile("costly")
@given(home=grids, slack_h=st.integers(0, 8))
def test_more_slack_never_emits_more(home, slack_h):
    signals = {"DE": hourly("DE", *home)}

    def best_g(hours):
        job = Job(
            name="any", duration_s=10_800.0, power_profile=((10_800.0, 300.0),), release=FIRST,
            deadline=FIRST + hours * HOUR, home="DE", max_runs=None,
        )  # fmt: skip
        return min(option.emissions.value for option in plan_in_full(job, signals, PLACES, FIRST).plan.options)

    assert best_g(4 + slack_h) <= best_g(3 + slack_h) * (1 + 1e-9) + 1e-9
