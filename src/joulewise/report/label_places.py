"""Places for the labels of points, such that none lies on another or on a point; what finds no place gets a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

CHARACTER, BOLD_CHARACTER, HEIGHT = 6.3, 7.1, 13.0
"""Width of a character of a label, plain and bold, and its height, px."""


class Box(NamedTuple):
    """A rectangle in px: left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """True if the two overlap."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def inside(self, other: Box) -> bool:
        """True if this one lies wholly within the other."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.top <= self.top
            and self.bottom <= other.bottom
        )


class Placed(NamedTuple):
    """The label of point number `at`: the left end of its baseline, and whether a line leads to its point."""

    at: int
    x: float
    y: float
    is_led: bool


def place_labels(
    points: Sequence[tuple[float, float]],
    widths: Sequence[float],
    frame: Box,
    taken: Sequence[Box] = (),
    crossed: Sequence[Box] = (),
) -> list[Placed]:
    """Labels of `points` in the order given: the first are served first. Near places are tried before far ones.

    No label lies on `taken`, a point or another label. It avoids `crossed` (lines) too while there is a near place
    that does. A label that fits nowhere is left out: the caller tells it beside the picture.
    """
    blocked = [*taken, *(Box(x - 5, y - 5, x + 5, y + 5) for x, y in points)]
    placed = []
    for at, ((x, y), width) in enumerate(zip(points, widths, strict=True)):
        free = [one for one in _candidates(x, y, width) if _is_free(one[0], frame, blocked)]
        clear = [one for one in free if not any(one[0].meets(other) for other in crossed)]
        near = [one for one in free if not one[1]]
        for box, is_led in (clear or near or free)[:1]:
            blocked.append(box)
            placed.append(Placed(at, round(box.left, 1), round(box.bottom - 3, 1), is_led))
    return placed


def _is_free(box: Box, frame: Box, blocked: Sequence[Box]) -> bool:
    return box.inside(frame) and not any(box.meets(other) for other in blocked)


def _candidates(x: float, y: float, width: float) -> Iterator[tuple[Box, bool]]:
    """Above and below on both sides, level with the point, then ever farther away, with a line to the point."""
    lefts = (x + 6, x - 6 - width, x - width / 2)
    for bottom in (y - 6, y + 16):
        for left in lefts:
            yield _box(left, bottom, width), False
    for left in (x + 9, x - 9 - width):
        yield _box(left, y + 4, width), False
    for far in (18, 30, 44, 60):
        for bottom in (y - far, y + far + 6):
            for left in lefts[:2]:
                yield _box(left, bottom, width), True


def _box(left: float, bottom: float, width: float) -> Box:
    return Box(left, bottom - HEIGHT + 3, left + width, bottom + 3)
