"""`How computed`: the steps from a figure down to the raw counters, read from the filed records alone.

A calculation names its formula and inputs, an input names a measurement, a factor or another calculation, and a
measurement names its meter, whose channels (scale, wrap, first and last count) lie in the run's environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import joulewise.carbon.formulas  # noqa: F401 - registers the formulas that runs name
from joulewise.core import formulas
from joulewise.core.channels import Channel
from joulewise.core.errors import NotFound
from joulewise.core.figures import Figure
from joulewise.core.frozen import as_dict
from joulewise.core.records import Bundle, Calculation, Factor, Measurement
from joulewise.report.digits import number, shown
from joulewise.report.hours import hour_steps, is_by_hour
from joulewise.report.view import Step

_REFERENCES = ("calculation", "measurement", "factor")
_ATTRIBUTIONS = {
    "dynamic": "what the machine drew above idle, shared out by CPU or GPU time",
    "with_idle_share": "what this work added, plus its share of the idle power",
    "machine": "everything that the meters read, whoever caused it",
}


class Explainer:
    """Makes Steps from one bundle; ids that are missing in it are named as missing, never passed over."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        filed: list[Calculation | Measurement | Factor] = [
            *bundle.calculations,
            *bundle.measurements,
            *bundle.factors,
        ]
        self._records = {record.id: record for record in filed}
        self._channels = channels_of(bundle.run.environment)

    def calculation(self, calculation: Calculation, seen: frozenset[str] = frozenset()) -> Step:
        """The formula with its inputs; a circle in the references (a damaged ledger) ends with a word about it."""
        if calculation.id in seen:
            return Step(kind="missing", name=calculation.name, text="refers to itself: run joulewise ledger verify")
        seen |= {calculation.id}
        return Step(
            kind="calculation",
            name=calculation.name,
            shown=f"{shown(calculation.figure)}, {calculation.figure.method}",
            text=_expression(calculation),
            details=_calculation_details(calculation),
            inputs=self._inputs(calculation, seen),
        )

    def _inputs(self, calculation: Calculation, seen: frozenset[str]) -> tuple[Step, ...]:
        by_hour = hour_steps(calculation, self._factor, factor_step) if is_by_hour(calculation) else None
        return by_hour or tuple(self._input(name, entry, seen) for name, entry in calculation.inputs.items())

    def _factor(self, id: str) -> Factor | None:
        found = self._records.get(id)
        return found if isinstance(found, Factor) else None

    def measurement(self, measurement: Measurement) -> Step:
        """The meter and its channels; a total rests on its components."""
        parts = self._components(measurement) if measurement.component == "total" else []
        inputs = tuple(self.measurement(part) for part in parts) or self._channel_steps(measurement)
        return Step(
            kind="measurement",
            name=_measured_name(measurement),
            shown=f"{shown(measurement.figure)}, {measurement.figure.method}",
            text=_measured_text(measurement, summed=bool(parts)),
            details=_measured_details(measurement),
            inputs=inputs,
        )

    def _input(self, name: str, entry: Mapping[str, Any], seen: frozenset[str]) -> Step:
        worth = f"{name} = {_entry_text(entry)}"
        for kind in _REFERENCES:
            if kind in entry:
                return self._reference(kind, str(entry[kind]), worth, seen)
        origin = "; ".join(f"{key} {value}" for key, value in entry.items() if key not in _FIGURE_KEYS)
        details = (f"source: {entry['source']}",) if entry.get("source") else ()
        return Step(kind="given", name=worth, text=origin or "given", details=details)

    def _reference(self, kind: str, id: str, worth: str, seen: frozenset[str]) -> Step:
        record = self._records.get(id)
        if isinstance(record, Factor):
            return factor_step(record, worth)
        if record is None:
            return Step(kind="missing", name=worth, text=f"{kind} {id} is not in this bundle")
        made = self.calculation(record, seen) if isinstance(record, Calculation) else self.measurement(record)
        return Step(kind=made.kind, name=worth, text=made.text or made.name, details=made.details, inputs=made.inputs)

    def _components(self, whole: Measurement) -> list[Measurement]:
        summed = meter_keys(whole.meter)
        return [
            part
            for part in self._bundle.measurements
            if part.component != "total"
            and (part.quantity, part.attribution, part.phase_id) == (whole.quantity, whole.attribution, whole.phase_id)
            and part.meter in summed
        ]

    def _channel_steps(self, measurement: Measurement) -> tuple[Step, ...]:
        found = ((key, self._channels.get(key)) for key in meter_keys(measurement.meter))
        return tuple(channel_step(key, channel) for key, channel in found if channel is not None)


_FIGURE_KEYS = ("value", "low", "high", "unit", "method", "level", "source")


