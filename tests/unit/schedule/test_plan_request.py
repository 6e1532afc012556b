"""From what is asked to a job: windows, places and prices, and a clear word for each that can't be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from joulewise.core.errors import FactorError, ImpossibleWindow, NotFound, OutOfRange, UsageError
from joulewise.core.settings import Settings
from joulewise.schedule import Request, job_of
from joulewise.schedule.profile import Profile, given
from joulewise.schedule.request import window_of
from joulewise.testing.plans import FIRST, HOUR

PROFILE = Profile(stretches=((7_200.0, 250.0),), name="train", run_id="R")
HOME = Settings(zone="DE", currency="USD")


def asked(settings=HOME, profile=PROFILE, **wanted):
    return job_of(Request(**wanted), profile, settings, FIRST)


def test_a_job_of_defaults():
    job, places = asked()
    assert (job.name, job.home, job.regions, job.max_runs) == ("train", "DE", (), 1)
    assert (job.release, job.deadline) == (FIRST, FIRST + 24 * HOUR)
    assert (job.power_profile, job.profile_run_id, job.currency) == (((7_200.0, 250.0),), "R", "USD")
    assert list(places) == ["DE"]


def test_places_get_their_canonical_names_once():
    job, places = asked(regions=("eu-north-1", "aws:eu-north-1", "germany", "SE"), prices={"eu-north-1": 1.5})
    assert list(places) == ["DE", "aws:eu-north-1", "SE"]
    assert job.regions == ("aws:eu-north-1", "SE")
    assert job.price_per_hour == {"aws:eu-north-1": 1.5}


def test_an_own_egress_price_replaces_the_list():
    _, places = asked(regions=("us-east-1",), egress_per_gb=0.5)
    assert [place.egress_to("SE") for place in places.values()] == [0.5, 0.5]


def test_energy_that_was_metered_with_pue_gets_it_once():
    job, places = asked(profile=Profile(stretches=((3_600.0, 300.0),), pue_included=True))
    assert job.power_profile[0][1] * places["DE"].pue.value == pytest.approx(300.0)


def test_deadlines_of_any_offset_are_one_moment():
    berlin = timezone(timedelta(hours=1))
    release, deadline = window_of(Request(deadline=datetime(2026, 1, 6, 9, tzinfo=berlin)), FIRST)
    assert (release, deadline) == (FIRST, FIRST + 24 * HOUR)
    assert deadline.utcoffset() == timedelta(0)


def test_a_window_counts_from_the_release():
    release = FIRST + 5 * HOUR
    assert window_of(Request(release=release, within_s=3_600.0), FIRST) == (release, release + HOUR)


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        ({"deadline": FIRST - HOUR}, ImpossibleWindow, "has passed"),
        ({"deadline": FIRST + HOUR, "release": FIRST + 2 * HOUR}, ImpossibleWindow, "before the release"),
        ({"within_s": 3_600.0}, ImpossibleWindow, "takes 2 h"),
        ({"deadline": FIRST + HOUR, "within_s": 60.0}, UsageError, "both say"),
        ({"within_s": float("nan")}, OutOfRange, "--within 24h"),
        ({"within_s": 0.0}, OutOfRange, "above zero"),
        ({"within_s": 1e300}, OutOfRange, "no further ahead than a year"),
        ({"deadline": datetime(9999, 12, 31, 23, tzinfo=UTC)}, OutOfRange, "deadline is 9999-12-31"),
        ({"release": datetime(9999, 12, 31, 23, tzinfo=timezone(-HOUR))}, OutOfRange, "release is 9999-12-31"),
        ({"deadline": datetime(2026, 2, 1)}, UsageError, "offset"),
        ({"prices": {"DE": float("nan")}}, OutOfRange, "not a finite number"),
        ({"prices": {"SE": 1.0}}, NotFound, "--region SE"),
        ({"regions": ("nowhere",)}, FactorError, "unknown zone"),
        ({"data_gb": float("nan")}, OutOfRange, "data_gb"),
        ({"save_s": float("inf")}, OutOfRange, "save_s"),
        ({"max_runs": 0}, OutOfRange, "at least one run"),
        ({"egress_per_gb": float("nan")}, OutOfRange, "not a finite number"),
    ],
)
def test_what_can_not_be_is_told(wanted, error, words):
    with pytest.raises(error, match=words):
        asked(**wanted)


def test_home_must_be_known():
    with pytest.raises(UsageError, match="--zone DE"):
        asked(settings=Settings())


def test_a_negative_price_is_taken():
    assert asked(prices={"DE": -0.5})[0].price_per_hour == {"DE": -0.5}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"egress_per_gb": -1.0}, "price of data from 0"),
        ({"egress_per_gb": 1e12}, "price of data from 0"),
        ({"prices": {"DE": 1e12}}, "beyond 1e"),
        ({"release": FIRST - HOUR}, "has passed"),
    ],
)
def test_prices_and_releases_that_can_not_be_meant(wanted, message):
    with pytest.raises(UsageError, match=message) as caught:
        asked(**wanted)
    assert "--" in caught.value.hint


def test_a_release_that_passed_while_it_was_typed_is_now():
    assert asked(release=FIRST - HOUR / 120)[0].release == FIRST


@pytest.mark.parametrize(
    "wanted", [{"power_w": 2e9}, {"power_w": 1.0, "duration_s": 1e10}, {"energy_j": 1e18, "power_w": 1.0}]
)
def test_amounts_beyond_any_machine(wanted):
    with pytest.raises(OutOfRange, match="at most"):
        given(**{"duration_s": None, "energy_j": None, "power_w": None, **wanted})
