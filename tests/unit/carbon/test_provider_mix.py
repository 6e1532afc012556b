"""Generation mix to intensity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from joulewise.carbon.mix import completed, fuel_intensity
from joulewise.carbon.tables import table

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_it_is_the_weighted_mean_of_the_factors() -> None:
    value, low, high = fuel_intensity({"coal": 100.0, "wind": 300.0}, "lifecycle") or (0, 0, 0)
    assert value == pytest.approx((100 * 820 + 300 * 11) / 400)
    assert low < value < high


def test_storage_is_left_out_in_both_directions() -> None:
    plain = fuel_intensity({"gas": 100.0}, "direct")
    assert fuel_intensity({"gas": 100.0, "storage": 500.0}, "direct") == plain
    assert fuel_intensity({"gas": 100.0, "storage": -500.0}, "direct") == plain


def test_unnamed_fuel_widens_the_band_and_moves_nothing() -> None:
    value, low, high = fuel_intensity({"wind": 60.0, "unknown": 40.0}, "lifecycle") or (0, 0, 0)
    assert value == 11
    assert low < 7, "the unnamed part may be clean"
    assert high > 0.4 * 820, "or coal"
    assert fuel_intensity({"wind": 40.0, "unknown": 60.0}, "lifecycle") is None


def test_direct_is_never_above_lifecycle() -> None:
    rows = {(row["fuel"], row["basis"]): row for row in table("fuel_factors").rows}
    fuels = {fuel for fuel, _ in rows}
    assert {basis for _, basis in rows} == {"direct", "lifecycle"}
    for fuel in fuels:
        assert float(rows[fuel, "direct"]["g_per_kwh"]) <= float(rows[fuel, "lifecycle"]["g_per_kwh"])
    for row in rows.values():
        assert float(row["low"]) <= float(row["g_per_kwh"]) <= float(row["high"])
        assert row["source"]


def test_little_negative_generation_is_own_use() -> None:
    assert fuel_intensity({"solar": -5.0, "gas": 10.0}, "direct") == fuel_intensity({"gas": 10.0}, "direct")
    assert fuel_intensity({"solar": -5.0}, "direct") is None
    assert fuel_intensity({}, "direct") is None


def hours(**powers_mw: list[float | None]) -> dict[datetime, dict[str, float | None]]:
    count = len(next(iter(powers_mw.values())))
    return {NOON + index * HOUR: {fuel: line[index] for fuel, line in powers_mw.items()} for index in range(count)}


def test_an_hour_that_lacks_its_coal_is_not_clean_but_missing() -> None:
    found = completed(hours(coal=[500.0, 500.0, None], wind=[100.0, 100.0, 100.0]))
    assert sorted(found) == [NOON, NOON + HOUR]


def test_a_short_gap_of_a_fuel_is_bridged_and_flagged() -> None:
    found = completed(hours(coal=[500.0, None, None, 200.0], wind=[100.0] * 4))
    assert found[NOON + HOUR] == ({"coal": 400.0, "wind": 100.0}, True)
    assert found[NOON][1] is False


def test_a_long_gap_of_a_large_fuel_is_a_gap_of_the_intensity() -> None:
    found = completed(hours(coal=[500.0, None, None, None, None, 500.0], wind=[100.0] * 6))
    assert sorted(found) == [NOON, NOON + 5 * HOUR]


def test_a_long_gap_of_a_small_fuel_hardly_matters() -> None:
    found = completed(hours(oil=[1.0, None, None, None, None, 1.0], wind=[100.0] * 6))
    assert len(found) == 6


def test_a_fuel_that_never_comes_and_a_battery_do_not_matter() -> None:
    found = completed(hours(wind=[100.0] * 3, storage=[None, 5.0, None]))
    assert len(found) == 3
    assert completed(hours(wind=[None, None])) == {}
