from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from joulewise.core.errors import OutOfRange, SignalMismatch
from joulewise.core.signals import Signal, require_one_type

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SIGNAL = Signal(
    zone="DE",
    start=NOON,
    end=NOON + timedelta(hours=1),
    intensity_g_per_kwh=300.0,
    low_g_per_kwh=250.0,
    high_g_per_kwh=380.0,
    kind="average",
    basis="lifecycle",
    scope="consumption",
    status="annual",
    source="test",
    licence="CC0",
)


@pytest.mark.parametrize(
    "wrong",
    [
        {"intensity_g_per_kwh": -1.0},
        {"low_g_per_kwh": 301.0},
        {"high_g_per_kwh": float("inf")},
        {"intensity_g_per_kwh": float("nan")},
        {"end": NOON},
        {"start": NOON.replace(tzinfo=None)},
        {"kind": "mean"},
        {"basis": "cradle"},
        {"scope": "import"},
        {"status": "guess"},
    ],
    ids="-".join,
)
def test_an_impossible_signal_is_refused(wrong):
    with pytest.raises(OutOfRange):
        replace(SIGNAL, **wrong)


def test_signals_of_one_type_may_meet():
    assert SIGNAL.type == ("average", "lifecycle", "consumption")
    require_one_type([SIGNAL, replace(SIGNAL, zone="FR")])
    require_one_type([])


@pytest.mark.parametrize("other", [{"kind": "marginal"}, {"basis": "direct"}, {"scope": "production"}])
def test_signals_of_two_types_never_mix(other):
    with pytest.raises(SignalMismatch, match=next(iter(other.values()))):
        require_one_type([SIGNAL, replace(SIGNAL, **other)])
