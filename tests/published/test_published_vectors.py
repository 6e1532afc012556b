"""The published figures of the field, reproduced by calling the package's own functions."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from joulewise.carbon.equivalents import equivalents_of
from joulewise.carbon.factors import FactorSet
from joulewise.carbon.tables import table
from joulewise.core.figures import exact

_HERE = Path(__file__).parent
_REFERENCE = Path(os.environ.get("JOULEWISE_REFERENCE_DATA", _HERE.parents[2] / "shared" / "data"))
_VECTORS = _REFERENCE / "published" / "vectors.csv"


def _load_calls() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vector_calls", _HERE / "vector_calls.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _rows(*statuses: str) -> Iterator[dict[str, str]]:
    if _VECTORS.exists():
        with _VECTORS.open(encoding="utf-8", newline="") as file:
            yield from (row for row in csv.DictReader(file) if not statuses or row["status"] in statuses)


calls = _load_calls()
needs_vectors = pytest.mark.skipif(not _VECTORS.exists(), reason="no reference data: set JOULEWISE_REFERENCE_DATA")


def _params(*statuses: str) -> list[Any]:
    return [pytest.param(row, id=row["id"]) for row in _rows(*statuses)] or [pytest.param({}, id="absent")]


RECONCILES = _params("exact", "within_tolerance")
NEGATIVE = _params("DOES_NOT_RECONCILE")
REFERENCE = _params("reference_only")


def _ours(row: dict[str, str]) -> float:
    inputs = json.loads(row["inputs"])
    call = calls.call_of(row["id"], row["unit"], inputs)
    assert call is not None, f"{row['id']} is not mapped"
    return float(call(inputs))


def _fits(ours: float, row: dict[str, str]) -> bool:
    expected = float(row["expected_value"])
    return abs(ours - expected) <= max(float(row["tol_abs"]), float(row["tol_rel"]) * abs(expected)) + 1e-12 * abs(
        expected
    )


@needs_vectors
def test_no_row_is_left_unmapped() -> None:
    rows = list(_rows("exact", "within_tolerance", "DOES_NOT_RECONCILE"))
    unmapped = [row["id"] for row in rows if calls.call_of(row["id"], row["unit"], json.loads(row["inputs"])) is None]
    assert rows
    assert unmapped == []


@needs_vectors
@pytest.mark.parametrize("row", RECONCILES)
def test_a_published_figure_is_reproduced(row: dict[str, str]) -> None:
    assert _fits(_ours(row), row)
    assert _ours(row) == pytest.approx(float(row["recomputed"]), rel=1e-4, abs=float(row["tol_abs"]))


@needs_vectors
@pytest.mark.parametrize("row", NEGATIVE)
def test_a_figure_that_does_not_reconcile_gives_ours_not_the_sources(row: dict[str, str]) -> None:
    assert _ours(row) == pytest.approx(float(row["recomputed"]), rel=1e-6)
    assert not _fits(_ours(row), row)


@needs_vectors
@pytest.mark.parametrize("row", REFERENCE)
def test_a_reference_figure_is_data(row: dict[str, str]) -> None:
    assert float(row["expected_value"]) > 0
    assert row["unit"]


@needs_vectors
def test_our_equivalences_hold_the_published_reference_figures_with_their_vintage() -> None:
    held = {(one["printed"], one["printed_unit"]): one for one in table("equivalences").rows}
    rows = [row for row in _rows("reference_only") if row["id"].startswith(("epa.", "ga.ref."))]
    missing = [row["id"] for row in rows if (row["expected_value"], row["unit"]) not in held]
    assert rows
    assert missing == []
    assert all(one["vintage"] for one in held.values())


def test_the_printed_figure_of_an_equivalence_is_its_canonical_value() -> None:
    per_unit = {"g": 1.0, "t": 1e6, "lb": 453.59237, "kWh": 3.6e6, "TWh": 3.6e15}
    for row in table("equivalences").rows:
        unit = row["printed_unit"].split("/")[0].split(" ")[0]
        assert float(row["value"]) == pytest.approx(float(row["printed"]) * per_unit[unit], rel=0.02), row["name"]


def test_gpt3_in_homes_and_flights() -> None:
    """1,287 MWh are 119 US homes for a year (EIA); 552.1 t are three planes (Patterson et al. 2021, table 4)."""
    [homes] = equivalents_of(exact(1287 * 3.6e9, "J"), ["home_year_us"])
    [planes] = equivalents_of(exact(552.1e6, "g"), ["plane_sf_ny_return"], FactorSet.bundled())
    assert round(homes.count.value) == 119
    assert planes.count.value == pytest.approx(3.054, rel=0.012)
