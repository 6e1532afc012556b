"""Signals as short plain values: nothing is lost, and anything else is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise

import pytest

from joulewise.core.errors import OutOfRange
from joulewise.core.signal_series import from_series, to_series
from joulewise.testing.ledgers import FIRST
from joulewise.testing.plans import hourly


def test_signals_of_several_sources_come_back_in_order():
    odd = hourly("FR", 20.5, start=FIRST + timedelta(microseconds=1), status="forecast", issued_at=FIRST)
    signals = (*hourly("DE", 500.0, 333.3), *odd, *hourly("DE", 10.0))

    assert from_series(json.loads(json.dumps(to_series(signals)))) == signals
    assert [one["zone"] for one in to_series(signals)] == ["DE", "FR", "DE"]


def test_a_week_of_hours_is_short():
    week = hourly("DE", *[123.4] * 168)
    text = json.dumps(to_series(week), separators=(",", ":"))

    assert len(text) < 168 * 50
    assert all(one.end == other.start for one, other in pairwise(from_series(json.loads(text))))


@pytest.mark.parametrize("harm", [{"points": None}, {"points": [[0.0, 3600.0, "x", 1.0, 1.0]]}, {"start": 5}])
def test_anything_else_is_refused(harm):
    [series] = to_series(hourly("DE", 1.0))
    with pytest.raises(OutOfRange, match="no series"):
        from_series([{**series, **harm}])
    with pytest.raises(OutOfRange, match="no series"):
        from_series([{}])
