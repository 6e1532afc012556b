"""Signals of the bundled factors, and energy spread over them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from joulewise.carbon.intensity import BundledAnnual, factor_of, spread_energy
from joulewise.core import plugins
from joulewise.core.errors import FactorError, SignalMismatch, UndefinedFigure
from joulewise.core.protocols import IntensityProvider
from joulewise.core.signals import Signal

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _signal(start: datetime, hours: float, intensity: float, **changes: str) -> Signal:
    typed = {"kind": "average", "basis": "lifecycle", "scope": "consumption", "status": "measured"} | changes
    return Signal(
        zone="DE",
        start=start,
        end=start + hours * HOUR,
        intensity_g_per_kwh=intensity,
        low_g_per_kwh=intensity * 0.9,
        high_g_per_kwh=intensity * 1.1,
        source="test grid",
        licence="CC0",
        **typed,
    )


def test_the_plug_in_is_registered_and_has_the_protocols_shape() -> None:
    provider: IntensityProvider = plugins.load("intensity", "bundled")()
    assert provider.name == "bundled"
    [signal] = provider.signals("Germany", NOON, NOON + HOUR)
    assert (signal.zone, signal.status, signal.type) == ("DE", "annual", ("average", "lifecycle", "production"))
    assert (signal.start, signal.end) == (NOON, NOON + HOUR)
    assert signal.source.startswith("intensity:DE:2024:ember-2026@")
    assert signal.low_g_per_kwh < signal.intensity_g_per_kwh < signal.high_g_per_kwh


def test_the_turn_of_the_year_splits_in_utc() -> None:
    east = timezone(timedelta(hours=9))
    start = datetime(2024, 1, 1, 8, tzinfo=east)  # 23:00 UTC on the last day of 2023
    first, second = BundledAnnual().signals("JP", start, start + 3 * HOUR)
    assert first.end == second.start == datetime(2024, 1, 1, tzinfo=UTC)
    assert first.source.startswith("intensity:JP:2023:ember-2026@")
    assert second.source.startswith("intensity:JP:2024:ember-2026@")


def test_an_unknown_zone_or_year_has_no_signals() -> None:
    with pytest.raises(FactorError):
        BundledAnnual().signals("Atlantis", NOON, NOON + HOUR)
    with pytest.raises(FactorError):
        BundledAnnual().signals("DE", NOON.replace(year=1990), NOON.replace(year=1991))


def test_energy_is_spread_by_time_and_sums_to_itself() -> None:
    signals = [_signal(NOON, 1, 100), _signal(NOON + HOUR, 1, 400)]
    parts = spread_energy([(NOON + HOUR / 2, NOON + 2 * HOUR, 900.0)], signals)
    assert [(signal.intensity_g_per_kwh, energy_j) for signal, energy_j in parts] == [(100, 300), (400, 600)]


def test_an_instant_belongs_to_the_signal_that_has_begun() -> None:
    signals = [_signal(NOON, 1, 100), _signal(NOON + HOUR, 1, 400)]
    [(signal, energy_j)] = spread_energy([(NOON + HOUR, NOON + HOUR, 5.0)], signals)
    assert (signal.intensity_g_per_kwh, energy_j) == (400, 5.0)


@pytest.mark.parametrize(
    "signals",
    [
        [],
        [_signal(NOON, 0.5, 100)],
        [_signal(NOON, 0.25, 100), _signal(NOON + HOUR / 2, 0.5, 100)],
        [_signal(NOON, 1, 100), _signal(NOON, 1, 400)],
        [_signal(NOON, 0.5, 100), _signal(NOON, 0.5, 400)],
    ],
    ids=["none", "ends early", "hole", "two at once", "two at once, then a hole"],
)
def test_a_hole_is_not_filled_and_an_overlap_is_not_counted_twice(signals: list[Signal]) -> None:
    with pytest.raises(FactorError, match="exactly once"):
        spread_energy([(NOON, NOON + HOUR, 1.0)], signals)


@pytest.mark.parametrize("changes", [{"kind": "marginal"}, {"basis": "direct"}, {"scope": "production"}])
def test_unlike_signals_are_never_combined(changes: dict[str, str]) -> None:
    signals = [_signal(NOON, 1, 100), _signal(NOON + HOUR, 1, 100, **changes)]
    with pytest.raises(SignalMismatch):
        spread_energy([(NOON, NOON + 2 * HOUR, 1.0)], signals)


def test_no_energy_is_nothing_to_spread() -> None:
    with pytest.raises(UndefinedFigure):
        spread_energy([], [_signal(NOON, 1, 100)])


@pytest.mark.parametrize(("status", "method"), [("measured", "reported"), ("forecast", "modelled")])
def test_a_live_signal_becomes_a_factor_that_can_be_filed(status: str, method: str) -> None:
    factor = factor_of(_signal(NOON, 1, 100, status=status))
    assert factor.id.partition("@")[0] == f"intensity:DE:2024-06-01T12:00Z:{status}"
    assert (factor.method, factor.signal, factor.basis, factor.resolution) == (
        method,
        "average",
        "lifecycle",
        status,
    )


def test_a_revised_value_is_another_factor() -> None:
    first, revised = (factor_of(_signal(NOON, 1, value)) for value in (100, 101))
    assert first.id != revised.id
    assert first.id.partition("@")[0] == revised.id.partition("@")[0]


def test_a_typical_hour_is_one_factor_for_its_month() -> None:
    days = [factor_of(_signal(NOON + day * 24 * HOUR, 1, 100, status="climatology")) for day in (0, 7)]
    assert days[0] == days[1]
    assert days[0].id.startswith("intensity:DE:2024-06-h12:climatology@")
    assert (days[0].valid_from, days[0].valid_to) == ("2024-06-01", "2024-06-30")
    assert days[0].resolution == "typical day, 12:00 to 13:00 UTC"
    assert factor_of(_signal(NOON + HOUR, 1, 100, status="climatology")) != days[0]


def test_a_year_of_hours_is_spread_in_one_pass() -> None:
    signals = [_signal(NOON + hour * HOUR, 1, 100 + hour % 24) for hour in range(8760)]
    energy = [(one.start, one.end, 2.0) for one in reversed(signals)]
    parts = spread_energy(energy, signals)
    assert [(signal.start, joules) for signal, joules in parts] == [(one.start, 2.0) for one in signals]
