"""What a shrink is asked for: floors, the metric that judges, batches, threads, time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from joulewise.compare import Metric, Rows, metric_of
from joulewise.compare.floors import Floor, floor_of
from joulewise.core import plugins
from joulewise.core.errors import DataError, NotFound, OutOfRange, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`floors` must hold at the bad end of their intervals. `batches`: the first one decides, all are measured.

    `threads`: the first number is every candidate's; the others are tried for finalists where a latency floor asks, as
    more threads buy latency with energy. `time_budget_s` is for the whole search, `memory_bytes` for each candidate
    (None: what the machine can spare), `block_s` the longest that one of them runs at a stretch. `transforms` and
    `runtimes` None: all that are installed.
    """

    floors: tuple[Floor, ...] = ()
    metric: str = ""
    batches: tuple[int, ...] = (1,)
    threads: tuple[int, ...] = (1,)
    time_budget_s: float = 600.0
    memory_bytes: int | None = None
    transforms: tuple[str, ...] | None = None
    runtimes: tuple[str, ...] | None = None
    finalists: int = 5
    block_s: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.batches or min(self.batches) < 1 or not self.threads or min(self.threads) < 1:
            raise OutOfRange("want batches and threads of at least 1")
        if not 1 <= self.time_budget_s < 1e7 or self.finalists < 1:
            raise OutOfRange("want a time budget of at least a second, and one finalist")
        if not 0.01 <= self.block_s <= 60:
            raise OutOfRange(f"want blocks of 0.01 to 60 s, got {self.block_s}")
        if self.memory_bytes is not None and self.memory_bytes <= 0:
            raise OutOfRange(f"want a memory limit above zero, got {self.memory_bytes}")


def settled(request: Request, rows: Rows, task: str) -> tuple[Request, Metric]:
    """The request with the metric that judges, and a floor for quality where nobody named one.

    Raises UsageError for floors that can't be judged together or can't be proven, NotFound for a transform or runtime
    that nobody has, DataError where nothing tells right from wrong.
    """
    for kind, names in (("transforms", request.transforms), ("runtimes", request.runtimes)):
        _refuse_unknown(kind, names)
    metric = _metric(request, rows, task)
    floors = quality_floors(request.floors)
    for floor in floors:
        _refuse_unprovable(floor, metric)
    if not floors:
        request = replace(request, floors=(default_floor(metric), *request.floors))
    return replace(request, metric=metric.name), metric


def default_floor(metric: Metric) -> Floor:
    """Where nobody says what may be lost: half a point of a score, 1 % of an error, a cosine of 0.99."""
    if metric.name == "cosine":
        return floor_of("cosine>=0.99")
    return floor_of(f"{metric.name}>=-0.5pt" if metric.greater_is_better else f"{metric.name}<=+1%")


def quality_floors(floors: Sequence[Floor]) -> tuple[Floor, ...]:
    """Those that are about quality."""
    return tuple(one for one in floors if not one.quantity)


def _metric(request: Request, rows: Rows, task: str) -> Metric:
    """The metric that was asked for, that of the floors, or the task's own; agreement where there is no target."""
    names = list(dict.fromkeys(filter(None, (request.metric, *(one.metric for one in quality_floors(request.floors))))))
    if len(names) > 1:
        raise UsageError(f"one metric judges a search, not {' and '.join(names)}", hint=f"--floor '{names[0]}>=...'")
    metric = metric_of(names[0]) if names else _default_metric(rows, task)
    if rows.target is None and not metric.needs_reference:
        raise DataError(f"{metric.name} needs a target", hint="name the column that holds what is right: --target NAME")
    return metric


def _default_metric(rows: Rows, task: str) -> Metric:
    if task == "embedding":
        return metric_of("cosine")
    if rows.target is None:
        if task != "classification":
            raise DataError(
                "without a target nothing says how good an answer is",
                hint="--target NAME, or --metric cosine against the model's own answers",
            )
        return metric_of("agreement")
    return metric_of("accuracy" if task == "classification" or (task != "regression" and rows.has_classes) else "r2")


def _refuse_unprovable(floor: Floor, metric: Metric) -> None:
    sign = ">=" if metric.greater_is_better else "<="
    if floor.at_least != metric.greater_is_better:
        better = "more" if metric.greater_is_better else "less"
        raise UsageError(f"{floor.text!r}: {better} {metric.name} is better", hint=f"{metric.name}{sign}...")
    if floor.relative and floor.value == 0:
        raise UsageError(
            f"{floor.text!r}: no number of rows proves that nothing at all is lost",
            hint=f"allow a little: {metric.name}{sign}{'-0.5pt' if floor.at_least else '+1%'}",
        )


def _refuse_unknown(kind: str, names: Sequence[str] | None) -> None:
    known = plugins.names(kind)
    strange = [name for name in names or () if name not in known]
    if strange:
        raise NotFound(f"no {kind.removesuffix('s')} {strange[0]!r}", hint=f"one of {', '.join(known)}")
