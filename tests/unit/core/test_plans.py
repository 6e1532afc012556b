"""Jobs, plans and decisions: what can't be is refused with its cure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from joulewise.core.errors import ImpossibleWindow, OutOfRange
from joulewise.core.figures import MODELLED, exact
from joulewise.core.plans import Decision, Job, Option, Plan, Segment, in_words

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOB = Job(
    name="train",
    duration_s=7_200.0,
    power_profile=((3_600.0, 200.0), (3_600.0, 100.0)),
    release=NOON,
    deadline=NOON + timedelta(hours=8),
    home="DE",
)


def test_energy_is_the_sum_over_the_profile():
    assert JOB.energy_j == 3_600 * 300


def test_a_job_that_just_fits_is_taken():
    assert replace(JOB, deadline=NOON + timedelta(hours=2)).duration_s == 7_200


def test_a_job_that_does_not_fit_says_how_to_make_room():
    with pytest.raises(ImpossibleWindow, match=r"takes 2 h, but only 60 min lie[\s\S]*--within"):
        replace(JOB, deadline=NOON + timedelta(hours=1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"duration_s": 0.0},
        {"duration_s": float("nan")},
        {"power_profile": ()},
        {"power_profile": ((7_200.0, -1.0),)},
        {"power_profile": ((7_200.0, float("nan")),)},
        {"power_profile": ((0.0, 5.0), (7_200.0, 5.0))},
        {"power_profile": ((3_600.0, 5.0),)},
        {"max_runs": 0},
        {"save_s": -1.0},
        {"restore_s": float("nan")},
        {"idle_power_w": -0.1},
        {"data_gb": -1.0},
        {"release": datetime(2026, 3, 1)},
    ],
)
def test_impossible_jobs_are_refused(wrong):
    with pytest.raises(OutOfRange):
        replace(JOB, **wrong)


def test_a_plan_gives_its_chosen_option_and_any_other_by_name():
    segments = (Segment(region="DE", start=NOON, end=NOON + timedelta(hours=2)),)
    now = Option(
        name="now",
        segments=segments,
        energy=exact(1.0, "J", MODELLED, "test"),
        emissions=exact(1.0, "g", MODELLED, "test"),
    )
    plan = Plan(id="1", created_at=NOON, job=JOB, options=(now,), chosen="now", reason="only way", forecast=())

    assert plan.option() is now
    assert plan.option("now") is now
    assert plan.option("paused") is None
    assert now.finish_at == NOON + timedelta(hours=2)
    assert segments[0].duration_s == 7_200


def test_a_decision_saves_the_difference_and_nothing_else():
    grams = {"method": MODELLED, "source": "test"}
    values = {
        "id": "1",
        "run_id": "2",
        "plan_id": None,
        "decided_at": NOON,
        "chosen": "now",
        "segments": (),
        "realised": exact(2.0, "g", **grams),
        "counterfactual": exact(5.0, "g", **grams),
    }

    assert Decision(**values, saved=exact(3.0, "g", **grams)).saved.value == 3.0
    with pytest.raises(OutOfRange, match="minus realised"):
        Decision(**values, saved=exact(3.1, "g", **grams))


@pytest.mark.parametrize(
    ("duration_s", "words"), [(93_600, "26 h"), (7_200, "2 h"), (5_400, "90 min"), (45, "45 s"), (-7_200, "-2 h")]
)
def test_durations_are_said_in_the_unit_that_people_use(duration_s, words):
    assert in_words(duration_s) == words
