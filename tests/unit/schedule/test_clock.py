"""Clocks: real, accelerated, shared, and set by somebody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from joulewise.core.errors import OutOfRange
from joulewise.schedule.clock import Clock

START = datetime(2026, 3, 1, tzinfo=UTC)


def test_real_time_is_the_machines():
    clock = Clock(wall=lambda: 1_000_000.25)

    assert clock.now() == datetime.fromtimestamp(1_000_000.25, UTC)
    assert clock.shown_at(START) == START


def test_an_hour_a_second():
    real = [5_000.0]
    waited = []
    clock = Clock(3600, start=START, wall=lambda: real[0], wait=waited.append, monotonic=lambda: 2.0)
    real[0] += 2.0
    clock.sleep(1800)
    clock.sleep(-1)

    assert clock.now() == START + timedelta(hours=2)
    assert clock.shown_at(datetime.fromtimestamp(5_001.0, UTC)) == START + timedelta(hours=1)
    assert waited == [0.5]
    assert clock.monotonic_s() == 7200.0


def test_real_time_from_another_start():
    clock = Clock(start=START, real_start=100.0, wall=lambda: 130.0)

    assert clock.now() == START + timedelta(seconds=30)


def test_two_processes_see_the_same_time():
    clock = Clock(3600, start=START)
    other = Clock.parse(clock.as_text())

    assert abs(other.now() - clock.now()) < timedelta(hours=1)
    assert other.as_text() == clock.as_text()


def test_a_clock_from_a_speed_alone():
    assert Clock.parse("60").speed == 60
    assert Clock.parse("").speed == 1


@pytest.mark.parametrize("text", ["fast", "0", "-1", "inf", "nan", "1 yesterday 2", "1 2026-01-01T00:00+00:00"])
def test_what_is_no_clock_is_refused(text):
    with pytest.raises(OutOfRange):
        Clock.parse(text)
