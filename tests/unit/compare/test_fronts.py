"""Ranks, ties, reasons: who beats whom and why, and who is not ranked."""

from __future__ import annotations

import pytest

from joulewise.compare.floors import Entry
from joulewise.compare.fronts import rank
from joulewise.core.errors import OutOfRange, UsageError
from joulewise.core.figures import MEASURED, Figure, exact


def around(value: float, share: float, unit: str = "1") -> Figure:
    return Figure(value=value, low=value - share, high=value + share, unit=unit, method=MEASURED)


def entry(name: str, accuracy: float | None, energy_j: float | None, **more: object) -> Entry:
    costs = {} if energy_j is None else {"energy_j_per_inference": around(energy_j, 0.02 * energy_j, "J")}
    quality = None if accuracy is None else around(accuracy, 0.004)
    return Entry(**{"name": name, "metric": "accuracy", "quality": quality, "costs": costs, **more})


FP32, INT8 = entry("fp32", 0.976, 5.0), entry("int8", 0.975, 1.0)
TINY, LARGE = entry("tiny", 0.90, 0.1), entry("large", 0.99, 50.0)


def test_what_is_surely_cheaper_and_tied_in_quality_beats():
    place = rank([FP32, INT8, TINY, LARGE]).place("fp32")

    assert place.rank == 2
    assert [(one.by, one.why) for one in place.beaten_by] == [("int8", "energy surely lower, accuracy tied")]


def test_a_trade_off_leaves_both_on_the_front_cheapest_first():
    found = rank([LARGE, TINY, INT8])

    assert found.front == ("tiny", "int8", "large")
    assert found.knee == "int8"
    assert found.cheapest == ("tiny",)


def test_two_members_have_no_knee():
    assert rank([TINY, LARGE]).knee is None


def test_a_front_that_sags_has_no_knee():
    assert rank([entry("a", 0.80, 1.0), entry("b", 0.82, 10.0), entry("c", 0.90, 100.0)]).knee is None


def test_overlap_in_both_is_a_tie_and_both_are_cheapest():
    found = rank([INT8, entry("twin", 0.976, 1.01)])

    assert found.place("int8").tied_with == ("twin",)
    assert found.place("twin").tied_with == ("int8",)
    assert found.cheapest == ("int8", "twin")
    assert {place.rank for place in found.places} == {1}


def test_an_absent_figure_is_told_and_never_zero():
    found = rank([INT8, entry("blind", None, 0.001), entry("unmetered", 0.99, None)])

    assert found.front == ("int8",)
    assert found.place("blind").why_unranked == ("accuracy is absent",)
    assert found.place("unmetered").why_unranked == ("energy per inference is absent",)


def test_floors_come_before_dominance():
    found = rank([TINY, INT8, FP32], ["accuracy>=0.95"])

    assert found.front == ("int8",)
    assert found.place("tiny").rank is None
    assert "does not hold" in found.place("tiny").why_unranked[0]


def test_a_floor_that_nobody_keeps_ranks_nobody_and_says_so():
    found = rank([TINY, INT8], ["accuracy>=0.999"])

    assert found.front == ()
    assert found.cheapest == ()
    assert "nothing is ranked" in found.notices[0]


def test_nothing_ranks_nothing():
    assert rank([]).places == ()
    assert rank([]).notices == ()


def test_paired_figures_rank_where_absolute_ones_tie():
    wide = {"energy_j_per_inference": around(1.0, 0.5, "J")}
    base = entry("base", 0.97, None, costs=wide, is_baseline=True)
    new = entry("new", 0.97, None, costs={"energy_j_per_inference": around(0.8, 0.4, "J")})

    assert rank([base, new]).place("base").tied_with == ("new",)
    paired = entry(
        "new", 0.97, None, costs=new.costs, energy_ratio=around(0.8, 0.02), quality_change=around(0.0, 0.001)
    )
    found = rank([base, paired])
    assert (found.energy_basis, found.quality_basis) == ("paired", "paired")
    assert found.front == ("new",)
    assert found.place("base").beaten_by[0].by == "new"


def test_one_that_was_not_paired_makes_all_absolute():
    base = entry("base", 0.97, 1.0, is_baseline=True)
    paired = entry("paired", 0.97, 0.9, energy_ratio=around(0.9, 0.01), quality_change=around(0, 0.001))

    assert rank([base, paired, entry("alone", 0.97, 0.8)]).energy_basis == "absolute"


def test_paired_without_a_baseline_in_sight_is_absolute():
    paired = entry("paired", 0.97, 0.9, energy_ratio=around(0.9, 0.01))

    assert rank([paired]).energy_basis == "absolute"


def test_less_is_better_where_the_metric_says_so():
    good, bad = (
        Entry(name=name, metric="rmse", greater_is_better=False, quality=around(value, 0.01),
              costs={"energy_j_per_inference": exact(1.0, "J")})
        for name, value in (("good", 0.2), ("bad", 0.4))
    )  # fmt: skip

    assert rank([bad, good]).front == ("good",)
    assert rank([bad, good]).place("bad").beaten_by[0].why == "energy tied, rmse surely better"


def test_a_circle_of_ties_is_settled_and_told():
    def placed(name: str, quality: tuple[float, float], energy: tuple[float, float]) -> Entry:
        figures = [Figure(value=sum(one) / 2, low=one[0], high=one[1], unit=unit, method=MEASURED)
                   for one, unit in ((quality, "1"), (energy, "J"))]  # fmt: skip
        return Entry(name=name, metric="accuracy", quality=figures[0], costs={"energy_j_per_inference": figures[1]})

    circle = [
        placed("one", (0.49, 0.51), (1.0, 1.0)),
        placed("two", (0.40, 0.80), (2.0, 2.0)),
        placed("three", (0.69, 0.71), (3.0, 3.0)),
        placed("four", (0.59, 0.61), (0.5, 3.5)),
    ]
    found = rank(circle)
    assert found.front[0] == "one"
    assert any("circle" in notice for notice in found.notices)
    assert rank(circle[::-1]) == found


def test_names_and_baselines_are_there_once():
    with pytest.raises(UsageError, match="one name"):
        rank([INT8, INT8])
    with pytest.raises(UsageError, match="baseline"):
        rank([entry("a", 0.9, 1.0, is_baseline=True), entry("b", 0.9, 1.0, is_baseline=True)])
    with pytest.raises(OutOfRange, match="different metrics"):
        rank([INT8, entry("f1", 0.9, 1.0, metric="f1")])
    with pytest.raises(UsageError, match="no entry"):
        rank([INT8]).place("int4")
