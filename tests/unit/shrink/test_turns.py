"""Whatever costs least at one of the batches stays, however dear it is at another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from joulewise.shrink.turns import in_turns


def test_the_best_of_each_batch_comes_before_what_is_good_on_average():
    costs = {
        "for one row": {1: 1.0, 32: 50.0},
        "for many": {1: 50.0, 32: 1.0},
        "on average": {1: 5.0, 32: 5.0},
    }

    assert in_turns(costs, (1, 32)) == ["for one row", "for many", "on average"]
    assert in_turns(costs, (32,)) == ["for many", "on average", "for one row"]


def test_what_was_not_measured_at_a_batch_comes_last_there():
    assert in_turns({"late": {1: 1.0}, "whole": {1: 2.0, 8: 9.0}}, (8, 1)) == ["whole", "late"]


@given(
    st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.lists(st.floats(0.1, 9), min_size=3, max_size=3))
)
def test_each_name_comes_once_and_the_first_are_the_best_of_each_batch(drawn):
    costs = {name: dict(zip((1, 8, 64), values, strict=True)) for name, values in drawn.items()}
    order = in_turns(costs, (1, 8, 64))

    assert sorted(order) == sorted(costs)
    for batch in (1, 8, 64):
        if costs:
            assert min(costs[name][batch] for name in order[:3]) == min(each[batch] for each in costs.values())
