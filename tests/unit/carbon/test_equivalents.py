"""Equivalences: typed by quantity, with vintage and source."""

from __future__ import annotations

import pytest

from joulewise.carbon import equivalents_of
from joulewise.carbon.factors import FactorSet
from joulewise.core.errors import FactorError, SignalMismatch
from joulewise.core.figures import Figure, exact

CARBON = Figure(value=1750.0, low=875.0, high=3500.0, unit="g", method="modelled")


def test_carbon_becomes_things_that_emit_with_bounds_of_both() -> None:
    [drive] = equivalents_of(CARBON, ["car_km_eu"])
    assert drive.count.value == pytest.approx(10)
    assert drive.count.low < 5
    assert drive.count.high > 20
    assert (drive.quantity, drive.vintage) == ("carbon", "Green Algorithms 3.0")
    assert drive.label == "kilometres by a European car"
    assert drive.factor.url.startswith("https://")


def test_the_preferred_things_of_each_quantity() -> None:
    carbon = equivalents_of(CARBON)
    energy = equivalents_of(exact(3.6e9, "J"))
    assert {one.factor.unit for one in carbon} == {"g"}
    assert [one.name for one in energy] == ["home_year_us"]
    assert energy[0].count.value == pytest.approx(1000 / 10791)
    assert len({one.name for one in carbon}) == len(carbon) >= 5


@pytest.mark.parametrize(("figure", "name"), [(CARBON, "home_year_us"), (exact(1.0, "J"), "car_km_eu")])
def test_energy_and_carbon_are_never_crossed(figure: Figure, name: str) -> None:
    with pytest.raises(SignalMismatch):
        equivalents_of(figure, [name])


def test_another_unit_or_an_unknown_thing_is_refused() -> None:
    with pytest.raises(FactorError, match="no equivalents"):
        equivalents_of(exact(1.0, "L"))
    with pytest.raises(FactorError, match="unicorn"):
        equivalents_of(CARBON, ["unicorn"])


def test_a_seedling_counts_ten_years_and_every_edition_of_a_car_mile_is_kept_apart() -> None:
    factors = FactorSet.bundled()
    assert factors.find("equivalence", "tree_seedling_decade").value == 60_000
    miles = factors.list("equivalence", "car_mile_us")
    assert {factor.value for factor in miles} == {409, 404, 403, 398, 393}
    assert len({factor.version for factor in miles}) == len(miles)


def test_a_home_is_that_of_the_latest_edition() -> None:
    assert FactorSet.bundled().find("equivalence", "home_year_us_carbon").value == 7_940_000
