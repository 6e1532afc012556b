"""The statistics behind the CPU power model: robust, partially pooled, in plain Python.

ln(W per core) = family effect + slopes . (ln cores per chip, single socket, ln GHz), at idle and at full load.
Family effects are ridge-shrunk to the common mean (a mixed model with known variance ratio), errors are Huber's.
The load shape of a family is its median, shrunk to the median of all. Deterministic: no random numbers, no BLAS.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log, sqrt
from pathlib import Path
from statistics import median

from cpu_families import dram_w_per_gb
from joulewise.measure.cpu_model import Machine, params_for
from joulewise.measure.cpu_tables import GENERIC, LEVELS, Family, Shared

POOLING = 0.3  # variance within a family over that between families
SHAPE_POOLING = 3.0  # results that the common shape counts for
SPREAD_POOLING = 6.0  # results that the common spread counts for
HUBER = 0.7  # in robust standard deviations
ROUNDS = 8
TAIL = 0.015  # outside each bound; less than 2.5 %, since results of one vendor err alike
DRAM_LOW, DRAM_HIGH = 0.02, 0.4
VM_RATIO, FLEET_IDLE, FLEET_MAX = 2.0, 1.5, 1.25
FLAT = (0.0,) * LEVELS


@dataclass(frozen=True, slots=True)
class Server:
    """One published result; watts at 0, 10 ... 100 % load."""

    key: str
    vendor: str
    model: str
    cores: int
    sockets: int
    threads: int
    memory_gb: float
    ghz: float
    power_w: tuple[float, ...]

    @property
    def machine(self) -> Machine:
        return Machine(
            cpus=self.threads,
            cores=self.cores,
            cores_per_chip=self.cores / self.sockets,
            sockets=self.sockets,
            ghz=self.ghz,
            memory_gb=self.memory_gb,
            virtual=False,
        )

    @property
    def gb_per_core(self) -> float:
        return self.memory_gb / self.cores

    @property
    def shape(self) -> list[float]:
        idle, full = self.power_w[0], self.power_w[-1]
        return [(watts - idle) / (full - idle) for watts in self.power_w]


@dataclass(frozen=True, slots=True)
class Fit:
    """Effects per family and slopes, of idle and of full load; covariates are centred on `centre`."""

    centre: tuple[float, ...]
    slopes: tuple[tuple[float, ...], tuple[float, ...]]  # constant first
    effects: tuple[dict[str, float], dict[str, float]]
    shape: tuple[float, ...]


def covariates(cores_per_chip: float, single: bool, ghz: float) -> tuple[float, ...]:
    return (log(cores_per_chip), float(single), log(ghz))


def _covariates(server: Server) -> tuple[float, ...]:
    return covariates(server.cores / server.sockets, server.sockets == 1, server.ghz)


def baseline_gb_per_core(servers: Sequence[Server]) -> dict[str, float]:
    """Median memory per core of each family: what its watts include already."""
    return {key: median(s.gb_per_core for s in servers if s.key == key) for key in sorted({s.key for s in servers})}


def fit(servers: Sequence[Server]) -> Fit:
    """The whole model from a set of results."""
    baseline = baseline_gb_per_core(servers)
    rows = [_covariates(server) for server in servers]
    centre = tuple(sum(column) / len(rows) for column in zip(*rows, strict=True))
    centred = [tuple(x - c for x, c in zip(row, centre, strict=True)) for row in rows]
    keys = [server.key for server in servers]
    slopes, effects = [], []
    for level, used in ((0, (0, 1, 2)), (LEVELS - 1, (0, 2))):
        targets = [_log_watts(server, level, baseline[server.key]) for server in servers]
        beta, effect = _ridge([(1.0, *(row[i] for i in used)) for row in centred], targets, keys)
        slopes.append((beta[0], *(beta[1 + used.index(i)] if i in used else 0.0 for i in range(3))))
        effects.append(effect)
    shape = tuple(median(column) for column in zip(*(server.shape for server in servers), strict=True))
    return Fit(centre, (slopes[0], slopes[1]), (effects[0], effects[1]), shape)


def _log_watts(server: Server, level: int, baseline_gb: float) -> float:
    watts = server.power_w[level]
    extra_gb = max(0.0, server.memory_gb - baseline_gb * server.cores)
    return log(max(watts - dram_w_per_gb(server.key) * extra_gb, 0.3 * watts) / server.cores)


def _ridge(
    rows: Sequence[Sequence[float]], targets: Sequence[float], keys: Sequence[str]
) -> tuple[list[float], dict[str, float]]:
    """Slopes and ridge-shrunk family effects, by iteratively re-weighted least squares."""
    weights = [1.0] * len(rows)
    beta: list[float] = []
    effects: dict[str, float] = {}
    for _ in range(ROUNDS):
        beta, effects = _weighted(rows, targets, keys, weights)
        errors = [
            abs(y - sum(b * x for b, x in zip(beta, row, strict=True)) - effects[key])
            for row, y, key in zip(rows, targets, keys, strict=True)
        ]
        scale = HUBER * (1.4826 * median(errors) + 1e-9)
        weights = [min(1.0, scale / max(error, 1e-9)) for error in errors]
    return beta, effects


def _weighted(
    rows: Sequence[Sequence[float]], targets: Sequence[float], keys: Sequence[str], weights: Sequence[float]
) -> tuple[list[float], dict[str, float]]:
    """The family effects are profiled out, which leaves a system of a few slopes."""
    size = len(rows[0])
    columns = [*zip(*rows, strict=True), tuple(targets)]
    gram = [[sum(w * a * b for w, a, b in zip(weights, p, q, strict=True)) for q in columns] for p in columns]
    sums: dict[str, list[float]] = {}
    for key, weight, row, y in zip(keys, weights, rows, targets, strict=True):
        total = sums.setdefault(key, [0.0] * (size + 2))
        for place, x in enumerate((*row, y, 1.0)):
            total[place] += weight * x
    for total in sums.values():
        for i in range(size):
            for j in range(size + 1):
                gram[i][j] -= total[i] * total[j] / (total[-1] + POOLING)
    for i in range(1, size):
        gram[i][i] += 0.5  # a slope needs evidence: half a unit of squared covariate
    beta = _solve([row[: size + 1] for row in gram[:size]])
    effects = {
        key: (total[size] - sum(b * x for b, x in zip(beta, total[:size], strict=True))) / (total[-1] + POOLING)
        for key, total in sums.items()
    }
    return beta, effects


def _solve(system: list[list[float]]) -> list[float]:
    """Gaussian elimination with pivoting; the last column is the right-hand side."""
    size = len(system)
    for i in range(size):
        pivot = max(range(i, size), key=lambda row: abs(system[row][i]))
        system[i], system[pivot] = system[pivot], system[i]
        for j in range(i + 1, size):
            factor = system[j][i] / system[i][i]
            system[j] = [a - factor * b for a, b in zip(system[j], system[i], strict=True)]
    answer = [0.0] * size
    for i in reversed(range(size)):
        answer[i] = (system[i][-1] - sum(system[i][j] * answer[j] for j in range(i + 1, size))) / system[i][i]
    return answer


def watts_per_core(found: Fit, key: str, row: Sequence[float]) -> tuple[float, float]:
    """Idle and full-load watts per core of a family at given covariates."""
    idle, full = (
        exp(slopes[0] + sum(b * (x - c) for b, x, c in zip(slopes[1:], row, found.centre, strict=True)) + effects)
        for slopes, effects in (
            (found.slopes[0], found.effects[0].get(key, 0.0)),
            (found.slopes[1], found.effects[1].get(key, 0.0)),
        )
    )
    return idle, full


def family_of(found: Fit, servers: Sequence[Server], key: str, spread: float = 1.0) -> Family:
    """The table row of a family at the median of its own servers; of all of them for a family without any."""
    own = [server for server in servers if server.key == key]
    around = own or list(servers)
    cores = float(median(s.cores / s.sockets for s in around))
    single = median(s.sockets for s in around) == 1
    ghz = float(median(s.ghz for s in around))
    idle, full = watts_per_core(found, key, covariates(cores, single, ghz))
    shapes = [median(column) for column in zip(*(s.shape for s in own), strict=True)] if own else [0.0] * LEVELS
    weight = len(own) / (len(own) + SHAPE_POOLING)
    return Family(
        key=key if own else GENERIC,
        name=key,
        method="modelled" if own else "default",
        basis="loads" if own else "generic",
        results=len(own),
        idle_w_per_core=idle,
        max_w_per_core=full,
        cores_per_chip=cores,
        sockets=1.0 if single else 2.0,
        ghz=ghz,
        gb_per_core=float(median(s.gb_per_core for s in around)),
        dram_w_per_gb=dram_w_per_gb(key),
        threads_per_core=round(median(s.threads / s.cores for s in around)),
        low_spread=spread,
        high_spread=spread,
        shape=tuple(weight * a + (1 - weight) * b for a, b in zip(shapes, found.shape, strict=True)),
        source="",
    )


def shared_of(found: Fit, low_log: Sequence[float] = FLAT, high_log: Sequence[float] = FLAT) -> Shared:
    """The table row that all families share."""
    idle, full = found.slopes
    return Shared(
        version="derived",
        idle_cores_slope=idle[1],
        idle_single_slope=idle[2],
        idle_ghz_slope=idle[3],
        max_cores_slope=full[1],
        max_ghz_slope=full[3],
        dram_low_w_per_gb=DRAM_LOW,
        dram_high_w_per_gb=DRAM_HIGH,
        vm_ratio=VM_RATIO,
        fleet_idle_ratio=FLEET_IDLE,
        fleet_max_ratio=FLEET_MAX,
        low_log=tuple(low_log),
        high_log=tuple(high_log),
    )


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A server predicted by a model that never saw it: ln(truth / estimate) per load level."""

    server: Server
    family: Family
    shared: Shared
    errors: tuple[float, ...]


