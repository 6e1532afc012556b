"""Records of external meters, and laying them over our own."""

from __future__ import annotations

import math

import pytest

from joulewise.core.errors import UndefinedFigure, UsageError
from joulewise.measure.calibrate import fit
from joulewise.measure.external_meter import Series, align, parse


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("t_s,power_w\n0,10\n1,20.5\n", [(0, 10), (1, 20.5)]),
        ("Time;Power [kW]\n0;0,01\n1;0,02\n", [(0, 10), (1, 20)]),
        ("timestamp\tWatt\n1700000000\t5\n1700000001\t6\n", [(1.7e9, 5), (1.7e9 + 1, 6)]),
        ("timestamp_ms,apower (W)\n1700000000000,5\n1700000001000,6\n", [(1.7e9, 5), (1.7e9 + 1, 6)]),
        ('"time","watts"\n"1970-01-01T01:00:10+01:00","5"\n"1970-01-01T00:00:20Z","6"\n', [(10, 5), (20, 6)]),
        ("time,power_w\n3,7\n2,6\n\n1,5\n", [(1, 5), (2, 6), (3, 7)]),
        ("time,power_w\n1,5\n2,n/a\n3\n4,-2\n5,6\n6,nan\n", [(1, 5), (5, 6)]),
        ("\ufeff# a plug\ntime,power_mw\n1,5000\n2,6000\n", [(1, 5), (2, 6)]),
    ],
)
def test_forms_of_records(text: str, want: Series) -> None:
    found = parse(text)
    assert [time for time, _ in found] == pytest.approx([time for time, _ in want])
    assert [power for _, power in found] == pytest.approx([power for _, power in want])


def test_a_counter_becomes_mean_power_between_its_changes() -> None:
    text = "t_s,energy_kwh\n0,1.000\n1800,1.000\n3600,1.001\n7200,1.003\n10800,0.0\n14400,0.001\n"
    assert parse(text) == [(1800, pytest.approx(1)), (5400, pytest.approx(2)), (12600, pytest.approx(1))]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "t_s,power_w\n0,1\n",
        "when,power_w\n0,1\n1,1\n",
        "t_s,temperature\n0,1\n1,1\n",
        "t_s,power_w\n0,x\n1,y\n",
        "time,power_w\n2026-03-01T10:00:00,1\n2026-03-01T10:00:01,1\n",
        "time,power_w\nyesterday,1\ntoday,1\n",
        "t_s,kwh\n0,1\n1,1\n2,1\n",
    ],
)
def test_what_is_no_record_is_refused_with_a_cure(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.hint


def load_w(time_s: float) -> float:
    """A load that rises and falls, with a step, so that a shift shows."""
    return 100 + 60 * math.sin(time_s / 37) + (80 if 200 < time_s < 300 else 0)


def traces(late_s: float, start_s: float = 1.7e9, wall_start_s: float = 1.7e9) -> tuple[Series, Series]:
    ours = [(start_s + second, load_w(second)) for second in range(600)]
    wall = [(wall_start_s + second + late_s, 1.2 * load_w(second) + 40) for second in range(0, 600, 2)]
    return ours, wall


@pytest.mark.parametrize("late_s", [0, 17, -31])
def test_a_late_clock_is_found(late_s: float) -> None:
    pairs = align(*traces(late_s))
    found = fit(*zip(*pairs, strict=True))
    assert found.slope == pytest.approx(1.2, rel=0.01)
    assert found.offset_w == pytest.approx(40, abs=1.5)


def test_a_record_from_its_own_start_is_laid_over_ours() -> None:
    pairs = align(*traces(5, wall_start_s=0))
    assert fit(*zip(*pairs, strict=True)).slope == pytest.approx(1.2, rel=0.01)


def test_records_of_different_days_do_not_align() -> None:
    with pytest.raises(UndefinedFigure):
        align(*traces(86_400))


def test_a_hole_gives_no_windows() -> None:
    ours, wall = traces(0)
    holed = [(time_s, power_w) for time_s, power_w in wall if not 1.7e9 + 100 < time_s < 1.7e9 + 400]
    assert len(align(ours, holed)) < len(align(ours, wall)) - 50


def test_a_wall_that_stands_still_still_aligns() -> None:
    ours, wall = traces(0)
    assert len(align(ours, [(time_s, 50.0) for time_s, _ in wall])) > 8
