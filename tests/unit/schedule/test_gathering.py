"""Forecasts of several places: one type for all, by stand-ins that are named, or not at all."""

from __future__ import annotations

import pytest

from joulewise.core.errors import FactorError, UsageError
from joulewise.core.figures import REPORTED, exact
from joulewise.core.settings import Settings
from joulewise.schedule import Place, plan_with
from joulewise.schedule.gathering import gather
from joulewise.testing.plans import FIRST, HOUR, hourly, small_job

WINDOW = (FIRST, FIRST + 8 * HOUR)
DIRECT = {"basis": "direct"}


class Fake:
    """A chain that knows lifecycle figures of countries and direct ones of US subregions."""

    def __init__(self, **signals):
        self.notices = ["a word of the chain"]
        self.signals = {
            "DE": hourly("DE", *[400] * 8),
            "SE": hourly("SE", *[30] * 8),
            "US": hourly("US", *[380] * 8),
            "US-CAMX": hourly("US-CAMX", *[230, 230, 230, 90, 90, 230, 230, 230], **DIRECT),
            "US-ERCT": hourly("US-ERCT", *[350] * 8, **DIRECT),
            "XX": hourly("XX", *[100] * 8, scope="consumption", basis="direct"),
            **signals,
        }
        self.asked = []

    def forecast(self, zone, start, end, now=None, *, kind="average"):
        self.asked.append((zone, start, end, now, kind))
        return self.signals[zone] if kind == "average" else []


def gathered(*zones, fake=None):
    places = {zone: Place(region=zone, zone=zone, pue=exact(1.0, "1", REPORTED)) for zone in zones}
    return gather(fake or Fake(), places, WINDOW, FIRST)


def test_one_type_is_taken_as_it_is():
    found = gathered("US-CAMX", "US-ERCT")
    assert [signals[0].zone for signals in found.forecasts.values()] == ["US-CAMX", "US-ERCT"]
    assert (found.left_out, found.notices) == ((), ())


def test_a_region_of_another_type_is_stood_in_for_by_its_country():
    found = gathered("DE", "US-CAMX")
    assert [signals[0].zone for signals in found.forecasts.values()] == ["DE", "US"]
    assert "US stands in" in found.notices[0]


def test_home_moves_to_its_country_where_that_keeps_every_region():
    found = gathered("US-CAMX", "SE")
    assert [signals[0].zone for signals in found.forecasts.values()] == ["US", "SE"]


def test_a_region_that_can_not_be_compared_is_left_out():
    found = gathered("DE", "SE", "XX")
    assert (list(found.forecasts), found.left_out) == (["DE", "SE"], ("XX",))
    assert "XX is left out" in found.notices[0]
    silent = gathered("DE", "SE", fake=Fake(SE=[]))
    assert silent.left_out == ("SE",)
    assert "in no such kind" in silent.notices[0]


def test_nothing_known_of_home_is_an_error():
    with pytest.raises(FactorError, match="--kind average"):
        gathered("DE", fake=Fake(DE=[]))


def test_a_plan_from_the_job_alone():
    fake = Fake()
    job = small_job(home="US-CAMX")
    found = plan_with(fake, job, Settings(zone="US-CAMX"), FIRST + HOUR / 2)
    assert found.plan.chosen == "best-start"
    assert found.plan.job == job
    assert "a word of the chain" in found.plan.notices
    assert fake.asked == [("US-CAMX", FIRST + HOUR / 2, job.deadline, FIRST + HOUR / 2, "average")]


def test_a_plan_keeps_the_job_whole_when_a_region_is_left_out():
    places = {name: Place(region=name, zone=name, pue=exact(1.0, "1", REPORTED)) for name in ("DE", "XX")}
    job = small_job(regions=("XX",))
    found = plan_with(Fake(), job, Settings(zone="DE"), FIRST, places=places)
    assert found.plan.job.regions == ("XX",)
    assert any("XX is left out" in notice for notice in found.plan.notices)
    assert {segment.region for option in found.plan.options for segment in option.segments} == {"DE"}


def test_an_unknown_kind_is_refused():
    with pytest.raises(UsageError, match="average, marginal"):
        plan_with(Fake(), small_job(), Settings(zone="DE"), FIRST, kind="mean")
