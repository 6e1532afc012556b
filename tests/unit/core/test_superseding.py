"""Which of many rows hold, and rings, in which none would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from joulewise.core.superseding import holding, ring_of


def test_the_newest_of_a_chain_holds():
    assert holding([("a", None), ("b", "a"), ("c", "b"), ("x", None)]) == {"c", "x"}


def test_of_a_fork_the_later_row_holds():
    fork = [("a", None), ("b", "a"), ("c", "a")]

    assert holding(fork) == {"c"}
    assert holding([*fork, ("d", "b")]) == {"d"}
    assert holding([("b", "gone"), ("c", "gone")]) == {"c"}


def test_a_row_that_supersedes_itself_is_a_ring():
    assert ring_of([("a", "a")]) == "a"
    assert ring_of([("x", None), ("a", "b"), ("b", "c"), ("c", "a")]) in {"a", "b", "c"}
    assert ring_of([("a", None), ("b", "a"), ("c", "a"), ("d", "elsewhere")]) is None


@given(st.dictionaries(st.integers(0, 9).map(str), st.none() | st.integers(0, 9).map(str)))
def test_without_a_ring_there_is_one_row_that_holds_for_each_beginning(links):
    ring = ring_of(links.items())
    beginnings = {older or id for id, older in links.items() if older is None or older not in links}

    assert (ring is None) == all(_ends(id, links) for id in links)
    if ring is None:
        assert len(holding(links.items())) == len(beginnings)


def _ends(id, links):
    for _ in range(len(links) + 1):
        if id not in links or links[id] is None:
            return True
        id = links[id]
    return False
