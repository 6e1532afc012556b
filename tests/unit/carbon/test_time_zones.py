"""Every zone has a clock that this machine knows, and every cloud region is listed under its zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from joulewise import carbon
from joulewise.carbon.tables import table
from joulewise.core.errors import NotFound


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("DE", "Europe/Berlin"),
        ("US", "America/New_York"),
        ("US-CAMX", "America/Los_Angeles"),
        ("US-HIOA", "Pacific/Honolulu"),
        ("AU", "Australia/Sydney"),
        ("AU-NSW", "Australia/Sydney"),
        ("EU", "Europe/Brussels"),
        ("WORLD", "UTC"),
        ("nowhere", "UTC"),
    ],
)
def test_the_clock_of_a_zone(zone, name):
    assert str(carbon.time_zone_of(zone)) == name


def test_a_clock_by_name():
    assert carbon.time_zone("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    assert carbon.time_zone("utc") is UTC


@pytest.mark.parametrize("text", ["Europe/Berln", "../etc/passwd", "", "Mars"])
def test_an_unknown_clock_names_its_cure(text):
    with pytest.raises(NotFound) as caught:
        carbon.time_zone(text)

    assert caught.value.hint


def test_every_place_has_a_clock_and_a_name():
    moment = datetime(2026, 7, 1, tzinfo=UTC)
    places = carbon.places()

    assert [place.zone for place in places] == sorted({place.zone for place in places})
    assert all(place.name for place in places)
    assert all(moment.astimezone(carbon.time_zone_of(place.zone)).utcoffset() is not None for place in places)
    assert [place.zone for place in places if place.time_zone == "UTC"] == ["WORLD"]


def test_every_cloud_region_lies_in_a_place():
    listed = [region for place in carbon.places() for region in place.regions]

    assert sorted(listed) == sorted(row["region"] for row in table("cloud_regions").rows)


def test_a_place_says_whose_hours_it_has():
    by_zone = {place.zone: place for place in carbon.places()}

    assert (by_zone["US-CAMX"].shape_area, by_zone["US-CAMX"].shape_years) == ("US-CAL-CISO", "2020-22")
    assert by_zone["AF"].shape_years == ""
    assert set(carbon.BundledShapes().zones) == {zone for zone, place in by_zone.items() if place.shape_years}
