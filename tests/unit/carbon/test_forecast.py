"""The key-free forecast: climatology plus fading anomaly, typical hours where the record is short, and its band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from joulewise.carbon import BundledShapes
from joulewise.carbon.forecast import forecast_from, hourly
from joulewise.carbon.outlook import CALIBRATION, PERSISTENCE, Outlook, calibration
from joulewise.core.errors import OutOfRange, ProviderUnavailable, SignalMismatch
from joulewise.core.signals import Signal

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def _signal(start: datetime, value: float, length: timedelta = HOUR, **changes: str) -> Signal:
    fields = {
        "kind": "average",
        "basis": "lifecycle",
        "scope": "production",
        "status": "measured",
        "source": "a meter",
        "grade": "live",
    } | changes
    return Signal(
        zone="DE",
        start=start,
        end=start + length,
        intensity_g_per_kwh=value,
        low_g_per_kwh=value * 0.9,
        high_g_per_kwh=value * 1.1,
        licence="CC0",
        **fields,
    )


def _record(days: int, value: Callable[[datetime], float]) -> list[Signal]:
    """So many days of hours up to NOW."""
    hours = [NOW - days * DAY + hour * HOUR for hour in range(24 * days)]
    return [_signal(hour, value(hour)) for hour in hours]


def _daily(moment: datetime) -> float:
    return 300.0 if 8 <= moment.hour < 18 else 400.0


def _values(signals: Sequence[Signal]) -> list[float]:
    return [one.intensity_g_per_kwh for one in signals]


def test_a_daily_course_goes_on() -> None:
    made = forecast_from(_record(14, _daily), [], NOW, NOW + 2 * DAY, NOW)
    assert _values(made) == pytest.approx([_daily(one.start) for one in made])
    assert len(made) == 48
    first = made[0]
    assert (first.zone, first.status, first.issued_at, first.grade) == ("DE", "forecast", NOW, "live")
    assert first.source == "joulewise forecast from a meter"
    assert first.type == ("average", "lifecycle", "production")


def test_what_is_unusual_now_fades() -> None:
    record = [*_record(14, _daily)[:-1], _signal(NOW - HOUR, 380.0)]
    made = forecast_from(record, [], NOW, NOW + 4 * DAY, NOW)
    usual = {hour: (13 * 300 + (380 if hour == 11 else 300)) / 14 for hour in range(8, 18)}
    for lead in (1, 25, 49):
        one = made[lead - 1]
        base = usual[one.start.hour]
        assert one.intensity_g_per_kwh - base == pytest.approx((380 - usual[11]) * PERSISTENCE**lead)


def test_the_band_grows_with_the_lead_and_with_the_records_own_spread() -> None:
    calm, rough = (
        forecast_from(_record(14, lambda hour, s=swing: 300 + s * (hour.day % 2)), [], NOW, NOW + 4 * DAY, NOW)
        for swing in (5.0, 80.0)
    )
    for made in (calm, rough):
        widths = [one.high_g_per_kwh - one.low_g_per_kwh for one in made]
        assert all(later >= earlier - 1e-9 for earlier, later in pairwise(widths[::24]))
        assert widths[0] > 0
    assert rough[5].high_g_per_kwh - rough[5].low_g_per_kwh > calm[5].high_g_per_kwh - calm[5].low_g_per_kwh


def test_without_a_record_the_typical_hours_serve() -> None:
    shape = BundledShapes().signals("DE", NOW, NOW + DAY)
    made = forecast_from([], shape, NOW, NOW + DAY, NOW)
    assert [(one.intensity_g_per_kwh, one.low_g_per_kwh, one.high_g_per_kwh) for one in made] == [
        (one.intensity_g_per_kwh, one.low_g_per_kwh, one.high_g_per_kwh) for one in shape
    ]
    assert {one.status for one in made} == {"forecast"}
    assert made[0].grade == "shape"


def test_a_short_record_sets_the_level_and_the_shape_the_course() -> None:
    shape = BundledShapes().signals("DE", NOW - DAY, NOW + DAY)
    twice = [_signal(one.start, 2 * one.intensity_g_per_kwh) for one in shape if one.end <= NOW][-6:]
    made = forecast_from(twice, shape, NOW, NOW + DAY, NOW)
    ahead = [2 * one.intensity_g_per_kwh for one in shape if one.start >= NOW]
    assert _values(made) == pytest.approx(ahead)


def test_a_full_record_needs_no_shape() -> None:
    record = _record(14, _daily)
    shape = BundledShapes().signals("DE", NOW - 14 * DAY, NOW + DAY)
    assert _values(forecast_from(record, shape, NOW, NOW + DAY, NOW)) == pytest.approx(
        _values(forecast_from(record, [], NOW, NOW + DAY, NOW))
    )


def test_a_short_record_alone_has_a_wide_band() -> None:
    short, long = (forecast_from(_record(days, _daily), [], NOW, NOW + DAY, NOW) for days in (1, 14))
    assert _values(short) == pytest.approx(_values(long))
    assert short[5].high_g_per_kwh > long[5].high_g_per_kwh
    [one] = forecast_from([_signal(NOW - HOUR, 200.0)], [], NOW + 5 * HOUR, NOW + 6 * HOUR, NOW)
    assert one.intensity_g_per_kwh == pytest.approx(200.0)
    assert one.high_g_per_kwh > 250


def test_a_stale_record_counts_from_its_last_hour() -> None:
    record = [*_record(14, _daily)[:-1], _signal(NOW - HOUR, 380.0)]
    later = NOW + 5 * HOUR
    fresh, stale = (forecast_from(record, [], later, later + HOUR, now)[0] for now in (NOW, later))
    assert stale.intensity_g_per_kwh == pytest.approx(fresh.intensity_g_per_kwh, rel=0.02)
    assert stale.issued_at == later


def test_what_lies_outside_the_fourteen_days_or_after_now_is_left_out() -> None:
    record = _record(14, _daily)
    old = [_signal(NOW - 20 * DAY, 9000.0), *record, _signal(NOW + HOUR, 9000.0)]
    assert forecast_from(old, [], NOW, NOW + DAY, NOW) == forecast_from(record, [], NOW, NOW + DAY, NOW)


def test_holes_and_other_lengths_of_interval_are_taken() -> None:
    record = [_signal(NOW - 10 * DAY + part * HOUR / 2, 100.0 + part % 2, HOUR / 2) for part in range(480)]
    del record[100:150]
    made = forecast_from(record, [], NOW, NOW + DAY, NOW)
    assert _values(made) == pytest.approx([100.5] * 24)


def test_the_whole_hours_that_are_touched_are_given() -> None:
    made = forecast_from(_record(14, _daily), [], NOW + 0.5 * HOUR, NOW + 2.2 * HOUR, NOW)
    assert [one.start for one in made] == [NOW, NOW + HOUR, NOW + 2 * HOUR]


def test_nothing_to_go_by_is_said() -> None:
    with pytest.raises(ProviderUnavailable, match="neither"):
        forecast_from([], [], NOW, NOW + DAY, NOW)
    with pytest.raises(ProviderUnavailable, match="neither"):
        forecast_from([_signal(NOW - 30 * DAY, 1.0)], [], NOW, NOW + DAY, NOW)


def test_unlike_signals_are_never_combined() -> None:
    shape = BundledShapes().signals("DE", NOW, NOW + DAY)
    for change in ({"kind": "marginal"}, {"basis": "direct"}, {"scope": "consumption"}):
        with pytest.raises(SignalMismatch):
            forecast_from([_signal(NOW - HOUR, 1.0, **change)], shape, NOW, NOW + DAY, NOW)


def test_an_empty_interval_is_refused() -> None:
    with pytest.raises(OutOfRange, match="start before end"):
        forecast_from(_record(1, _daily), [], NOW, NOW, NOW)


def test_a_record_of_zeros_forecasts_zero() -> None:
    made = forecast_from(_record(14, lambda _: 0.0), [], NOW, NOW + DAY, NOW)
    assert {(one.low_g_per_kwh, one.intensity_g_per_kwh, one.high_g_per_kwh) for one in made} == {(0.0, 0.0, 0.0)}


def test_a_shape_of_zeros_beside_a_short_record_does_not_divide_by_zero() -> None:
    shape = [_signal(NOW + hour * HOUR, 0.0) for hour in range(24)]
    made = forecast_from(_record(1, _daily), shape, NOW, NOW + HOUR, NOW)
    assert made[0].intensity_g_per_kwh >= 0


def test_the_calibration_is_interpolated_between_its_leads() -> None:
    assert calibration(1) == CALIBRATION[0][1:]
    assert calibration(168) == calibration(1000) == CALIBRATION[-1][1:]
    (_, low, _), (_, high, _) = CALIBRATION[3:5]
    assert calibration(5)[0] == pytest.approx((low + high) / 2)


def test_hours_are_means_weighted_by_time() -> None:
    parts = [_signal(NOW, 100.0, HOUR / 4), _signal(NOW + HOUR / 4, 200.0, HOUR)]
    first = int(NOW.timestamp()) // 3600
    assert hourly(parts, NOW, NOW + DAY) == pytest.approx({first: 175.0, first + 1: 200.0})
    assert hourly(parts, NOW + DAY, NOW + 2 * DAY) == {}


def test_numbers_alone_will_do() -> None:
    outlook = Outlook({hour: 10.0 + hour % 24 for hour in range(336)}, {})
    assert [outlook.at(336 + hour)[0] for hour in range(24)] == pytest.approx([10.0 + hour for hour in range(24)])