def held_out(servers: Sequence[Server], group: Callable[[int], Hashable]) -> list[HeldOut]:
    """Predict each server with its whole group left out; the group of `range` position i is `group(i)`."""
    found: dict[int, HeldOut] = {}
    labels = [group(i) for i in range(len(servers))]
    for label in dict.fromkeys(labels):
        rest = [server for server, other in zip(servers, labels, strict=True) if other != label]
        model = fit(rest)
        for i, (server, other) in enumerate(zip(servers, labels, strict=True)):
            if other == label:
                found[i] = _predict(server, family_of(model, rest, server.key), shared_of(model))
    return [found[i] for i in range(len(servers))]


def _predict(server: Server, family: Family, shared: Shared) -> HeldOut:
    curve_w = params_for(family, shared, server.machine)["curve_w"]
    errors = tuple(log(truth / estimate) for truth, estimate in zip(server.power_w, curve_w, strict=True))
    return HeldOut(server, family, shared, errors)


def spreads(cases: Sequence[HeldOut]) -> dict[str, float]:
    """Root mean square error of each family, shrunk to that of all, in units of the latter; "" is the common one."""
    squares = [(case.server.key, sum(e * e for e in map(_clip, case.errors)) / LEVELS) for case in cases]
    limit = 25 * median(value for _, value in squares)
    common = sum(min(value, limit) for _, value in squares) / len(squares)
    found = {"": 1.0}
    for key in sorted({key for key, _ in squares}):
        own = [min(value, limit) for other, value in squares if other == key]
        found[key] = sqrt((sum(own) / common + SPREAD_POOLING) / (len(own) + SPREAD_POOLING))
    return found


