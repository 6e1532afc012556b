"""Whatever the sources know and lack, an answer of the chain is whole, in order, of one type, graded and honest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from joulewise.carbon.chain import Chain
from joulewise.carbon.cover import bridged, clipped, covered_share, holes, layered
from joulewise.carbon.intensity import spread_energy
from joulewise.carbon.shapes import BundledShapes
from joulewise.core.signals import Signal

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
TYPES = [
    ("average", "lifecycle", "production"),
    ("average", "lifecycle", "consumption"),
    ("average", "direct", "consumption"),
]
SHAPES = BundledShapes()
hour_sets = st.sets(st.integers(-60, 20), max_size=60)
types = st.sampled_from(TYPES)


class Source:
    def __init__(self, name: str, hours: set[int], type: tuple[str, str, str]) -> None:
        self.name = name
        self._known = [_signal(hour, type) for hour in sorted(hours)]

    def signals(self, zone: str, start: datetime, end: datetime) -> list[Signal]:
        return [one for one in self._known if one.start < end and start < one.end]


def _signal(hour: int, type: tuple[str, str, str] = TYPES[0]) -> Signal:
    return Signal(
        zone="DE",
        start=NOON + hour * HOUR,
        end=NOON + (hour + 1) * HOUR,
        intensity_g_per_kwh=300.0 + hour,
        low_g_per_kwh=200.0,
        high_g_per_kwh=400.0,
        kind=type[0],
        basis=type[1],
        scope=type[2],
        status="measured",
        source="test",
        licence="CC0",
    )


def _check(found: Sequence[Signal], start: datetime, end: datetime) -> None:
    assert found[0].start == start
    assert found[-1].end == end
    assert [one.end for one in found[:-1]] == [one.start for one in found[1:]]
    assert len({one.type for one in found}) == 1
    assert all(one.grade for one in found)
    assert all(one.low_g_per_kwh <= one.intensity_g_per_kwh <= one.high_g_per_kwh for one in found)


@given(hour_sets, types, hour_sets, types, st.integers(-50, 10), st.floats(0.01, 40))
def test_answers_are_whole(
    first: set[int], one: tuple[str, str, str], second: set[int], other: tuple[str, str, str], at: int, length_h: float
) -> None:
    start, end = NOON + at * HOUR + HOUR / 3, NOON + at * HOUR + HOUR / 3 + length_h * HOUR
    chain = Chain([Source("first", first, one), Source("second", second, other)], shapes=SHAPES, now=lambda: NOON)
    found = chain.signals("DE", start, end)
    _check(found, start, end)
    live = [signal for signal in found if signal.grade == "live" and signal.status == "measured"]
    known = {_signal(hour).start: _signal(hour).intensity_g_per_kwh for hour in first | second}
    assert all(
        signal.intensity_g_per_kwh == known[signal.start.replace(minute=0, second=0, microsecond=0)] for signal in live
    )
    spread = spread_energy([(start, end, 7.0)], found)
    assert abs(sum(part_j for _, part_j in spread) - 7.0) < 1e-6
    _check(chain.forecast("DE", start, end, NOON), start, end)


@given(hour_sets, hour_sets, st.integers(-50, 10), st.integers(1, 30))
def test_cutting_and_laying_over_keep_every_value_where_it_was(
    upper: set[int], lower: set[int], at: int, length: int
) -> None:
    start, end = NOON + (at + 0.5) * HOUR, NOON + (at + 0.5 + length) * HOUR
    above, below = [_signal(hour) for hour in sorted(upper)], [_signal(hour) for hour in sorted(lower)]
    cut = clipped(above, start, end)
    missing = holes(cut, start, end)
    covered = sum((one.end - one.start for one in cut), timedelta())
    assert covered + sum((last - first for first, last in missing), timedelta()) == end - start
    assert abs(covered_share(cut, start, end) - covered / (end - start)) < 1e-12
    both = layered(above, below, start, end)
    assert covered_share(both, start, end) == covered_share(clipped(above + below, start, end), start, end)
    assert all(one.intensity_g_per_kwh == 300 + (one.start - NOON) // HOUR for one in both)


@given(hour_sets)
def test_bridges_close_short_holes_only(hours: set[int]) -> None:
    known = [_signal(hour) for hour in sorted(hours)]
    found = bridged(known)
    assert [one for one in found if one.status == "measured"] == known
    for one in found:
        if one.status == "estimated":  # the values lie on a line, so must the bridge
            middle_h = (one.start - NOON) / HOUR
            assert abs(one.intensity_g_per_kwh - (300 + middle_h)) < 0.6
    gaps = [later.start - earlier.end for earlier, later in pairwise(found)]
    assert all(gap == timedelta() or gap > 3 * HOUR for gap in gaps)
