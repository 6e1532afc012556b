"""Cloud regions in order: one kind and basis a list, absent figures last and never zero."""

from __future__ import annotations

from itertools import pairwise

import pytest

from joulewise.core.errors import FactorError, OutOfRange, UsageError
from joulewise.schedule import rank_regions
from joulewise.schedule.rank import marginal_of


def test_all_regions_are_ranked_by_lifecycle_average():
    found = rank_regions()
    assert len(found) == 144
    assert all(before.average.value <= after.average.value for before, after in pairwise(found))
    assert [one.rank for one in found if one.zone == "NO"] == [1, 1]
    assert {one.basis for one in found} == {"lifecycle"}


def test_a_us_region_is_stood_in_for_by_its_country_and_says_so():
    oregon = next(one for one in rank_regions() if one.region == "aws:us-west-2")
    assert (oregon.zone, oregon.stand_in) == ("US-NWPP", "US")


def test_direct_figures_are_a_list_of_their_own():
    found = rank_regions(basis="direct")
    known = [one for one in found if one.average]
    assert {one.zone[:3] for one in known} == {"US-"}
    assert all(one.rank is None for one in found[len(known) :])
    assert len(found) == 144


def test_marginal_is_known_for_us_subregions_only():
    found = rank_regions("marginal")
    ranked = [one for one in found if one.rank]
    assert len(ranked) == 24
    assert all(one.marginal.value > 400 for one in ranked)
    assert all(one.marginal is None for one in found[24:])
    assert marginal_of("DE") is None


def test_pue_can_change_the_order():
    adjusted = rank_regions("adjusted")
    assert all(one.adjusted.value == pytest.approx(one.average.value * one.pue.value) for one in adjusted)
    assert all(before.adjusted.value <= after.adjusted.value for before, after in pairwise(adjusted))
    assert all(one.adjusted.low <= one.adjusted.value <= one.adjusted.high for one in adjusted)
    assert [one.region for one in adjusted] != [one.region for one in rank_regions()]


def test_prices_are_the_users_and_may_be_negative():
    found = rank_regions("price", prices={"eu-north-1": 1.0, "gcp:us-west1": -2.0})
    assert [(one.region, one.rank) for one in found[:3]] == [
        ("gcp:us-west1", 1), ("aws:eu-north-1", 2), ("aws:af-south-1", None),
    ]  # fmt: skip


def test_egress_and_provider():
    found = rank_regions("egress", provider="gcp")
    assert {one.region.partition(":")[0] for one in found} == {"gcp"}
    assert found[0].egress_per_gb == min(one.egress_per_gb for one in found if one.egress_per_gb is not None)
    assert found[-1].rank is None


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"by": "size"}, UsageError),
        ({"basis": "consumption"}, UsageError),
        ({"by": "price"}, UsageError),
        ({"provider": "acme"}, UsageError),
        ({"prices": {"eu-north-1": float("nan")}}, OutOfRange),
        ({"prices": {"nowhere": 1.0}}, FactorError),
    ],
)
def test_what_can_not_be_is_told(wanted, error):
    with pytest.raises(error):
        rank_regions(**wanted)
