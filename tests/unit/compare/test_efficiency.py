"""Each metric with its interval, numerator, denominator, stage and boundary; absent where an input is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from joulewise.compare.efficiency import Costs, along_the_front, efficiency_of
from joulewise.compare.energy_score import stars, thousand_queries
from joulewise.compare.floors import Entry
from joulewise.compare.mlperf import is_material, offline, single_stream
from joulewise.core.errors import OutOfRange, UndefinedFigure
from joulewise.core.figures import MEASURED, MODELLED, Figure, exact


def figure(low: float, value: float, high: float, unit: str, method: str = MEASURED) -> Figure:
    return Figure(value=value, low=low, high=high, unit=unit, method=method)


WHOLE = Costs(
    metric="accuracy",
    quality=figure(0.89, 0.9, 0.91, "1"),
    size=exact(4e6, "bytes"),
    forward_flop=exact(0.3e9, "FLOP"),
    training_duration=exact(7_200.0, "s"),
    training_energy=figure(3.0e6, 3.6e6, 4.2e6, "J", MODELLED),
    finetuning_energy=exact(0.36e6, "J"),
    inference_duration=exact(0.01, "s"),
    inference_energy=figure(0.08, 0.1, 0.12, "J"),
    latency=exact(0.02, "s"),
    throughput=exact(100.0, "1/s"),
    power=figure(9.0, 10.0, 11.0, "W"),
    example_count=exact(1_000.0, "1"),
    epoch_count=exact(10.0, "1"),
    experiment_count=exact(5.0, "1"),
)
EXPECTED = {
    "quality_per_size": (90 / 4, "pp/MB"),
    "quality_per_training_time": (45.0, "pp/h"),
    "quality_per_training_energy": (90.0, "pp/kWh"),
    "quality_per_inference_time": (9_000.0, "pp/s"),
    "quality_per_inference_energy": (900.0, "pp/J"),
    "quality_per_gflop": (300.0, "pp/GFLOP"),
    "inferences_per_joule": (10.0, "inferences/J"),
    "edh": (0.3e9 * 1_000 * 5, "FLOP"),
    "search_flop": (3 * 0.3e9 * 1_000 * 10 * 5, "FLOP"),
    "energy_delay": (0.002, "J.s"),
    "energy_delay_squared": (4e-5, "J.s2"),
    "wh_per_thousand_queries": (100 / 3_600, "Wh/1000 queries"),
    "offline": (10.0, "samples/J"),
    "single_stream": (0.2, "J"),
    "break_even_inferences": (3.96e7, "1"),
}


def by_key(costs: Costs):
    return {one.key: one for one in efficiency_of(costs)}


@pytest.mark.parametrize("key", EXPECTED)
def test_a_metric_is_what_its_formula_says(key):
    found = by_key(WHOLE)[key]
    value, unit = EXPECTED[key]

    assert found.figure.value == pytest.approx(value)
    assert found.figure.unit == unit
    assert found.figure.source == f"{found.formula.id} v{found.formula.version}"
    assert found.numerator
    assert found.stage


def test_every_metric_is_here():
    assert list(by_key(WHOLE)) == list(EXPECTED)


def test_bounds_and_the_weakest_method_come_through():
    found = by_key(WHOLE)["quality_per_training_energy"].figure

    assert found.low < 90 < found.high
    assert found.method == MODELLED
    assert by_key(WHOLE)["quality_per_size"].figure.low == pytest.approx(89 / 4)


def test_what_is_inferred_says_so_and_ratios_never_rank():
    found = by_key(WHOLE)["quality_per_size"]

    assert "inferred" in found.note
    assert "never to rank" in found.note


def test_nothing_known_gives_a_reason_for_each_and_no_zero():
    found = efficiency_of(Costs())

    assert [one.figure for one in found] == [None] * len(EXPECTED)
    assert all(one.reason for one in found)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"greater_is_better": False}, "better when smaller"),
        ({"quality": exact(3.0, "mm")}, "not a share"),
        ({"quality": figure(-0.2, 0.1, 0.3, "1")}, "below zero"),
        ({"quality": None}, "accuracy is absent"),
        ({"size": exact(0.0, "bytes")}, "size_bytes is 0"),
    ],
)
def test_a_ratio_that_means_nothing_is_absent(change, why):
    found = by_key(replace(WHOLE, **change))["quality_per_size"]

    assert found.figure is None
    assert why in found.reason


def test_percent_is_taken_as_it_is():
    assert by_key(replace(WHOLE, quality=exact(90.0, "%")))["quality_per_size"].figure.value == pytest.approx(22.5)


def test_break_even_needs_one_boundary():
    found = by_key(replace(WHOLE, training_boundary="node"))["break_even_inferences"]

    assert found.figure is None
    assert "node" in found.reason
    alone = by_key(replace(WHOLE, finetuning_energy=None))["break_even_inferences"]
    assert alone.figure.value == pytest.approx(3.6e7)
    assert "fine-tuning" not in alone.numerator


def entry(name: str, accuracy: float | None, energy: Figure | None) -> Entry:
    quality = None if accuracy is None else exact(accuracy, "1")
    return Entry(
        name=name, metric="accuracy", quality=quality, costs={"energy_j_per_inference": energy} if energy else {}
    )


def test_along_the_front_each_further_joule_has_its_gain():
    front = [entry("large", 0.9, figure(9, 10, 11, "J")), entry("small", 0.8, figure(0.9, 1, 1.1, "J"))]
    (found,) = along_the_front(front)

    assert found.label == "From small to large"
    assert found.figure.value == pytest.approx(10 / (9 / 3.6e6))


def test_along_the_front_a_tie_has_no_slope_and_an_absence_is_told():
    tied = along_the_front([entry("a", 0.8, figure(1, 2, 3, "J")), entry("b", 0.9, figure(2, 3, 4, "J"))])
    blind = along_the_front([entry("a", None, exact(1, "J")), entry("b", 0.9, exact(3, "J")), entry("c", 0.9, None)])

    assert tied[0].reason == "their energies tie"
    assert blind[0].reason == "accuracy is absent"
    assert len(blind) == 1


def test_stars_by_both_rules_with_what_the_interval_allows():
    energies = {f"m{at}": figure(at - 0.1, float(at), at + 0.1, "J") for at in (1, 2, 3, 4, 100)}
    found = {one.name: one for one in stars(energies)}

    assert [one.by_range.value for one in found.values()] == [5, 5, 5, 5, 1]
    assert [one.by_rank.value for one in found.values()] == [5, 4, 3, 2, 1]
    assert found["m1"].wh_per_thousand.value == pytest.approx(1_000 / 3_600)


def test_stars_of_models_that_tie_are_a_band():
    found = stars({name: figure(0.5, value, 1.5, "J") for name, value in (("a", 0.9), ("b", 1.0), ("c", 1.1))})

    assert [(one.by_rank.low, one.by_rank.high) for one in found] == [(1, 4)] * 3
    assert found[0].by_range.low == 1


def test_one_model_has_all_stars_and_none_has_no_stars():
    (alone,) = stars({"only": exact(1.0, "J")})

    assert alone.by_range.value == 5
    with pytest.raises(UndefinedFigure):
        stars({})
    assert thousand_queries(exact(3.6, "J")).value == pytest.approx(1.0)


def test_mlperf_like_figures_say_how_they_differ():
    found = offline(exact(200.0, "1/s"), exact(50.0, "W"))
    wall = single_stream(exact(0.1, "s"), exact(50.0, "W"), "node")

    assert found.figure.value == pytest.approx(4.0)
    assert "at the wall" in found.differences[0]
    assert wall.figure.value == pytest.approx(5.0)
    assert not any("boundary" in one for one in wall.differences)
    with pytest.raises(OutOfRange, match="mean latency in s"):
        single_stream(exact(100.0, "ms"), exact(50.0, "W"))


def test_two_percent_is_immaterial():
    assert not is_material(exact(100.0, "J"), exact(101.9, "J"))
    assert is_material(exact(100.0, "J"), exact(103.0, "J"))
    with pytest.raises(OutOfRange):
        is_material(exact(1.0, "J"), exact(1.0, "W"))
