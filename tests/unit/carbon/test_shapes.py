"""Typical hours of a zone: from the bundled tables, scaled to the annual factor, of its type."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest

from joulewise.carbon.factors import FactorSet
from joulewise.carbon.shapes import BundledShapes, shape_of
from joulewise.core.errors import FactorError
from joulewise.core.protocols import IntensityProvider
from joulewise.core.records import Factor
from joulewise.core.units import h_from_s

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ZONES = BundledShapes().zones


def test_it_has_the_providers_shape() -> None:
    provider: IntensityProvider = BundledShapes()
    [signal] = provider.signals("Germany", NOON, NOON + HOUR)
    assert provider.name == "shapes"
    assert (signal.zone, signal.status, signal.grade) == ("DE", "climatology", "shape")
    assert signal.type == ("average", "lifecycle", "production")
    assert (signal.start, signal.end) == (NOON, NOON + HOUR)
    assert "ENTSO-E" in signal.source
    assert " x intensity:DE:2024:ember-2026@" in signal.source
    assert signal.licence.startswith("CC BY 4.0")


def test_the_zones_are_those_that_fit_and_no_others() -> None:
    assert {"DE", "GB", "PL", "SE", "US-CAMX", "US-ERCT", "US-SRVC"} <= set(ZONES)
    assert not {"NL", "US-NWPP", "US-AZNM", "WORLD", "US"} & set(ZONES)
    assert list(ZONES) == sorted(ZONES)


@pytest.mark.parametrize("zone", ZONES)
def test_a_year_of_hours_has_about_the_annual_mean(zone: str) -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    signals = BundledShapes().signals(zone, start, datetime(2026, 1, 1, tzinfo=UTC))
    factor = FactorSet.bundled().find("intensity", zone, 2025)
    mean = sum(one.intensity_g_per_kwh for one in signals) / len(signals)
    assert len(signals) == 8760
    assert mean == pytest.approx(factor.value, rel=0.04)
    assert {one.type for one in signals} == {(factor.signal, factor.basis, factor.scope)}
    assert all(0 < one.low_g_per_kwh < one.intensity_g_per_kwh < one.high_g_per_kwh for one in signals)


@pytest.mark.parametrize(
    ("zone", "cleanest_utc", "dirtiest_utc"),
    [("DE", (9, 14), (16, 22)), ("GB", (10, 15), (16, 22)), ("US-CAMX", (15, 23), (0, 8)), ("US-ERCT", (5, 13), None)],
)
def test_hours_are_where_the_sun_is(
    zone: str, cleanest_utc: tuple[int, int], dirtiest_utc: tuple[int, int] | None
) -> None:
    day = BundledShapes().signals(zone, NOON.replace(hour=0), NOON.replace(hour=0) + 24 * HOUR)
    by_value = sorted(day, key=lambda one: one.intensity_g_per_kwh)
    assert cleanest_utc[0] <= by_value[0].start.hour <= cleanest_utc[1]
    if dirtiest_utc:
        assert dirtiest_utc[0] <= by_value[-1].start.hour <= dirtiest_utc[1]


def test_whole_hours_are_given_whatever_is_asked() -> None:
    signals = BundledShapes().signals("DE", NOON + 0.4 * HOUR, NOON + 1.1 * HOUR)
    assert [one.start for one in signals] == [NOON, NOON + HOUR]
    assert len(BundledShapes().signals("DE", NOON, NOON)) == 1


@pytest.mark.parametrize("day", [datetime(2024, 3, 31), datetime(2024, 10, 27)])
def test_days_when_the_clocks_change_have_no_hole(day: datetime) -> None:
    start = day.replace(tzinfo=timezone(timedelta(hours=1 if day.month == 3 else 2)))
    end = (day + timedelta(days=1)).replace(tzinfo=timezone(timedelta(hours=2 if day.month == 3 else 1)))
    signals = BundledShapes().signals("DE", start, end)
    assert len(signals) == h_from_s((end - start).total_seconds()) == (23 if day.month == 3 else 25)
    assert all(one.end == other.start for one, other in pairwise(signals))


def test_the_turn_of_the_year_takes_the_next_factor() -> None:
    turn = datetime(2024, 1, 1, tzinfo=UTC)
    before, after = BundledShapes().signals("DE", turn - HOUR, turn + HOUR)
    assert ":2023:" in before.source
    assert ":2024:" in after.source


@pytest.mark.parametrize("zone", ["FR", "US", "WORLD", "aws:eu-west-3"])
def test_zones_without_hours_are_refused_with_the_cure(zone: str) -> None:
    with pytest.raises(FactorError, match="no typical hours") as caught:
        BundledShapes().signals(zone, NOON, NOON + HOUR)
    assert "US-CAMX" in caught.value.hint


def test_an_unknown_zone_and_a_year_before_all_factors_are_refused() -> None:
    with pytest.raises(FactorError, match="unknown zone"):
        BundledShapes().signals("Atlantis", NOON, NOON + HOUR)
    with pytest.raises(FactorError, match="or before"):
        BundledShapes().signals("DE", NOON.replace(year=2001), NOON.replace(year=2001) + HOUR)


def test_a_cloud_region_has_the_hours_of_its_grid() -> None:
    [signal] = BundledShapes().signals("aws:us-east-1", NOON, NOON + HOUR)
    assert signal.zone == "US-SRVC"


def _own(**changes: object) -> FactorSet:
    fields: dict[str, object] = {
        "id": "mine",
        "set_id": "own",
        "kind": "intensity",
        "zone": "DE",
        "value": 200.0,
        "low": 190.0,
        "high": 220.0,
        "unit": "g/kWh",
        "source": "a contract",
        "url": "",
        "licence": "",
        "version": "",
        "valid_from": "2024-01-01",
        "valid_to": "2024-12-31",
        "resolution": "annual",
        "method": "reported",
        "signal": "average",
        "basis": "lifecycle",
        "scope": "consumption",
        **changes,
    }
    return FactorSet([Factor(**fields)])  # type: ignore[arg-type]


def test_an_own_annual_factor_gets_the_shape_and_keeps_its_type() -> None:
    [bundled] = BundledShapes().signals("DE", NOON, NOON + HOUR)
    [own] = BundledShapes(_own()).signals("DE", NOON, NOON + HOUR)
    annual = FactorSet.bundled().find("intensity", "DE", 2024)
    assert own.intensity_g_per_kwh / 200 == pytest.approx(bundled.intensity_g_per_kwh / annual.value)
    assert own.scope == "consumption"
    assert own.high_g_per_kwh / own.intensity_g_per_kwh < bundled.high_g_per_kwh / bundled.intensity_g_per_kwh


@pytest.mark.parametrize("change", [{"signal": "marginal"}, {"basis": "direct"}, {"resolution": ""}])
def test_a_factor_of_another_kind_gets_no_shape(change: dict[str, str]) -> None:
    with pytest.raises(FactorError, match="annual average lifecycle"):
        BundledShapes(_own(**change)).signals("DE", NOON, NOON + HOUR)


def test_an_own_factor_of_zero_stays_zero() -> None:
    [signal] = BundledShapes(_own(value=0.0, low=0.0)).signals("DE", NOON, NOON + HOUR)
    assert (signal.low_g_per_kwh, signal.intensity_g_per_kwh, signal.high_g_per_kwh) == (0, 0, 0)


@pytest.mark.parametrize("zone", ZONES)
def test_each_shape_says_what_an_auditor_asks(zone: str) -> None:
    shape = shape_of(zone)
    assert shape.source
    assert shape.licence
    assert shape.version
    assert 0.9 < shape.persistence_ratio < 1
    assert shape.level[0] < 1 < shape.level[1]
    assert len(shape.ratios) == 12
    assert all(0 < low <= mean <= high for month in shape.ratios for mean, low, high in month)


def test_a_borrowed_shape_is_wider_than_its_own_area_would_be() -> None:
    assert shape_of("US-SRVC").transfer_spread > 0 == shape_of("US-ERCT").transfer_spread


def test_the_tables_come_from_the_raw_data(root: Path, reference_data: Path) -> None:
    import os
    import subprocess
    import sys

    tool = [sys.executable, str(root / "tools" / "derive_shapes.py"), "--check"]
    environ = {**os.environ, "JOULEWISE_REFERENCE_DATA": str(reference_data)}
    done = subprocess.run(tool, capture_output=True, text=True, check=False, env=environ)
    assert (done.returncode, done.stdout.strip()) == (0, "shapes are up to date"), done.stderr
    assert "NL: no shape" in done.stderr
