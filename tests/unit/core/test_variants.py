"""Records of compared models refuse what can't be."""

from __future__ import annotations

import pytest

from joulewise.core.errors import OutOfRange
from joulewise.testing.ledgers import small_bundle, store_id
from joulewise.testing.plans import small_job
from joulewise.testing.variants import around, small_saving, small_variant

RUN = small_bundle().run.id


def test_a_variant_has_a_known_status_and_a_reason_if_it_was_left():
    with pytest.raises(OutOfRange, match="not one of ok, failed, discarded"):
        small_variant(RUN, status="lost")
    with pytest.raises(OutOfRange, match="discarded needs a reason"):
        small_variant(RUN, status="discarded")
    assert small_variant(RUN, status="failed", reason="out of memory").reason == "out of memory"


def test_a_saving_has_two_variants_and_a_ratio_above_zero():
    with pytest.raises(OutOfRange, match="two variants"):
        small_saving(RUN, baseline_id=store_id(1), new_id=store_id(1))
    with pytest.raises(OutOfRange, match="ratio > 0"):
        small_saving(RUN, ratio=around(0.0, "1"))


@pytest.mark.parametrize("bounds", [(1.1, 1.2), (0.5, 0.9), (-0.1, 1.0)])
def test_the_bounds_of_a_jobs_energy_hold_its_value(bounds):
    with pytest.raises(OutOfRange, match="must hold its value"):
        small_job(energy_low_ratio=bounds[0], energy_high_ratio=bounds[1])
