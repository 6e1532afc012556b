"""What must hold of typical hours and forecasts for any record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from joulewise.carbon import BundledShapes
from joulewise.carbon.forecast import forecast_from
from joulewise.core.signals import Signal

HOUR = timedelta(hours=1)
NOW = datetime(2024, 10, 27, 3, tzinfo=UTC)
SHAPES = BundledShapes()
values = st.floats(0, 2000, allow_subnormal=False)
moments = st.datetimes(datetime(2016, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


def _signal(start: datetime, value: float) -> Signal:
    return Signal(
        zone="DE",
        start=start,
        end=start + HOUR,
        intensity_g_per_kwh=value,
        low_g_per_kwh=value,
        high_g_per_kwh=value,
        kind="average",
        basis="lifecycle",
        scope="production",
        status="measured",
        source="test grid",
        licence="CC0",
    )


def _covers(signals: list[Signal], start: datetime, end: datetime) -> bool:
    joined = all(one.end == other.start for one, other in pairwise(signals))
    return joined and signals[0].start <= start < end <= signals[-1].end


@given(st.sampled_from(SHAPES.zones), moments, st.floats(0.01, 100))
def test_typical_hours_cover_what_is_asked_with_ordered_bounds(zone: str, start: datetime, length_h: float) -> None:
    start = max(start, datetime(2023, 1, 1, tzinfo=UTC))
    end = start + length_h * HOUR
    signals = list(SHAPES.signals(zone, start, end))
    assert _covers(signals, start, end)
    assert all(0 < one.low_g_per_kwh < one.intensity_g_per_kwh < one.high_g_per_kwh for one in signals)


@given(
    st.dictionaries(st.integers(1, 400), values, min_size=0, max_size=60),
    st.booleans(),
    st.floats(0, 50),
    st.floats(0.01, 60),
)
def test_any_record_gives_hours_without_holes_and_ordered_bounds(
    known: dict[int, float], with_shape: bool, from_h: float, length_h: float
) -> None:
    record = [_signal(NOW - back * HOUR, value) for back, value in sorted(known.items(), reverse=True)]
    start, end = NOW + from_h * HOUR, NOW + (from_h + length_h) * HOUR
    usable = any(back <= 336 for back in known)
    shape = list(SHAPES.signals("DE", start, end)) if with_shape or not usable else []
    made = forecast_from(record, shape, start, end, NOW)
    assert _covers(made, start, end)
    assert all(0 <= one.low_g_per_kwh <= one.intensity_g_per_kwh <= one.high_g_per_kwh for one in made)


@settings.get_profile("costly")
@given(st.lists(values, min_size=336, max_size=336))
def test_far_ahead_it_tends_to_the_climatology(record: list[float]) -> None:
    signals = [_signal(NOW - (336 - index) * HOUR, value) for index, value in enumerate(record)]
    far = NOW + timedelta(days=30)
    made = forecast_from(signals, [], far, far + 24 * HOUR, NOW)
    for index, one in enumerate(made):
        usual = sum(record[index::24]) / 14
        assert abs(one.intensity_g_per_kwh - usual) < 1e-6 * (1 + max(record))


@given(values)
def test_a_constant_grid_stays_constant(value: float) -> None:
    signals = [_signal(NOW - back * HOUR, value) for back in range(336, 0, -1)]
    made = forecast_from(signals, [], NOW, NOW + 24 * HOUR, NOW)
    assert all(abs(one.intensity_g_per_kwh - value) <= 1e-9 * (1 + value) for one in made)
