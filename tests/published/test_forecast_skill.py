"""The forecast keeps its promises on the reference traces, and beats what needs no thought."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from statistics import median
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
GRID = Path(os.environ.get("JOULEWISE_REFERENCE_DATA", CHECKOUT.parent / "shared" / "data")) / "grid"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (GRID / "generation_mix_hourly_mw.parquet").is_file(),
        reason=f"no hourly generation mixes in {GRID}: set JOULEWISE_REFERENCE_DATA",
    ),
]


@pytest.fixture(scope="module")
def bench() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(CHECKOUT / "tools"))
        patch.syspath_prepend(str(CHECKOUT / "benchmarks"))
        yield importlib.import_module("forecast_skill")


@pytest.fixture(scope="module")
def traces(bench: Any) -> Any:
    return bench.derive_shapes.read(GRID)


@pytest.fixture(scope="module")
def series(bench: Any, traces: Any) -> Any:
    return {name: bench.contiguous(trace)[0] for name, trace in traces.items()}


@pytest.mark.parametrize(("length_h", "window_h"), [(1, 25), (6, 30)])
def test_short_jobs_keep_sixty_percent_of_the_possible_saving(
    bench: Any, series: Any, length_h: int, window_h: int
) -> None:
    kept = [bench.kept_by_start(one, bench.ours, length_h, window_h, 223) for one in series.values()]
    assert len(kept) == 14
    assert median(kept) >= 0.6


def test_pausing_with_hourly_plans_keeps_sixty_five_percent(bench: Any, series: Any) -> None:
    kept = [bench.kept_by_pausing(one, bench.ours, 1501, replan=True) for one in series.values()]
    assert median(kept) >= 0.65


def test_it_is_no_worse_than_climatology_and_better_than_persistence(bench: Any, series: Any) -> None:
    ratios = [bench.skill(one, 223)["mae_ratio"] for one in series.values()]
    # 24 hours ahead the last value is yesterday's of the same hour, and a good guess
    for lead in ("1", "3", "6", "12"):
        assert median(one["persistence"][lead] for one in ratios) < 1.0


def test_the_band_holds_what_it_says(bench: Any, series: Any) -> None:
    inside = [bench.coverage(one, 223) for one in series.values()]
    shares = [sum(one.values()) / len(one) for one in inside]
    assert 0.93 <= median(shares) <= 0.98
    assert min(shares) > 0.87


def test_shapes_of_other_years_hold_a_year_that_they_never_saw(bench: Any, traces: Any) -> None:
    found = [one for one in (bench.blind(trace, 223) for trace in traces.values()) if one]
    assert len(found) == 10
    assert sum(one["within_95"] for one in found) / len(found) >= 0.94
    assert median(one["mae_ratio_to_annual"] for one in found) < 0.95


def test_it_stands_beside_a_real_forecast(bench: Any) -> None:
    found = bench.carboncast(GRID)
    assert found["issues"] == 166
    # the published accuracy of CarbonCast for California, by day ahead (section 4 of its paper gives the same order)
    assert found["CarbonCast"]["mape_percent_by_day"] == pytest.approx([6.4, 14.7, 19.7, 21.8], abs=0.3)
    assert found["ours"]["mape_percent_by_day"][1] < found["CarbonCast"]["mape_percent_by_day"][1]
    assert found["ours"]["kept"]["6 h job, 24 h slack"] > 0.97
