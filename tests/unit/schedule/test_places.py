"""Places: PUE of the region or the building, list prices for data only in their currency."""

from __future__ import annotations

import pytest

from joulewise.carbon import FactorSet
from joulewise.core.errors import FactorError, OutOfRange
from joulewise.core.figures import DEFAULT, REPORTED, exact
from joulewise.core.settings import Settings
from joulewise.schedule import Place, place_of
from joulewise.schedule.places import list_prices

PUE = exact(1.2, "1", REPORTED)


def test_a_cloud_region_has_its_own_pue_and_grid_zone():
    place = place_of("eu-north-1", Settings(pue=1.9, price_per_kwh=0.3))
    assert (place.region, place.zone, place.price_per_kwh) == ("aws:eu-north-1", "SE", None)
    assert place.pue.value == 1.1
    assert place.pue.low < 1.1 < place.pue.high


def test_a_zone_has_the_pue_of_the_users_building():
    place = place_of("germany", Settings(pue=1.9, price_per_kwh=0.3))
    assert (place.region, place.zone, place.price_per_kwh) == ("DE", "DE", 0.3)
    assert (place.pue.value, place.pue.method) == (1.9, REPORTED)


def test_without_a_pue_the_default_band_stands_in():
    assert place_of("DE", Settings()).pue.method == DEFAULT
    assert place_of("DE", Settings(device_class="laptop")).pue.value == 1.0


def test_a_set_without_defaults_says_how_to_give_a_pue():
    with pytest.raises(FactorError, match="--pue"):
        place_of("DE", Settings(device_class="toaster"))


def test_an_unknown_place_names_what_comes_near():
    with pytest.raises(FactorError, match="eu-north-1"):
        place_of("eu-norht-1", Settings(), factors=FactorSet.bundled())


def test_list_prices_hold_in_dollars_within_a_provider():
    virginia = place_of("us-east-1", Settings(currency="USD"))
    assert virginia.egress_to("aws:us-east-2") == 0.01
    assert virginia.egress_to("aws:eu-north-1") == 0.02
    assert virginia.egress_to("gcp:us-west1") is None
    assert place_of("us-east-1", Settings(currency="EUR")).egress_to("aws:us-east-2") is None
    assert list_prices("aws:us-west-2") is None


def test_own_prices_go_to_anywhere():
    place = Place(region="DE", zone="DE", pue=PUE, egress_per_gb={"*": 0.05, "SE": 0.0})
    assert (place.egress_to("SE"), place.egress_to("gcp:us-west1")) == (0.0, 0.05)


@pytest.mark.parametrize(
    "wrong",
    [{"price_per_hour": float("nan")}, {"price_per_kwh": float("inf")}, {"egress_per_gb": {"*": float("nan")}},
     {"pue": exact(0.9, "1", REPORTED)}],
)  # fmt: skip
def test_what_is_no_price_or_pue_is_refused(wrong):
    with pytest.raises(OutOfRange):
        Place(**{"region": "DE", "zone": "DE", "pue": PUE, **wrong})


def test_a_negative_price_is_one():
    assert Place(region="DE", zone="DE", pue=PUE, price_per_hour=-1.0).price_per_hour == -1.0
