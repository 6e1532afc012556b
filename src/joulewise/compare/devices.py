"""Inferences per joule of named models on each machine that the ledger knows: one table, its baseline named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from joulewise.compare.metric_formulas import inferences_per_j
from joulewise.compare.observing import ENERGY, Condition, find
from joulewise.core.errors import NotFound, UsageError
from joulewise.core.figures import Figure, propagate, weakest
from joulewise.core.records import Host
from joulewise.core.variants import Variant

BOUNDARY_WORDS = {"device": "the processor's meters", "node": "the whole machine", "facility": "with PUE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A variant as it was measured on a host. `model` is the model's name; variants of one model stand in one line.
    `boundary` is what the energy covers."""

    host: Host
    model: str
    variant: Variant
    boundary: str = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCell:
    """A model on a host: `rate` in inferences/J, None with the `reason`. `ratio` is against the baseline host, None for
    itself, without one, or across boundaries."""

    model: str
    host: str
    rate: Figure | None = None
    variant: str = ""
    runtime: str = ""
    boundary: str = ""
    ratio: Figure | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTable:
    """`cells` hold each model on each host once, models and hosts in order; `baseline` is a host's name or ""."""

    hosts: tuple[str, ...]
    models: tuple[str, ...]
    cells: tuple[DeviceCell, ...]
    condition: Condition
    baseline: str = ""
    notices: tuple[str, ...] = ()

    def cell(self, model: str, host: str) -> DeviceCell:
        """The cell of a model and host. Raises NotFound."""
        for one in self.cells:
            if (one.model, one.host) == (model, host):
                return one
        raise NotFound(f"no {model!r} on {host!r} in the table")


def device_table(seen: Iterable[Seen], condition: Condition | None = None, baseline: str = "") -> DeviceTable:
    """The best variant of each model on each host, by the value of its inferences per joule under `condition`.

    The same model on two machines is no paired measurement: ratios carry both machines' full intervals. Raises
    UsageError for a baseline that is not among the hosts.
    """
    wanted = condition or Condition()
    listed = list(seen)
    names = _host_names(listed)
    hosts = tuple(sorted(set(names.values())))
    if baseline and baseline not in hosts:
        raise UsageError(f"no host {baseline!r} was measured", hint=f"one of {', '.join(hosts) or 'none'}")
    models = tuple(sorted({one.model for one in listed}))
    best = {
        (model, host): _best(
            model, host, [one for one in listed if one.model == model and names[one.host.id] == host], wanted
        )
        for model in models
        for host in hosts
    }
    cells = tuple(_against(best[model, host], best.get((model, baseline))) for model in models for host in hosts)
    return DeviceTable(
        hosts=hosts, models=models, cells=cells, condition=wanted, baseline=baseline, notices=tuple(_notices(cells))
    )


def _host_names(seen: Sequence[Seen]) -> dict[str, str]:
    """Names by host id; two machines of one name get the end of their id."""
    by_id = {one.host.id: one.host.name for one in seen}
    twice = {name for name in by_id.values() if list(by_id.values()).count(name) > 1}
    return {id: f"{name} ({id[-6:]})" if name in twice else name for id, name in by_id.items()}


def _best(model: str, host: str, seen: Sequence[Seen], condition: Condition) -> DeviceCell:
    found = [
        DeviceCell(
            model=model,
            host=host,
            rate=inferences_per_j.figure({"energy_j_per_inference": observation.figure}),
            variant=one.variant.name,
            runtime=one.variant.runtime,
            boundary=one.boundary,
        )
        for one in seen
        if one.variant.status == "ok" and (observation := find(one.variant.observations, ENERGY, condition))
        if observation.figure.low > 0
    ]
    if found:
        return max(found, key=lambda cell: (cell.rate.value if cell.rate else 0.0, cell.variant))
    return DeviceCell(model=model, host=host, reason=_reason(seen, condition))


def _reason(seen: Sequence[Seen], condition: Condition) -> str:
    if not seen:
        return "not run there"
    if any((found := find(one.variant.observations, ENERGY, condition)) and found.figure.low <= 0 for one in seen):
        return "its energy may be zero: more rounds"
    failed = [one.variant.reason for one in seen if one.variant.status != "ok"]
    return failed[0] if len(failed) == len(seen) else f"no energy at {condition.text()}"


def _against(cell: DeviceCell, base: DeviceCell | None) -> DeviceCell:
    if base is None or base.rate is None or cell.rate is None or cell.host == base.host:
        return cell
    if cell.boundary != base.boundary:
        return cell
    value, low, high = propagate(lambda own, base: own / base, {"own": cell.rate, "base": base.rate})
    method = weakest((cell.rate.method, base.rate.method))
    return replace(cell, ratio=Figure(value=value, low=low, high=high, unit="1", method=method))


def _notices(cells: Sequence[DeviceCell]) -> list[str]:
    covered = {one.boundary for one in cells if one.rate}
    if len(covered) < 2:
        return []
    words = "; ".join(f"{name}: {BOUNDARY_WORDS.get(name, name)}" for name in sorted(covered))
    return [f"The machines' energy does not cover the same ({words}): no ratios across them."]
