"""The four Ms sum to the change, exactly, whatever changes; labels never lie on each other."""

from __future__ import annotations

from math import isclose

from hypothesis import given
from hypothesis import strategies as st

from joulewise.compare.four_ms import Changes, Situation, what_if
from joulewise.core.figures import MODELLED, Figure
from joulewise.report.label_places import HEIGHT, Box, place_labels
from joulewise.report.waterfall import waterfall_of


def about(low: float, high: float, unit: str = "1") -> st.SearchStrategy[Figure]:
    return st.builds(
        lambda value, share: Figure(
            value=value, low=max(value * (1 - share), low), high=value * (1 + share), unit=unit, method=MODELLED
        ),
        st.floats(low, high),
        st.floats(0, 0.5),
    )


SITUATIONS = st.builds(
    Situation, energy=about(1.0, 1e15, "J"), pue=about(1.0, 3.0), intensity=about(1.0, 1500.0, "g/kWh")
)
CHANGES = st.builds(
    Changes,
    model=about(0.01, 5.0),
    machine=st.none() | about(0.01, 5.0),
    pue=st.none() | about(1.0, 3.0),
    intensity=st.none() | about(1.0, 1500.0, "g/kWh"),
)


@given(SITUATIONS, CHANGES)
def test_the_parts_sum_to_the_change(base, changes):
    found = what_if(base, changes)
    total = sum(part.change.value for part in found.parts)
    size = max(found.before.value, found.after.value)

    assert isclose(total, found.after.value - found.before.value, rel_tol=1e-9, abs_tol=1e-9 * size)
    assert isclose(found.factor.value, found.after.value / found.before.value, rel_tol=1e-9)
    assert waterfall_of(found).levels()[-1][2] == found.after.value


@given(SITUATIONS, CHANGES)
def test_each_part_has_the_sign_of_its_factor(base, changes):
    for part in what_if(base, changes).parts:
        assert part.change.low <= part.change.value <= part.change.high
        assert (part.change.value < 0) == (part.factor.value < 1)
        assert part.factor.high > 1 or part.change.high <= 0


POINTS = st.lists(st.tuples(st.floats(10, 790), st.floats(10, 390)), max_size=40)


@given(POINTS, st.data())
def test_no_label_lies_on_another_or_on_a_point(points, data):
    widths = data.draw(st.lists(st.floats(5, 250), min_size=len(points), max_size=len(points)))
    frame = Box(0, 0, 800, 400)
    placed = place_labels(points, widths, frame)
    boxes = [Box(one.x, one.y - HEIGHT + 3.2, one.x + widths[one.at] - 0.2, one.y + 2.8) for one in placed]

    assert len({one.at for one in placed}) == len(placed)
    for at, box in enumerate(boxes):
        assert not any(box.meets(other) for other in boxes[:at])
        assert not any(box.meets(Box(x - 4.8, y - 4.8, x + 4.8, y + 4.8)) for x, y in points)
