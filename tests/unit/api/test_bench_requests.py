"""What a bench is asked for: floors bring their metrics, and what can't work is said before time is spent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from joulewise.api.bench_request import BenchRequest
from joulewise.api.benching import Prepared, measured_bench
from joulewise.compare import Rows, floor_of
from joulewise.compare.floors import Entry
from joulewise.core.errors import DataError, NotFound, OutOfRange
from joulewise.core.settings import Settings
from joulewise.testing.comparisons import span

ROWS = Rows(features={"x": np.zeros((4, 2))}, target=np.array([0, 1, 0, 1]), name="four")


def asked(**more: object) -> BenchRequest:
    return BenchRequest(models=("net.onnx",), data=ROWS, **more)  # type: ignore[arg-type]


def test_a_metric_that_only_a_floor_names_is_judged_and_ranks_where_no_other_does():
    request = asked(floors=("f1_macro>=0.9", "memory<=64MB"))

    assert [one.name for one in request.judges(ROWS)] == ["f1_macro"]
    assert request.plan().metric == "f1_macro"


def test_the_metric_that_was_named_still_ranks():
    request = asked(metrics=("accuracy",), floors=("f1_macro>=0.9", "accuracy>=-1pt"))

    assert request.judged_by() == ("accuracy", "f1_macro")
    assert request.plan().metric == "accuracy"


def test_a_floor_of_no_metric_is_refused_at_once():
    with pytest.raises(DataError, match="no metric is called 'f1_makro'"):
        asked(floors=("f1_makro>=0.9",)).judges(ROWS)


@pytest.mark.parametrize("wrong", [{"rounds": 1}, {"block_s": 0.0}])
def test_a_plan_that_proves_nothing_says_what_would(wrong):
    with pytest.raises(OutOfRange) as told:
        asked(**wrong).plan()

    assert told.value.hint


def test_a_training_run_that_is_not_filed_stops_it_before_anything_runs(tmp_path):
    request = asked(training={"": "nosuch"})
    prepared = Prepared(request=request, plan=request.plan(), rows=ROWS, deployments=(), judges=())
    settings = Settings(ledger=f"sqlite:///{tmp_path}/runs.db", spool=str(tmp_path / "spool"))

    with pytest.raises(NotFound, match="nosuch"):
        measured_bench(prepared, settings)


def test_floors_hold_for_metrics_that_do_not_rank():
    base = Entry(name="a", metric="accuracy", costs={"f1_macro": span(0.90, 0.92, 0.94)}, is_baseline=True)
    new = replace(base, name="b", costs={"f1_macro": span(0.80, 0.82, 0.84)}, is_baseline=False)

    assert floor_of("f1_macro>=0.85").check(base).held is True
    assert floor_of("f1_macro>=0.85").check(new).held is False
    assert floor_of("f1_macro>=-2pt").check(base, base).held is True
    assert floor_of("f1_macro>=-2pt").check(new, base).held is False
    assert floor_of("f1_macro>=-2pt").check(new).held is None
    assert "was not measured, the quality is accuracy" in floor_of("r2>=0.5").check(new).text
