"""When the sampler ticks."""

import itertools

import pytest

from joulewise.core.channels import ENERGY, POWER, Channel
from joulewise.measure.sampler import next_tick_s, safe_tick_s


def ticks(tick_s, until_s):
    found = [0.0]
    while found[-1] < until_s:
        found.append(next_tick_s(found[-1], tick_s))
    return found


def test_a_run_begins_with_close_ticks_and_settles():
    assert ticks(10.0, 50) == [0, 1, 2, 4, 7, 10, 15, 20, 30, 40, 50]


@pytest.mark.parametrize("tick_s", [1.0, 2.5, 5.0, 60.0])
def test_ticks_are_never_further_apart_than_asked(tick_s):
    found = ticks(tick_s, 300)
    assert all(0 < after - before <= tick_s + 1e-9 for before, after in itertools.pairwise(found))


class Meter:
    def __init__(self, **changes):
        values = {"key": "k", "component": "cpu", "device": "cpu:0", "quantity": ENERGY, "scale": 1e-6}
        self.channels = (Channel(**{**values, "method": "measured", "source": "t", **changes}),)


def test_no_counter_can_wrap_twice_between_ticks():
    assert safe_tick_s([Meter(wrap=10**9, max_power_w=200.0)], 10.0) == pytest.approx(2.5)
    assert safe_tick_s([Meter(wrap=10**12, max_power_w=200.0)], 10.0) == 10.0
    assert safe_tick_s([Meter(wrap=10**3, max_power_w=200.0)], 10.0) == 0.05


def test_momentary_power_is_read_each_second():
    assert safe_tick_s([Meter(quantity=POWER)], 10.0) == 1.0
