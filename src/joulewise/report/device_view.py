"""Inferences per joule by model and machine, and which variants fit a small device, as lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from joulewise.report.digits import number
from joulewise.report.listing import Listing, figure_fields, simple
from joulewise.report.measures import ABSENT, alone, with_interval

if TYPE_CHECKING:
    from joulewise.compare.devices import DeviceCell, DeviceTable
    from joulewise.compare.edge import EdgeCheck, EdgeVerdict

_NOTHING = "No model was measured on any machine yet. Try: joulewise bench MODEL --data eval.npz"
_ON_THE_DEVICE = (
    "Run joulewise bench on the device and merge the ledgers; then joulewise devices --edge PROFILE --machine ITS-NAME "
    "knows time, power and battery, too."
)
_HEADS = {"latency p99": "p99"}
_VERDICTS = {True: "fits", False: "does not fit", None: "open"}


def device_list(table: DeviceTable) -> Listing:
    """A line a model and machine; ratios against the baseline's machine, whose name stands in the head."""
    against = f"Against {table.baseline}" if table.baseline else "Ratio"
    columns = (
        "Model",
        "Machine",
        "Inferences per joule",
        *((against,) if table.baseline else ()),
        "Variant",
        "Energy of",
    )
    lines = [
        (
            cell.model,
            cell.host,
            with_interval(replace(cell.rate, unit="1")) if cell.rate else cell.reason,
            *((_against(cell, table),) if table.baseline else ()),
            cell.variant or ABSENT,
            cell.boundary or ABSENT,
        )
        for cell in table.cells
    ]
    title = f"Inferences per joule, {table.condition.text()}" if table.condition.text() else "Inferences per joule"
    grid = simple(title, columns, lines, numeric=("Inferences per joule", against), spare=("Energy of",))
    foot = "\n".join([f"{title}; the best variant of each model on each machine.", *table.notices])
    return Listing(
        grid=grid, records=tuple(_record(one, table) for one in table.cells), footer=foot if lines else _NOTHING
    )


def edge_list(verdicts: Sequence[EdgeVerdict]) -> Listing:
    """A line a variant: the verdict, and how full each limit is."""
    names = list(dict.fromkeys(check.what for one in verdicts for check in one.checks))
    charged = any(one.inferences_per_charge for one in verdicts)
    columns = (
        "Variant",
        "Verdict",
        *(_HEADS.get(name, name.capitalize()) for name in names),
        *(("Per charge",) if charged else ()),
    )
    lines = [
        (
            one.variant,
            _VERDICTS[one.fits],
            *(_limit({check.what: check for check in one.checks}.get(name)) for name in names),
            *((alone(one.inferences_per_charge),) if charged else ()),
        )
        for one in verdicts
    ]
    grid = simple("Edge check", columns, lines, numeric=columns[2:], spare=("Per charge",))
    records = tuple(_edge_record(one) for one in verdicts)
    return Listing(grid=grid, records=records, footer="\n".join(_edge_told(verdicts)))


def _against(cell: DeviceCell, table: DeviceTable) -> str:
    if cell.host == table.baseline:
        return "baseline" if cell.rate else ABSENT
    return f"{with_interval(cell.ratio)}×".replace(" (", "× (", 1).removesuffix("×") if cell.ratio else ABSENT


def _limit(check: EdgeCheck | None) -> str:
    if check is None:
        return ABSENT
    if check.share is None:
        return "unknown"
    percent = check.share.value * 100
    return f"{number(float(f'{percent:.3g}')) if percent >= 0.1 else '< 0.1'} %"


def _edge_told(verdicts: Sequence[EdgeVerdict]) -> Iterable[str]:
    device = verdicts[0].profile if verdicts else None
    if device is None:
        return ["Nothing to check."]
    told = [f"{device.title or device.name}: {', '.join(_limits(verdicts))}. {device.source}."]
    told += [f"Note: {device.note}."] if device.note else []
    failing: dict[str, list[str]] = {}
    for one in verdicts:
        for check in one.checks:
            if not check.fits:
                words = check.text.partition(", ")[0] if check.share else check.text  # how full stands in the table
                failing.setdefault(f"{check.what} {words}", []).append(one.variant)
    told += [f"{', '.join(dict.fromkeys(names))}: {what}." for what, names in failing.items()]
    if not device.measured_here and any(check.need is None for one in verdicts for check in one.checks):
        told.append(_ON_THE_DEVICE)
    return dict.fromkeys(told)


def _limits(verdicts: Sequence[EdgeVerdict]) -> Iterable[str]:
    """What the shares in the table are of; a battery's is what each variant makes of it."""
    device = verdicts[0].profile
    limits = {check.what: check.limit for one in verdicts for check in one.checks if check.what != "battery"}
    told = [f"{what} {alone(limit)}" for what, limit in limits.items()]
    told += [f"battery {alone(device.battery)}"] if device.battery else []
    return [*told, *([f"{alone(device.least_inferences)} inferences a charge"] if device.least_inferences else [])]


def _record(cell: DeviceCell, table: DeviceTable) -> dict[str, Any]:
    return {
        "model": cell.model,
        "host": cell.host,
        "variant": cell.variant or None,
        "runtime": cell.runtime or None,
        "condition": table.condition.text(),
        "boundary": cell.boundary or None,
        "inferences_per_j": cell.rate.value if cell.rate else None,
        "inferences_low_per_j": cell.rate.low if cell.rate else None,
        "inferences_high_per_j": cell.rate.high if cell.rate else None,
        "method": cell.rate.method if cell.rate else None,
        "baseline": table.baseline or None,
        **figure_fields("against_baseline", "ratio", cell.ratio),
        "reason": cell.reason or None,
    }


def _edge_record(one: EdgeVerdict) -> dict[str, Any]:
    return {
        "variant": one.variant,
        "profile": one.profile.name,
        "fits": one.fits,
        "inferences_per_charge_count": one.inferences_per_charge.value if one.inferences_per_charge else None,
        "checks": [
            {
                "what": check.what,
                "fits": check.fits,
                "text": check.text,
                **figure_fields("share", "ratio", check.share),
            }
            for check in one.checks
        ],
    }
