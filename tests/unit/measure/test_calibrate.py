"""Fitting wall power to the counters, and keeping the fit."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.core.errors import OutOfRange, UndefinedFigure, UsageError
from joulewise.core.figures import Figure
from joulewise.measure.calibrate import Calibration, apply, finding, fit, load, machine_name, store, t_quantile
from joulewise.measure.facts import calibration_path

MADE_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def line(count: int = 60, noise_w: float = 0.0, seed: int = 1) -> tuple[list[float], list[float]]:
    """Points on wall = 1.15 x sum + 45 W, with noise."""
    chance = random.Random(seed)
    sum_w = [50 + 250 * index / (count - 1) for index in range(count)]
    chance.shuffle(sum_w)
    return sum_w, [1.15 * one + 45 + chance.gauss(0, noise_w) for one in sum_w]


@pytest.fixture
def fitted() -> Calibration:
    return fit(*line(noise_w=4.0), meter="plug", made_at=MADE_AT)


def test_a_clean_line_is_found_exactly() -> None:
    found = fit(*line(8))
    assert found.slope == pytest.approx(1.15)
    assert found.offset_w == pytest.approx(45)
    assert found.residual_ratio == pytest.approx(0, abs=1e-9)


def test_the_intervals_hold_as_often_as_they_claim() -> None:
    fits = [fit(*line(noise_w=4.0, seed=seed)) for seed in range(200)]
    slopes = sum(one.slope_low <= 1.15 <= one.slope_high for one in fits)
    offsets = sum(one.offset_low_w <= 45 <= one.offset_high_w for one in fits)
    assert slopes >= 0.92 * 200
    assert offsets >= 0.92 * 200


def test_predictions_hold_as_often_as_they_claim() -> None:
    chance = random.Random(5)
    held = 0
    for seed in range(200):
        one = fit(*line(noise_w=4.0, seed=seed))
        energy = Figure(value=1000.0, low=1000.0, high=1000.0, unit="J", method="measured")
        wall = apply(one, energy, 10.0, meter_ratio=0.0)
        held += wall.low <= (1.15 * 100 + 45 + chance.gauss(0, 4)) * 10 <= wall.high
    assert held >= 0.92 * 200


def test_outliers_do_not_move_the_line() -> None:
    sum_w, wall_w = line(noise_w=1.0)
    for index in (3, 17, 40, 55):
        wall_w[index] = 5 * wall_w[index]
    found = fit(sum_w, wall_w)
    assert found.outliers == 4
    assert found.slope_low <= 1.15 <= found.slope_high


def test_points_that_resemble_their_neighbours_count_less() -> None:
    sum_w = [50 + index for index in range(200)]
    drift = [1.15 * one + 45 + (5 if index // 20 % 2 else -5) for index, one in enumerate(sum_w)]
    assert fit(sum_w, drift).effective_points < 50


@pytest.mark.parametrize(
    ("sum_w", "wall_w", "error"),
    [
        (line(7)[0], line(7)[1], UndefinedFigure),
        ([100.0] * 20, [160.0] * 20, UndefinedFigure),
        ([100.0] * 19 + [300.0], [160.0] * 20, UndefinedFigure),
        ([0.0] * 20, [160.0] * 20, UndefinedFigure),
        (line()[0], line()[0][::-1], UndefinedFigure),
        (line()[0], [500 - one for one in line()[0]], UndefinedFigure),
        (line()[0], line()[1][:-1], OutOfRange),
        (line()[0], [*line()[1][:-1], -1.0], OutOfRange),
        (line()[0], [*line()[1][:-1], float("nan")], OutOfRange),
        (line()[0], [*line()[1][:-1], float("inf")], OutOfRange),
    ],
    ids=["few", "still", "one point", "zero", "unrelated", "falling", "unequal", "negative", "nan", "inf"],
)
def test_what_gives_no_line_is_refused(sum_w: list[float], wall_w: list[float], error: type[Exception]) -> None:
    with pytest.raises(error):
        fit(sum_w, wall_w)


def test_two_machines_in_one_record_are_refused() -> None:
    sum_w, wall_w = line()
    mixed = [wall if index % 2 else 3 * wall for index, wall in enumerate(wall_w)]
    with pytest.raises(UndefinedFigure):
        fit(sum_w, mixed)


def test_energy_at_the_wall(fitted: Calibration) -> None:
    energy = Figure(value=2000.0, low=1900.0, high=2100.0, unit="J", method="measured", source="rapl")
    wall = apply(fitted, energy, 10.0)
    assert wall.value == pytest.approx(fitted.slope * 2000 + fitted.offset_w * 10)
    assert wall.low < wall.value < wall.high
    assert wall.method == "modelled"
    assert "rapl" in wall.source
    assert fitted.covers(200)
    assert not fitted.covers(900)


@pytest.mark.parametrize(("unit", "duration_s"), [("J", 0.0), ("J", -1.0), ("J", float("inf")), ("W", 1.0)])
def test_a_window_without_time_or_joules_is_refused(fitted: Calibration, unit: str, duration_s: float) -> None:
    energy = Figure(value=1.0, low=1.0, high=1.0, unit=unit, method="measured")
    with pytest.raises(OutOfRange):
        apply(fitted, energy, duration_s)


@pytest.mark.parametrize(
    ("degrees", "want"), [(3, 3.182), (5, 2.571), (10, 2.228), (30, 2.042), (1e9, 1.960), (0, 3.182)]
)
def test_quantiles_of_t(degrees: float, want: float) -> None:
    assert t_quantile(degrees) == pytest.approx(want, rel=0.01)


def test_it_is_kept_per_machine(fitted: Calibration, tmp_path: Path) -> None:
    folder = str(tmp_path / "state")
    assert load(folder, "one") is None
    store(fitted, folder, "one")
    assert load(folder, "one") == fitted
    assert load(folder, "other") is None
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["calibration-one.json"]


def test_a_hostile_machine_name_stays_in_the_folder(tmp_path: Path) -> None:
    assert calibration_path(str(tmp_path), "../../etc/passwd\n").startswith(f"{tmp_path}/calibration-")
    assert "/" not in calibration_path("", "../x")


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"slope": 1}', "\x00"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    Path(calibration_path(str(tmp_path), "one")).write_text(content)
    with pytest.raises(UsageError, match="calibration-one"):
        load(str(tmp_path), "one")
    assert finding(str(tmp_path), "one").state == "broken"


@pytest.mark.parametrize(("name", "value"), [("slope", '"1"'), ("slope", "true"), ("meter", "1")])
def test_a_field_of_the_wrong_kind_is_named(fitted: Calibration, tmp_path: Path, name: str, value: str) -> None:
    path = Path(store(fitted, str(tmp_path), "one"))
    lines = [f' "{name}": {value},' if f'"{name}":' in text else text for text in path.read_text().split("\n")]
    path.write_text("\n".join(lines))
    with pytest.raises(UsageError, match="wrong kind"):
        load(str(tmp_path), "one")


def test_the_doctor_is_told(fitted: Calibration, tmp_path: Path) -> None:
    assert finding(str(tmp_path), "one").state == "absent"
    store(fitted, str(tmp_path), "one")
    assert finding(str(tmp_path), "one").state == "ready"


def test_a_machine_is_named_by_its_id(tmp_path: Path) -> None:
    assert machine_name(str(tmp_path)) == "this-machine"
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/machine-id").write_text("0123abcd\n")
    assert machine_name(str(tmp_path)) == "0123abcd"


@given(st.floats(0.5, 3), st.floats(0, 200), st.integers(8, 40))
def test_any_clean_line_is_found(slope: float, offset_w: float, count: int) -> None:
    sum_w = [20.0 + 10 * index for index in range(count)]
    found = fit(sum_w, [slope * one + offset_w for one in sum_w])
    assert found.slope == pytest.approx(slope, rel=1e-6)
    assert found.offset_w == pytest.approx(offset_w, abs=1e-4)