def _clip(error: float) -> float:
    return max(-1.0, min(1.0, error))


def error_quantiles(cases: Sequence[HeldOut], tail: float = TAIL) -> tuple[list[float], list[float]]:
    """Quantiles of error / spread per load level, each pooled with its neighbours, as (low, high) logs."""
    spread = spreads(cases)
    scaled = [[e / spread[case.server.key] for e in case.errors] for case in cases]
    low, high = [], []
    for level in range(LEVELS):
        near = range(max(0, level - 1), min(LEVELS, level + 2)) if level else range(1)
        values = sorted(row[j] for row in scaled for j in near)
        low.append(quantile(values, tail))
        high.append(quantile(values, 1 - tail))
    return low, high


def quantile(ordered: Sequence[float], share: float) -> float:
    """The quantile of sorted values, interpolated over n + 1 places, as conformal prediction wants it."""
    place = min(len(ordered) - 1.0, max(0.0, share * (len(ordered) + 1) - 1))
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def read_servers(path: Path, key_of: Callable[[dict[str, str]], str]) -> list[Server]:
    """Results of one CSV; `key_of` names the CPU family of a row."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_server(row, key_of(row)) for row in csv.DictReader(file)]


def _server(row: dict[str, str], key: str) -> Server:
    power_w = tuple(float(row[f"power_w_load_{level}"]) for level in range(0, 101, 10))
    if any(after < before for before, after in pairwise(power_w)):
        raise ValueError(f"result {row['result']}: power falls with load")
    return Server(
        key=key,
        vendor=row["vendor"].split()[0].lower().rstrip(","),
        model=f"{row['vendor']}|{row['server']}|{row['cpu']}|{row['cores']}",
        cores=int(row["cores"]),
        sockets=int(row["chips"]),
        threads=int(row["threads"]),
        memory_gb=float(row["memory_gb"]),
        ghz=float(row["frequency_mhz"]) / 1000,
        power_w=power_w,
    )
