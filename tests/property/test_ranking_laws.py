"""Ranking keeps its promises whatever the figures: order-free, ties symmetric, the front unbeaten, the beaten told."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from joulewise.compare.floors import Entry
from joulewise.compare.fronts import compared, rank
from joulewise.core.figures import MEASURED, Figure


def figures(low: float, high: float, unit: str) -> st.SearchStrategy[Figure]:
    value = st.floats(low, high)
    half = st.sampled_from((0.0, 0.01, 0.05, 0.3))
    return st.builds(
        lambda middle, share: Figure(
            value=middle, low=middle * (1 - share), high=middle * (1 + share), unit=unit, method=MEASURED
        ),
        value,
        half,
    )


@st.composite
def fields(draw: st.DrawFn) -> list[Entry]:
    pairs = draw(st.lists(st.tuples(figures(0.5, 1.0, "1"), figures(0.01, 100.0, "J")), min_size=1, max_size=9))
    return [
        Entry(name=f"v{at}", metric="accuracy", quality=quality, costs={"energy_j_per_inference": energy})
        for at, (quality, energy) in enumerate(pairs)
    ]


def beats(one: Entry, other: Entry) -> bool:
    quality, energy = compared(one.quality, other.quality), -compared(one.energy, other.energy)
    return min(quality, energy) >= 0 and max(quality, energy) > 0


@given(fields())
def test_no_member_of_the_front_beats_another_and_all_others_are_beaten_by_a_member(entries):
    found = rank(entries)
    by_name = {one.name: one for one in entries}
    front = [by_name[name] for name in found.front]
    assume(not found.notices)  # no circle of ties

    assert front
    assert not any(beats(one, other) for one in front for other in front)
    for place in found.places:
        assert place.on_front == (place.entry in front)
        assert {one.by for one in place.beaten_by} == {one.name for one in front if beats(one, place.entry)}
        assert place.on_front or place.beaten_by


@given(fields(), st.randoms(use_true_random=False))
def test_the_order_of_the_entries_changes_nothing(entries, shuffler: random.Random):
    shuffled = list(entries)
    shuffler.shuffle(shuffled)

    assert rank(shuffled) == rank(entries)


@given(fields())
def test_ties_are_symmetric_and_within_a_rank(entries):
    found = rank(entries)

    for place in found.places:
        for name in place.tied_with:
            assert place.entry.name in found.place(name).tied_with
            assert found.place(name).rank == place.rank


@given(fields(), st.floats(1.01, 3.0), st.floats(0.5, 0.99))
def test_adding_a_beaten_entry_leaves_the_front_alone(entries, dearer, worse):
    before = rank(entries)
    model = next(one for one in entries if one.name == before.front[0])

    def moved(figure: Figure, by: float) -> Figure:
        edge = figure.high * by if by > 1 else figure.low * by
        return replace(figure, value=edge, low=edge, high=edge)

    beaten = Entry(
        name="beaten",
        metric="accuracy",
        quality=moved(model.quality, worse),
        costs={"energy_j_per_inference": moved(model.energy, dearer)},
    )
    after = rank([*entries, beaten])
    assume(not before.notices)
    assume(not after.notices)

    assert after.front == before.front
    assert after.knee == before.knee
    assert not after.place("beaten").on_front


@given(fields(), st.floats(0.4, 1.1))
def test_what_falls_below_the_floor_is_never_ranked_and_the_rest_keep_it(entries, floor):
    found = rank(entries, [f"accuracy>={floor:.6f}"])

    for place in found.places:
        keeps = place.entry.quality.low >= float(f"{floor:.6f}")
        assert (place.rank is not None) == keeps
        assert bool(place.why_unranked) != keeps


@given(fields())
def test_the_least_energy_is_among_the_cheapest(entries):
    found = rank(entries)
    least = min(entries, key=lambda one: one.energy.value)

    assert least.name in found.cheapest
    assert all(found.place(name).entry.energy.overlaps(least.energy) for name in found.cheapest)
