"""Does a variant fit a small device? Memory, storage, latency, power and battery, each with what is left, or unknown.

A latency or energy measured on another machine says nothing about the device: it is unknown until somebody runs the
variant there, or states how much slower the device is and how much it draws.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from joulewise.compare.metric_formulas import inferences_on_battery
from joulewise.compare.observing import ENERGY, LATENCY_P99, MEMORY, Condition, find
from joulewise.core.errors import DataError, JoulewiseError, NotFound, UsageError
from joulewise.core.figures import DEFAULT, REPORTED, Figure, exact, propagate, weakest
from joulewise.core.variants import Model, Observation

_BOUNDED = ("memory_bytes", "power_w", "battery_j")
_PLAIN = ("storage_bytes", "latency_s", "least_inferences")


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeProfile:
    """A device and what it is to do. Each is None where it sets no limit.

    `memory` is what the model may hold while it runs (low: with the rest of the system), `storage` what its file may
    take, `power` the draw that the device sustains, `battery` a full charge in J, `latency` what p99 must keep and
    `least_inferences` how many a charge must pay for. `measured_here` says that the observations are of this device,
    `checked` which figures a second source was found to print.
    """

    name: str
    title: str = ""
    memory: Figure | None = None
    storage: Figure | None = None
    power: Figure | None = None
    battery: Figure | None = None
    latency: Figure | None = None
    least_inferences: Figure | None = None
    source: str = ""
    checked: str = ""
    note: str = ""
    measured_here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeCheck:
    """One limit: `fits` is True, False, or None where it can't be known (`text` says why). `share` is need over limit,
    1 is full; below 1 the rest is left over."""

    what: str
    fits: bool | None
    text: str
    need: Figure | None = None
    limit: Figure | None = None
    share: Figure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeVerdict:
    """A variant on a device: it fits if all checks do, not if one does not, else it is open."""

    variant: str
    profile: EdgeProfile
    checks: tuple[EdgeCheck, ...]
    inferences_per_charge: Figure | None = None

    @property
    def fits(self) -> bool | None:
        """True, False or None (something is unknown, and nothing fails)."""
        found = [one.fits for one in self.checks]
        if False in found:
            return False
        return None if None in found or not found else True


def check_edge(
    profile: EdgeProfile | str | Path,
    observations: Sequence[Observation],
    card: Model | None = None,
    *,
    name: str = "",
    condition: Condition | None = None,
) -> EdgeVerdict:
    """Check one variant: its observations and its model's card (for the size of the file).

    Each limit holds only at the bad end of both intervals, fails only at the good end, and is open between.
    """
    device = profile if isinstance(profile, EdgeProfile) else edge_profile(profile)
    wanted = condition or Condition()
    memory, latency, energy = (_figure(observations, one, wanted) for one in (MEMORY, LATENCY_P99, ENERGY))
    size = exact(float(card.size_bytes), "bytes") if card else None
    checks = [
        _check("memory", memory, device.memory, "peak memory was not measured"),
        _check("storage", size, device.storage, "the size of the file is not known"),
    ]
    if device.latency is not None:
        checks.append(_check("latency p99", *_there(device, latency, device.latency)))
    if device.power is not None:
        checks.append(_check("power", *_there(device, _power(observations, wanted), device.power)))
    charge = _charge(device, energy)
    if device.least_inferences is not None:
        checks.append(_battery_check(device, charge, energy))
    kept = tuple(one for one in checks if one.limit is not None)
    return EdgeVerdict(
        variant=name or (card.name if card else ""), profile=device, checks=kept, inferences_per_charge=charge
    )


def edge_profile(name: str | Path) -> EdgeProfile:
    """A built-in profile by name, or one from a TOML file. Raises NotFound with the names, DataError for a bad file."""
    if isinstance(name, Path) or str(name).endswith(".toml"):
        return _from_toml(Path(name))
    keys = _built_in()
    key = str(name).strip().casefold().replace("_", "-").replace(" ", "-")
    if key not in keys:
        near = get_close_matches(key, keys, n=3)
        known = ", ".join(dict.fromkeys(one.name for one in keys.values()))
        raise NotFound(f"no edge profile {name!r}", hint=f"{', '.join(near) or known}, or a TOML file")
    return keys[key]


def edge_profiles() -> tuple[EdgeProfile, ...]:
    """The built-in profiles."""
    return tuple({one.name: one for one in _built_in().values()}.values())


@cache
def _built_in() -> dict[str, EdgeProfile]:
    text = files("joulewise.compare").joinpath("data").joinpath("edge_profiles.csv").read_text(encoding="utf-8")
    found: dict[str, EdgeProfile] = {}
    for row in csv.DictReader(text.splitlines()):
        made = EdgeProfile(
            name=row["name"],
            title=row["title"],
            memory=_banded(row, "memory_bytes", "bytes"),
            storage=_banded(row, "storage_bytes", "bytes"),
            power=_banded(row, "power_w", "W"),
            battery=_banded(row, "battery_j", "J"),
            source=" ".join(filter(None, (row["source"], row["url"]))),
            checked=row["checked"],
            note=row["note"],
        )
        found |= dict.fromkeys((row["name"], *filter(None, row["aliases"].split(";"))), made)
    return found


def _banded(row: Mapping[str, str], column: str, unit: str) -> Figure | None:
    """Low and high stand as memory_low_bytes and memory_high_bytes; where one is missing, the value itself."""
    if not row.get(column):
        return None
    stem, _, suffix = column.rpartition("_")
    low, high = (row.get(f"{stem}_{end}_{suffix}") or row[column] for end in ("low", "high"))
    return Figure(
        value=float(row[column]), low=float(low), high=float(high), unit=unit, method=DEFAULT, source=row["source"]
    )


def _from_toml(path: Path) -> EdgeProfile:
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"can't read the profile {path}: {error}", hint='name = "drone"\nmemory_bytes = 4e9') from error
    unknown = set(read) - {*_BOUNDED, *_PLAIN, "name", "title", "source", "note", "measured_here"}
    if unknown:
        raise UsageError(f"{path} says {', '.join(sorted(unknown))}", hint=f"known: {', '.join((*_BOUNDED, *_PLAIN))}")
    return EdgeProfile(
        name=str(read.get("name", path.stem)),
        title=str(read.get("title", "")),
        memory=_told(read, "memory_bytes", "bytes", path),
        storage=_told(read, "storage_bytes", "bytes", path),
        power=_told(read, "power_w", "W", path),
        battery=_told(read, "battery_j", "J", path),
        latency=_told(read, "latency_s", "s", path),
        least_inferences=_told(read, "least_inferences", "1", path),
        source=str(read.get("source", path)),
        note=str(read.get("note", "")),
        measured_here=read.get("measured_here") is True,
    )


def _told(read: Mapping[str, object], key: str, unit: str, path: Path) -> Figure | None:
    """A number, or [low, value, high]."""
    if key not in read:
        return None
    told: Any = read[key]
    numbers = [float(one) for one in (told if isinstance(told, list) else [told] * 3) if type(one) in (int, float)]
    if len(numbers) != 3:
        raise DataError(f"{key} in {path} is no number", hint=f"{key} = 4e9, or [low, value, high]")
    low, value, high = numbers
    if low <= 0:
        raise DataError(f"{key} in {path} is not above zero", hint="leave out what sets no limit")
    return Figure(value=value, low=low, high=high, unit=unit, method=REPORTED, source=str(path))


def _figure(observations: Sequence[Observation], quantity: str, condition: Condition) -> Figure | None:
    found = find(observations, quantity, condition)
    return found.figure if found else None


def _power(observations: Sequence[Observation], condition: Condition) -> Figure | None:
    """Mean watts while it answers without a pause: joules times inferences a second."""
    energy, rate = (_figure(observations, one, condition) for one in (ENERGY, "throughput_per_s"))
    if energy is None or rate is None:
        return None
    value, low, high = propagate(lambda energy, rate: energy * rate, {"energy": energy, "rate": rate})
    return Figure(value=value, low=low, high=high, unit="W", method=weakest((energy.method, rate.method)))


def _there(
    device: EdgeProfile, figure: Figure | None, limit: Figure | None = None
) -> tuple[Figure | None, Figure | None, str]:
    """Need, limit and what to say if there is no need: what another machine took is no need of this device."""
    if not device.measured_here:
        return None, limit, f"not measured on {device.title or device.name}, and another machine's figure says little"
    return figure, limit, "it was not measured"


def _check(what: str, need: Figure | None, limit: Figure | None, missing: str = "") -> EdgeCheck:
    if limit is None or need is None:
        return EdgeCheck(what=what, fits=None, text=f"unknown: {missing}", limit=limit)
    fits = True if need.high <= limit.low else False if need.low > limit.high else None
    share = _over(need, limit)
    words = {True: "fits", False: "does not fit", None: "open: the intervals overlap"}[fits]
    return EdgeCheck(
        what=what, fits=fits, text=f"{words}, {share.value:.3g} of the limit", need=need, limit=limit, share=share
    )


def _over(need: Figure, limit: Figure) -> Figure:
    value, low, high = propagate(lambda need, limit: need / limit, {"need": need, "limit": limit})
    return Figure(value=value, low=low, high=high, unit="1", method=weakest((need.method, limit.method)))


def _charge(device: EdgeProfile, energy: Figure | None) -> Figure | None:
    if device.battery is None or energy is None or not device.measured_here:
        return None
    try:
        return inferences_on_battery.figure({"battery_j": device.battery, "energy_j_per_inference": energy})
    except JoulewiseError:  # an energy that may be zero pays for no count that anybody could promise
        return None


def _battery_check(device: EdgeProfile, charge: Figure | None, energy: Figure | None) -> EdgeCheck:
    """Needs are inferences here: the charge is the limit."""
    if charge is None:
        reason = "the device has no battery" if device.battery is None else _there(device, energy)[2]
        return EdgeCheck(what="battery", fits=None, text=f"unknown: {reason}", limit=device.least_inferences)
    return _check("battery", device.least_inferences, charge)
