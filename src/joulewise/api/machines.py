"""Models across machines: inferences per joule on each that the ledger knows, and what fits a small device."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any

from joulewise import api
from joulewise.api.compare_checks import check_condition, listed, load_of
from joulewise.compare.devices import DeviceTable, Seen, device_table
from joulewise.compare.edge import EdgeProfile, EdgeVerdict, check_edge, edge_profile, edge_profiles
from joulewise.compare.observing import ENERGY, Condition, find
from joulewise.core.errors import NotFound, OutOfRange
from joulewise.core.figures import REPORTED, Figure, exact
from joulewise.report.device_view import device_list, edge_list
from joulewise.report.energy_rows import find_energy
from joulewise.report.listing import Listing, draw, simple
from joulewise.report.measures import ABSENT, alone

if TYPE_CHECKING:
    from joulewise.core.records import Bundle
    from joulewise.core.settings import Settings
    from joulewise.core.variants import Model, Variant
    from joulewise.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Inferences per joule by model and machine."""

    table: DeviceTable

    def listing(self) -> Listing:
        """For the terminal and for machines."""
        return device_list(self.table)

    def records(self) -> list[dict[str, Any]]:
        """A record a model and machine; what was not run there has its reason."""
        return [dict(one) for one in self.listing().records]

    def to_json(self) -> str:
        """The records as JSON."""
        return json.dumps(self.records(), indent=2, allow_nan=False) + "\n"

    def summary(self) -> str:
        """One line: the best cell."""
        best = max((one for one in self.table.cells if one.rate), key=lambda one: one.rate.value if one.rate else 0.0)
        return f"most inferences per joule: {best.model} on {best.host}, {alone(best.rate)} ({best.variant})"

    def __str__(self) -> str:
        return draw(self.listing(), "table")


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeCheckup:
    """Which variants fit a device, each limit with what is left."""

    verdicts: tuple[EdgeVerdict, ...]

    @property
    def fitting(self) -> tuple[str, ...]:
        """The variants that surely fit."""
        return tuple(one.variant for one in self.verdicts if one.fits)

    def listing(self) -> Listing:
        """For the terminal and for machines."""
        return edge_list(self.verdicts)

    def records(self) -> list[dict[str, Any]]:
        """A record a variant, with its checks."""
        return [dict(one) for one in self.listing().records]

    def to_json(self) -> str:
        """The records as JSON."""
        return json.dumps(self.records(), indent=2, allow_nan=False) + "\n"

    def summary(self) -> str:
        """One line."""
        device = self.verdicts[0].profile if self.verdicts else None
        name = (device.title or device.name) if device else "the device"
        open_ones = sum(one.fits is None for one in self.verdicts)
        return f"{len(self.fitting)} of {len(self.verdicts)} variants fit {name}, {open_ones} are open"


def condition(*, batch: int = 1, threads: int | None = None, load: str = "saturated") -> Condition:
    """What figures are compared at."""
    return Condition(batch=batch, threads=threads, load=load_of(load))


def devices(
    *models: str,
    settings: Settings | None = None,
    condition: Condition | None = None,
    baseline: str = "",
) -> Devices:
    """Inferences per joule of models (parts of their names; all if none) on each machine of the ledger.

    `baseline` is a machine's name: ratios stand against it. Raises NotFound where nothing was benched, UsageError for a
    baseline that was not.
    """
    with api.current_ledger(settings or api.load_settings()) as ledger:
        found = [seen for seen, _ in _seen(models, ledger)]
        if not found:
            raise NotFound(f"no {_what(models)} was measured on any machine", hint=_cure(models, ledger))
    if condition:
        check_condition([one.variant for one in found], condition)
    return Devices(table=device_table(found, condition, baseline))