def factor_step(factor: Factor, worth: str = "") -> Step:
    """A factor with all that an auditor asks of it: source, address, validity, licence, version."""
    gases = f", {factor.gwp}" if factor.gwp else ""
    kinds = " ".join(part for part in (factor.signal, factor.basis, factor.scope) if part)
    details = (
        f"source: {factor.source}" + (f" <{factor.url}>" if factor.url else ""),
        f"{validity(factor)}{gases}; licence {factor.licence}",
        f"factor {factor.id}, set {factor.set_id}"
        + (f", version {factor.version}" if factor.version else "")
        + (f", sha256 {factor.sha256}" if factor.sha256 else ""),
        *((f"note: {factor.note}",) if factor.note else ()),
    )
    text = f"{factor.kind} of {factor.zone}" + (f" ({kinds})" if kinds else "") + f", {factor.method}"
    return Step(
        kind="factor", name=worth or f"{factor.kind} {factor.zone} = {shown(factor.as_figure())}", text=text,
        details=details,
    )  # fmt: skip


def validity(factor: Factor) -> str:
    """ "valid 2025-01-01 to 2025-12-31, annual"; an open end is said to be open."""
    start, end = factor.valid_from or "ever", factor.valid_to or "further notice"
    return f"valid from {start} to {end}" + (f", {factor.resolution}" if factor.resolution else "")


def channel_step(key: str, channel: Mapping[str, Any]) -> Step:
    """A channel of the journal: what one count is worth, its bounds, and the raw counts where they were kept."""
    per = {"energy": "J", "power": "W"}.get(str(channel.get("quantity")), "s")
    details = [f"{channel.get('method', 'unknown method')} by {channel.get('source', 'unknown source')}"]
    if channel.get("wrap"):
        details.append(f"wraps at {channel['wrap']:,} counts")
    low, high = channel.get("low_ratio", 1.0), channel.get("high_ratio", 1.0)
    if (low, high) != (1.0, 1.0):
        details.append(f"truth / reading lies within {number(low)} to {number(high)} (95 %)")
    if channel.get("within"):
        details.append(f"lies within {channel['within']}: shown, never added")
    known = Channel._fields
    extra = ((name.replace("_", " "), value) for name, value in channel.items() if name not in known)
    details += [f"{name}: {f'{value:,}' if isinstance(value, int) else value}" for name, value in extra]
    worth = f", 1 count = {number(channel['scale'])} {per}" if channel.get("scale") else ""
    return Step(
        kind="channel",
        name=f"channel {key}",
        text=f"{channel.get('quantity', 'count')} of {channel.get('device') or channel.get('component', key)}{worth}",
        details=tuple(details),
    )


def channels_of(environment: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The channels by key, as the run filed them: a list of mappings (or Channels), or a mapping by key."""
    filed = environment.get("channels") or ()
    if isinstance(filed, Mapping):
        return {str(key): _as_mapping(value) for key, value in filed.items()}
    if not isinstance(filed, Sequence) or isinstance(filed, str):
        return {}
    listed = [_as_mapping(entry) for entry in filed]
    return {str(entry["key"]): entry for entry in listed if "key" in entry}


def meter_keys(meter: str) -> list[str]:
    """The channel keys that a measurement's `meter` names: a total's is "rapl:0:package+nvml:GPU-5f1e"."""
    return [key for key in meter.split("+") if key]


def _as_mapping(entry: Any) -> Mapping[str, Any]:
    if isinstance(entry, Channel):
        return as_dict(entry)
    return entry if isinstance(entry, Mapping) else {}


def _expression(calculation: Calculation) -> str:
    try:
        return formulas.find(calculation.formula_id, calculation.formula_version).expression
    except NotFound:
        return f"formula {calculation.formula_id} v{calculation.formula_version}, unknown to this version of joulewise"


def _calculation_details(calculation: Calculation) -> tuple[str, ...]:
    lines = [f"formula {calculation.formula_id} v{calculation.formula_version}, calculation {calculation.id}"]
    try:
        found = formulas.find(calculation.formula_id, calculation.formula_version)
    except NotFound:
        return (*lines, "joulewise of the version that filed the run explains it")
    return (*lines, f"source: {found.source}", f"docs: explanation/equations/{found.page}")


def _measured_name(measurement: Measurement) -> str:
    parts = (measurement.quantity, measurement.attribution, measurement.component)
    return ".".join(part for part in parts if part)


def _measured_text(measurement: Measurement, *, summed: bool) -> str:
    how = _ATTRIBUTIONS.get(measurement.attribution or "", "as read")
    return f"{how}; the sum of the parts below" if summed else f"{how}; meter {measurement.meter}"


def _measured_details(measurement: Measurement) -> tuple[str, ...]:
    pue = "PUE included" if measurement.pue_included else "PUE not included"
    lines = [f"boundary {measurement.boundary}, {pue}, measurement {measurement.id}"]
    if measurement.figure.source:
        lines.append(f"source: {measurement.figure.source}")
    return tuple(lines)


def _entry_text(entry: Mapping[str, Any]) -> str:
    if "value" not in entry:
        return "?"
    value = float(entry["value"])
    figure = Figure(
        value=value,
        low=float(entry.get("low", value)),
        high=float(entry.get("high", value)),
        unit=str(entry.get("unit", "")),
        method=str(entry.get("method", "measured")),
    )
    return f"{shown(figure)}, {figure.method}"
