"""Floors: a lower floor is kept by whoever keeps a higher one, units say the same, and a surer figure loses nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.compare.floors import Entry, floor_of
from joulewise.compare.fronts import rank
from joulewise.core.errors import OutOfRange, UsageError
from joulewise.core.figures import MEASURED, Figure

shares = st.floats(0.05, 1.0)
halves = st.sampled_from((0.0, 0.01, 0.1, 0.4))


def figure(value: float, half: float, unit: str) -> Figure:
    return Figure(value=value, low=value * (1 - half), high=value * (1 + half), unit=unit, method=MEASURED)


def entry(name: str, quality: Figure | None, energy_j: float = 1.0, **costs: Figure) -> Entry:
    energy = figure(energy_j, 0.0, "J")
    return Entry(name=name, metric="accuracy", quality=quality, costs={"energy_j_per_inference": energy, **costs})


@given(shares, halves, shares, shares)
def test_who_keeps_a_floor_keeps_every_lower_one(value, half, one, other):
    low, high = sorted((one, other))
    tried = entry("a", figure(value, half, "1"))
    keeps = {bound: floor_of(f"accuracy>={bound:.6f}").check(tried).held for bound in (low, high)}
    assert keeps[low] or not keeps[high]


@given(shares, st.floats(0.0, 0.4), st.floats(0.0, 1.0), shares)
def test_a_surer_figure_never_loses_a_floor_that_a_vaguer_one_keeps(value, half, part, bound):
    floor = floor_of(f"accuracy>={bound:.6f}")
    vague, sure = (floor.check(entry("a", figure(value, width, "1"))) for width in (half, half * part))
    assert sure.held or not vague.held


@given(st.integers(1, 10**6))
def test_a_limit_means_the_same_in_every_unit(us):
    milli, plain = us / 1e3, us / 1e6
    bounds = [
        floor_of(f"latency_p99<={text}").value for text in (f"{us}us", f"{us}µs", f"{milli!r}ms", f"{plain:.6f}s")
    ]
    assert bounds == pytest.approx([plain] * 4)
    seen = {"latency_s_p99": figure(plain, 0.0, "s")}
    for text in (f"p99<={us + 1}us", f"latency-p99 ≤ {us + 1}us", f"LATENCY<={us + 1}us"):
        assert floor_of(text).check(entry("a", None, **seen)).held is True


@given(st.integers(1, 2000), st.sampled_from(["pt", "pts", "pp"]))
def test_points_are_hundredths_of_the_baselines_share(hundredths, unit):
    floor = floor_of(f"accuracy>=-{hundredths / 100}{unit}")
    assert (floor.relative, floor.value) == ("points", pytest.approx(-hundredths / 1e4))
    base = replace(entry("base", figure(0.9, 0.0, "1")), is_baseline=True)
    just = entry("a", figure(0.9 - hundredths / 1e4 + 1e-6, 0.0, "1"))
    below = entry("b", figure(0.9 - hundredths / 1e4 - 1e-6, 0.0, "1"))
    assert [floor.check(one, base).held for one in (base, just, below)] == [True, True, False]


@st.composite
def fields(draw: st.DrawFn) -> list[Entry]:
    pairs = draw(st.lists(st.tuples(shares, halves, st.floats(0.01, 100.0)), min_size=1, max_size=8))
    return [entry(f"v{at}", figure(quality, half, "1"), energy) for at, (quality, half, energy) in enumerate(pairs)]


@given(fields(), shares, shares)
def test_a_higher_floor_ranks_no_more_entries(entries, one, other):
    low, high = sorted((one, other))
    ranked = [
        {place.entry.name for place in rank(entries, [f"accuracy>={bound:.6f}"]).places if place.rank is not None}
        for bound in (low, high)
    ]
    assert ranked[1] <= ranked[0]


@given(fields(), st.sampled_from([1e-6, 3600.0]))
def test_the_unit_of_energy_moves_nobody(entries, factor):
    scaled = [
        replace(
            one,
            costs={
                name: replace(cost, value=cost.value * factor, low=cost.low * factor, high=cost.high * factor)
                for name, cost in one.costs.items()
            },
        )
        for one in entries
    ]
    one, other = rank(entries), rank(scaled)
    assert (one.front, one.cheapest) == (other.front, other.cheapest)
    assert [place.entry.name for place in one.places] == [place.entry.name for place in other.places]


@given(fields())
def test_an_entry_without_a_figure_is_never_ranked_and_says_what_lacks(entries):
    blind = replace(entries[0], name="blind", quality=None)
    free = replace(entries[0], name="free", costs={})
    found = rank([*entries, blind, free])
    assert found.front == rank(entries).front
    assert found.place("blind").why_unranked == ("accuracy is absent",)
    assert found.place("free").why_unranked == ("energy per inference is absent",)


def test_figures_that_do_not_compare_are_refused():
    one = entry("a", figure(0.9, 0.0, "1"))
    with pytest.raises(OutOfRange):
        rank([one, replace(one, name="b", metric="f1")])
    with pytest.raises(OutOfRange):
        rank([one, entry("b", figure(0.9, 0.0, "1"), energy_j_per_inference=figure(1.0, 0.0, "Wh"))])
    with pytest.raises(UsageError):
        rank([one, one])
    with pytest.raises(UsageError, match="no entry 'z'") as refused:
        rank([one]).place("z")
    assert refused.value.hint == "a"