def edge_checks(
    profile: str,
    *models: str,
    settings: Settings | None = None,
    condition: Condition | None = None,
    machine: str = "",
    latency_s: float | None = None,
    least_inferences: float | None = None,
) -> EdgeCheckup:
    """Which variants in the ledger fit a device: a built-in profile by name, or a TOML file.

    `machine` names the machine of the ledger that is such a device: what was measured there decides on power, latency
    and battery, too. `latency_s` is what p99 must keep, `least_inferences` what a charge must pay for; both by default
    the profile's. Raises NotFound for an unknown profile or machine or where nothing was benched, DataError for a file
    that can't be read, OutOfRange for a limit that is not above zero.
    """
    device = _asked(edge_profile(profile), machine, latency_s, least_inferences)
    with api.current_ledger(settings or api.load_settings()) as ledger:
        every = [(seen, model) for seen, model in _seen(models, ledger) if seen.variant.status == "ok"]
        found = [(seen, model) for seen, model in every if machine in ("", seen.host.name, seen.host.id)]
        found = _newest(found, condition or Condition())
        if every and not found:
            hosts = dict.fromkeys(seen.host.name for seen, _ in every)
            raise NotFound(f"no machine {machine!r} measured such a model", hint=listed(machine, hosts))
        if not found:
            raise NotFound(f"no {_what(models)} was measured yet", hint=_cure(models, ledger))
    names = [seen.variant.name for seen, _ in found]
    verdicts = [
        check_edge(
            device,
            seen.variant.observations,
            model,
            name=_unlike(seen.variant, names),
            condition=condition,
        )
        for seen, model in found
    ]
    return EdgeCheckup(verdicts=tuple(verdicts))


_CURE = "joulewise bench MODEL --data eval.npz measures one"


def _newest(found: Sequence[tuple[Seen, Model]], wanted: Condition) -> list[tuple[Seen, Model]]:
    """Each variant of a model on a machine once: as it was last measured under the condition, else as it was last."""
    latest: dict[tuple[str, str, str], tuple[Seen, Model]] = {}
    for one in sorted(found, key=lambda one: find(one[0].variant.observations, ENERGY, wanted) is not None):
        latest[one[0].variant.name, one[0].model, one[0].host.id] = one
    return [one for one in found if one in latest.values()]


def _asked(profile: EdgeProfile, machine: str, latency_s: float | None, least_inferences: float | None) -> EdgeProfile:
    """The profile with what the user says of it."""
    limits = {"latency": (latency_s, "s"), "least_inferences": (least_inferences, "1")}
    told: dict[str, Any] = {
        name: _limit(name, value, unit) for name, (value, unit) in limits.items() if value is not None
    }
    return replace(profile, measured_here=profile.measured_here or bool(machine), **told)


def _limit(name: str, value: float, unit: str) -> Figure:
    if not 0 < value < inf:
        raise OutOfRange(f"want a limit of {name} above zero, got {value}", hint="leave out what sets no limit")
    return exact(value, unit, REPORTED, "as asked")


def _cure(models: Sequence[str], ledger: Ledger) -> str:
    """The models that there are, where others were named; else how to begin."""
    names = dict.fromkeys(ledger.model(one.model_id).name for one in ledger.variants()) if models else {}
    return listed(models[0], names) if names else _CURE


def _what(models: Sequence[str]) -> str:
    return f"model {', '.join(models)}" if models else "model"


def _unlike(variant: Variant, names: Sequence[str]) -> str:
    return variant.name if names.count(variant.name) == 1 else f"{variant.name} ({variant.id[-6:]})"


def _seen(models: Sequence[str], ledger: Ledger) -> Iterator[tuple[Seen, Model]]:
    """Every variant whose run knows its machine, with the model as it was described then."""
    bundles: dict[str, Bundle] = {}
    for variant in ledger.variants():
        if variant.run_id not in bundles:
            bundles[variant.run_id] = ledger.bundle(variant.run_id)
        bundle = bundles[variant.run_id]
        model = ledger.model(variant.model_id)
        names = f"{model.name}\n{variant.name}".casefold()
        if bundle.host is None or (models and not any(part.casefold() in names for part in models)):
            continue
        energy = find_energy(bundle, "with_idle_share")
        boundary = energy.boundary if energy else "device"
        yield Seen(host=bundle.host, model=model.name, variant=variant, boundary=boundary), model


def edge_profile_list() -> Listing:
    """The built-in devices."""
    columns = ("Profile", "Device", "Memory", "Storage", "Power", "Battery")
    profiles = edge_profiles()
    lines = [
        (one.name, one.title or ABSENT, *(alone(limit) for limit in (one.memory, one.storage, one.power, one.battery)))
        for one in profiles
    ]
    records: tuple[Mapping[str, Any], ...] = tuple(
        {
            "name": one.name,
            "title": one.title or None,
            "memory_bytes": one.memory.value if one.memory else None,
            "storage_bytes": one.storage.value if one.storage else None,
            "power_w": one.power.value if one.power else None,
            "battery_j": one.battery.value if one.battery else None,
            "source": one.source or None,
        }
        for one in profiles
    )
    return Listing(grid=simple("Edge profiles", columns, lines, numeric=columns[2:]), records=records)
