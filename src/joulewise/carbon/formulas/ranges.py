"""Range checks of the formulas: a value outside its physical range, or NaN, is refused, never bent."""

from __future__ import annotations

from math import inf

from joulewise.core.errors import OutOfRange, UndefinedFigure


def finite(**values: float) -> None:
    """Raise OutOfRange for NaN and infinity; the sign is free."""
    for name, value in values.items():
        if not -inf < value < inf:
            raise OutOfRange(f"want a finite {name}, got {value}")


def non_negative(**values: float) -> None:
    """Raise OutOfRange unless every value is finite and at least 0."""
    for name, value in values.items():
        if not 0 <= value < inf:
            raise OutOfRange(f"want a finite {name} >= 0, got {value}")


def shares(**values: float) -> None:
    """Raise OutOfRange unless every value lies in 0..1."""
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise OutOfRange(f"want {name} in 0..1, got {value}")


def pue_ratio(pue: float) -> None:
    """Raise OutOfRange unless 1 <= pue < infinity: a building can't use less than the machines in it."""
    if not 1 <= pue < inf:
        raise OutOfRange(f"want pue >= 1, got {pue}", hint="facility over IT energy: 1.2 means 20 % extra")


def divisor(**values: float) -> None:
    """Raise UndefinedFigure for 0, OutOfRange unless finite and positive: a ratio to nothing is no figure."""
    for name, value in values.items():
        if value == 0:
            raise UndefinedFigure(f"{name} is 0, so there is no ratio")
        if not 0 < value < inf:
            raise OutOfRange(f"want a finite {name} > 0, got {value}")
