"""Models, the data that judge them, the variants that are compared, and savings: rows of the ledger, frozen.

A variant is one way to deploy a model: a runtime, a chain of transforms, options. What was seen of it under one
condition (batch, threads, load) is an observation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from joulewise.core.errors import OutOfRange
from joulewise.core.figures import Figure

VARIANT_STATUSES = ("ok", "failed", "discarded")
"""ok: measured to the end. failed: could not be made, loaded or run. discarded: left behind, the reason says why."""
SATURATED = "saturated"
"""The load of a caller that waits for each answer and asks at once again; a paced load is "20/s"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model file or folder. `id` is a ULID made from `sha256`, so that one content has one row.

    `parameters` counts trained numbers, None where nobody can tell. `flops` is for one row, in unit "FLOP" (1 MAC = 2
    FLOP), and `flops_covered` (0..1) the share of its operators that were counted. `signature` is {"inputs": [...],
    "outputs": [...]}, each entry with name, dtype and shape.
    """

    id: str
    name: str
    format: str
    sha256: str
    size_bytes: int
    parameters: int | None = None
    flops: Figure | None = None
    flops_covered: float | None = None
    signature: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Rows that judge a model. `id` is a ULID made from `sha256`, the hash of the values (not of the file)."""

    id: str
    name: str
    sha256: str
    rows: int
    columns: tuple[str, ...] = ()
    target: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One transform of a chain: its name, the version of the library that did it, what it was told."""

    transform: str
    version: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A figure of a variant under one condition. `quantity` carries the unit as suffix: energy_j_per_inference,
    cpu_s_per_inference, latency_s_p50, latency_s_p99, throughput_per_s, accuracy, memory_bytes_peak, cold_start_s.

    `batch`, `threads` and `load` are None where the figure does not hang on them. `n` counts what it rests on.
    """

    quantity: str
    figure: Figure
    batch: int | None = None
    threads: int | None = None
    load: str | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to deploy a model, as it was measured in a run. `options` are the runtime's: threads, spinning, ..."""

    id: str
    run_id: str
    model_id: str
    name: str
    runtime: str
    runtime_version: str = ""
    dataset_id: str | None = None
    steps: tuple[Step, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    status: str = "ok"
    reason: str = ""
    observations: tuple[Observation, ...] = ()
    supersedes: str | None = None

    def __post_init__(self) -> None:
        if self.status not in VARIANT_STATUSES:
            raise OutOfRange(f"status {self.status!r} is not one of {', '.join(VARIANT_STATUSES)}")
        if self.status != "ok" and not self.reason:
            raise OutOfRange(f"a variant that is {self.status} needs a reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """A claim that was measured: two variants, one boundary, one functional unit, paired and interleaved in one run.

    `ratio` is new / baseline of `quantity` with its 95 % interval; below 1 saves. `quality_change` is new - baseline of
    `metric` on the same `n` rows; `held` says whether its bad end keeps the `floor`.
    Raises OutOfRange for a variant compared with itself or a ratio that is not positive.
    """

    id: str
    run_id: str
    baseline_id: str
    new_id: str
    quantity: str
    unit: str
    boundary: str
    ratio: Figure
    metric: str
    quality_change: Figure
    n: int
    test: str
    held: bool
    floor: str = ""
    p_value: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.baseline_id == self.new_id:
            raise OutOfRange("a saving has two variants, got one twice")
        if not 0 < self.ratio.low <= self.ratio.high < inf:
            raise OutOfRange(f"want a ratio > 0, got {self.ratio.low} to {self.ratio.high}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a measured run found out about models, filed in one transaction after the run itself."""

    run_id: str
    models: tuple[Model, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    variants: tuple[Variant, ...] = ()
    savings: tuple[Saving, ...] = ()
