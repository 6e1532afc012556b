from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime

import pytest

from joulewise.core.errors import OutOfRange
from joulewise.core.figures import exact
from joulewise.core.records import Bundle, Factor, Measurement, Run

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RUN = Run(id="R", kind="train", name="digits", status="finished", started_at=NOON, ended_at=NOON, duration_s=1.0)
MEASUREMENT = Measurement(
    id="M", run_id="R", quantity="energy_j", component="cpu", figure=exact(1.0, "J"), meter="powercap"
)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "cook"},
        {"status": "done"},
        {"duration_s": -1.0},
        {"duration_s": float("nan")},
        {"started_at": NOON.replace(tzinfo=None)},
        {"ended_at": NOON.replace(tzinfo=None)},
    ],
    ids="-".join,
)
def test_an_impossible_run_is_refused(wrong):
    with pytest.raises(OutOfRange):
        replace(RUN, **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"attribution": "most"},
        {"boundary": "planet"},
        {"coverage": 1.5},
        {"coverage": -0.1},
        {"coverage": float("nan")},
    ],
    ids=str,
)
def test_an_impossible_measurement_is_refused(wrong):
    with pytest.raises(OutOfRange):
        replace(MEASUREMENT, **wrong)


def test_what_nobody_measured_is_none_and_not_zero():
    assert (RUN.unit_count, RUN.coverage, RUN.exit_code, MEASUREMENT.coverage) == (None, None, None, None)


def test_records_are_never_edited():
    with pytest.raises(FrozenInstanceError):
        RUN.name = "other"


def test_a_bundle_holds_a_run():
    assert Bundle(run=RUN).measurements == ()


def test_a_factor_is_a_figure_that_names_itself():
    factor = Factor(
        id="bundled/DE",
        set_id="bundled",
        kind="intensity",
        zone="DE",
        value=300.0,
        low=250.0,
        high=380.0,
        unit="gCO2e/kWh",
        source="test",
        url="",
        licence="CC0",
        version="1",
        valid_from="2025-01-01",
        valid_to="2026-01-01",
        resolution="year",
        method="reported",
    )

    figure = factor.as_figure()

    assert (figure.low, figure.value, figure.high) == (250.0, 300.0, 380.0)
    assert (figure.unit, figure.method, figure.source) == ("gCO2e/kWh", "reported", "bundled/DE")
