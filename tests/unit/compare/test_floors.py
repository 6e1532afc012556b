"""Floors as people write them: read without guessing, held at the bad end, unknown where a figure is absent."""

from __future__ import annotations

import pytest

from joulewise.compare.floors import Entry, floor_of
from joulewise.core.errors import UsageError
from joulewise.core.figures import MEASURED, Figure, exact


def figure(low: float, value: float, high: float, unit: str = "1") -> Figure:
    return Figure(value=value, low=low, high=high, unit=unit, method=MEASURED)


BASE = Entry(name="base", metric="accuracy", quality=figure(0.96, 0.97, 0.98), is_baseline=True)


@pytest.mark.parametrize(
    ("text", "quantity", "at_least", "value", "relative"),
    [
        ("accuracy>=0.95", "", True, 0.95, ""),
        (" accuracy >= 95% ", "", True, 0.95, ""),
        ("accuracy>=-0.5pt", "", True, -0.005, "points"),
        ("accuracy≥−0.5pp", "", True, -0.005, "points"),
        ("f1>=+1pt", "", True, 0.01, "points"),
        ("rmse<=0.3", "", False, 0.3, ""),
        ("rmse<=+2%", "", False, 0.02, "ratio"),
        ("my.metrics:score>=.7", "", True, 0.7, ""),
        ("latency_p99<=10ms", "latency_s_p99", False, 0.01, ""),
        ("latency-p99<=1.5e-2s", "latency_s_p99", False, 0.015, ""),
        ("p50<=200µs", "latency_s_p50", False, 2e-4, ""),
        ("memory<=64MB", "memory_bytes_peak", False, 64e6, ""),
        ("memory<=1MiB", "memory_bytes_peak", False, 2.0**20, ""),
        ("size<=500 kB", "size_bytes", False, 5e5, ""),
        ("energy<=2mJ", "energy_j_per_inference", False, 0.002, ""),
        ("cpu<=3ms", "cpu_s_per_inference", False, 0.003, ""),
    ],
)
def test_a_floor_is_read(text, quantity, at_least, value, relative):
    floor = floor_of(text)

    assert (floor.quantity, floor.at_least, floor.relative) == (quantity, at_least, relative)
    assert floor.value == pytest.approx(value)
    assert floor.text == text.strip()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("accuracy", "can't read the floor"),
        ("accuracy>0.95", "can't read the floor"),
        ("accuracy>=high", "can't read the floor"),
        ("accuracy>=-0.5", "against the baseline"),
        ("accuracy>=0.5ms", "no unit of quality"),
        ("latency_p99>=10ms", "high cost"),
        ("latency_p99<=10", "a number with a unit"),
        ("latency_p99<=10MB", "a number with a unit"),
        ("memory<=-64MB", "a number with a unit"),
        ("", "can't read the floor"),
    ],
)
def test_what_is_no_floor_is_refused_with_examples(text, why):
    with pytest.raises(UsageError, match="Try: ") as caught:
        floor_of(text)

    assert why in str(caught.value)


def test_an_absolute_floor_holds_at_the_bad_end_only():
    assert floor_of("accuracy>=0.96").check(BASE).held is True
    assert floor_of("accuracy>=0.965").check(BASE).held is False
    assert floor_of("accuracy<=0.98").check(BASE).held is True
    assert floor_of("accuracy<=0.975").check(BASE).held is False


def test_a_relative_floor_takes_the_paired_change():
    new = Entry(
        name="new",
        metric="accuracy",
        quality=figure(0.955, 0.965, 0.975),
        quality_change=figure(-0.006, -0.005, -0.004),
    )

    assert floor_of("accuracy>=-0.6pt").check(new, BASE).held is True
    assert floor_of("accuracy>=-0.5pt").check(new, BASE).held is False


def test_without_pairing_the_change_is_wider():
    new = Entry(name="new", metric="accuracy", quality=figure(0.955, 0.965, 0.975))
    check = floor_of("accuracy>=-1pt").check(new, BASE)

    assert check.held is False
    assert check.figure.value == pytest.approx(-0.005)
    assert check.figure.low == pytest.approx(-0.005 - 0.01 * 2**0.5)


def test_a_ratio_is_against_the_baseline():
    base = Entry(name="base", metric="rmse", quality=exact(2.0, "1"), is_baseline=True, greater_is_better=False)
    new = Entry(name="new", metric="rmse", quality=exact(2.1, "1"), greater_is_better=False)

    assert floor_of("rmse<=+6%").check(new, base).held is True
    assert floor_of("rmse<=+4%").check(new, base).held is False


def test_the_baseline_keeps_every_relative_floor_that_allows_a_loss():
    assert floor_of("accuracy>=-0.1pt").check(BASE, BASE).held is True
    assert floor_of("accuracy>=+1pt").check(BASE, BASE).held is False


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("latency_p99<=10ms", "latency_p99 was not measured"),
        ("f1>=0.9", "the quality is accuracy"),
    ],
)
def test_an_absent_figure_holds_no_floor(text, why):
    check = floor_of(text).check(BASE)

    assert check.held is None
    assert why in check.text


def test_a_relative_floor_without_a_baseline_is_unknown():
    alone = Entry(name="new", metric="accuracy", quality=exact(0.9, "1"))

    assert floor_of("accuracy>=-1pt").check(alone).held is None
    assert floor_of("accuracy>=-1pt").check(Entry(name="x", metric="accuracy"), BASE).text.endswith("was not measured")
