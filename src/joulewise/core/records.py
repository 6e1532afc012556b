"""The ledger's rows as records: frozen, with units in their names. Keys are ULIDs, times aware UTC.

Rows are never edited: a correction is a new row whose `supersedes` names the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from joulewise.core.errors import OutOfRange
from joulewise.core.figures import Figure

RUN_KINDS = ("train", "tune", "eval", "infer", "serve", "data")
RUN_STATUSES = ("finished", "failed", "killed", "recovered")
ATTRIBUTIONS = ("dynamic", "with_idle_share", "machine")
"""dynamic: what our work added. with_idle_share: that and our share of the idle power. machine: what the meter read."""
BOUNDARIES = ("device", "node", "facility")
"""device: the meters' domains (a CPU package). node: a whole server at the wall. facility: with PUE."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise OutOfRange(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine as the measurement needs it. `id` is a ULID made from a hash of the machine id."""

    id: str
    name: str
    cpu_family: str
    cpu_count: int
    memory_gb: float
    virtual: bool | None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A metered part of a host: `component` cpu, dram, gpu, ...; `key` is stable over reboots."""

    id: str
    host_id: str
    key: str
    component: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One piece of measured work. `unit` and `unit_count` are the functional unit, None where nobody counted.

    `group_key` joins the ranks of one job over several nodes. `coverage` (0..1) is the share of `duration_s`
    in which at least one meter was read without a gap; None when there was no meter.
    """

    id: str
    kind: str
    name: str
    status: str
    started_at: datetime
    ended_at: datetime
    duration_s: float
    host_id: str | None = None
    parent_id: str | None = None
    group_key: str | None = None
    project: str = ""
    command: tuple[str, ...] = ()
    exit_code: int | None = None
    unit: str | None = None
    unit_count: float | None = None
    coverage: float | None = None
    seed: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    git: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    supersedes: str | None = None

    def __post_init__(self) -> None:
        _require(self.kind in RUN_KINDS, f"kind {self.kind!r} is not one of {', '.join(RUN_KINDS)}")
        _require(self.status in RUN_STATUSES, f"status {self.status!r} is not one of {', '.join(RUN_STATUSES)}")
        _require(self.duration_s >= 0, f"want duration_s >= 0, got {self.duration_s}")
        for moment in (self.started_at, self.ended_at):
            _require(moment.utcoffset() is not None, f"want an aware time, got {moment}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A named window inside a run; offsets on the run's monotonic clock. Phases nest by `parent_id`."""

    id: str
    run_id: str
    name: str
    started_s: float
    duration_s: float
    parent_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One figure of a run or phase. `quantity` carries the unit as suffix: energy_j, cpu_time_s, power_w_peak.

    `component` "total" is the sum of those that don't contain each other. `pue_included` is never left open for energy.
    """

    id: str
    run_id: str
    quantity: str
    component: str
    figure: Figure
    meter: str
    attribution: str | None = None
    boundary: str = "device"
    pue_included: bool = False
    coverage: float | None = None
    phase_id: str | None = None
    device_id: str | None = None
    supersedes: str | None = None

    def __post_init__(self) -> None:
        _require(self.attribution in (None, *ATTRIBUTIONS), f"unknown attribution {self.attribution!r}")
        _require(self.boundary in BOUNDARIES, f"unknown boundary {self.boundary!r}")
        _require(self.coverage is None or 0 <= self.coverage <= 1, f"want coverage 0..1, got {self.coverage}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A quality figure of a run, as logged: accuracy, loss, F1. Bounds are None where nobody gave them."""

    id: str
    run_id: str
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    phase_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A power trace beside the ledger: columns t_s and a power in W a channel."""

    id: str
    run_id: str
    path: str
    sha256: str
    rows: int
    period_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A number about the world, with its interval, validity and licence. Never edited; a new version is a new row.

    `kind`: intensity, residual_mix, pue, wue, ewif, embodied, lifespan, price, equivalence.
    `zone` is a grid zone, a cloud region ("aws:eu-north-1") or a device class. `gwp` is AR5, AR6 or "".
    `basis` and `signal` (average or marginal) are "" except for intensities.
    """

    id: str
    set_id: str
    kind: str
    zone: str
    value: float
    low: float
    high: float
    unit: str
    source: str
    url: str
    licence: str
    version: str
    valid_from: str
    valid_to: str
    resolution: str
    method: str
    signal: str = ""
    basis: str = ""
    scope: str = ""
    gwp: str = ""
    note: str = ""
    sha256: str = ""

    def as_figure(self) -> Figure:
        """The factor as a figure; its source names the factor."""
        return Figure(
            value=self.value, low=self.low, high=self.high, unit=self.unit, method=self.method, source=self.id
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calculation:
    """A figure made by a formula. `inputs` maps each parameter to {"measurement"|"factor"|"calculation": id, ...}.

    Each input also stores value, low, high, unit, method, so that a re-run needs nothing else.
    """

    id: str
    run_id: str
    name: str
    formula_id: str
    formula_version: int
    inputs: Mapping[str, Mapping[str, Any]]
    figure: Figure
    basis: str = ""
    pue_included: bool = True
    phase_id: str | None = None
    supersedes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A run with everything that is filed with it, in one transaction."""

    run: Run
    host: Host | None = None
    devices: tuple[Device, ...] = ()
    phases: tuple[Phase, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    factors: tuple[Factor, ...] = ()
    calculations: tuple[Calculation, ...] = ()
    traces: tuple[Trace, ...] = ()
