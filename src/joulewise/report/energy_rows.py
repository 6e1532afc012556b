"""Energy of a run as rows and tables: in all, per component, per phase, and the meters that read it."""

from __future__ import annotations

from collections.abc import Iterable

from joulewise.core.figures import Figure, scaled, total
from joulewise.core.records import ATTRIBUTIONS, Bundle, Measurement, Phase
from joulewise.report.digits import number, seconds, share, shown
from joulewise.report.how import Explainer, channels_of, meter_keys
from joulewise.report.labels import ATTRIBUTION_LABELS, COMPONENT_LABELS, component_label, quantity_label
from joulewise.report.view import Grid, Row, Section, Step

ORDER = ("with_idle_share", "dynamic", "machine")
"""The headline first."""
NO_METER = ("no meter could be read", "joulewise doctor")
_NESTED = "A phase holds the phases that are indented below it."
_SHORT = {"with_idle_share": "With idle share", "dynamic": "Dynamic", "machine": "Machine"}


def energy_section(bundle: Bundle, explainer: Explainer) -> Section:
    """The three attributions of the total; the headline stands there even if nothing was measured."""
    rows = []
    size_of = energy_size(bundle)
    for attribution in (*ORDER, None):
        found = find_energy(bundle, attribution)
        if found is not None:
            label = ATTRIBUTION_LABELS.get(attribution or "", "Energy")
            rows.append(measured_row(found, explainer, label, size_of))
    if not rows:
        rows.append(absent("energy_j.with_idle_share.total", ATTRIBUTION_LABELS[ORDER[0]], *NO_METER))
    return Section(title="Energy", rows=tuple(rows), note=_energy_note(bundle))


def energy_size(bundle: Bundle) -> Figure | None:
    """The figure whose J, Wh or kWh all energies of the report take, so that they compare at a glance."""
    found = (find_energy(bundle, attribution) for attribution in (*ORDER, None))
    return next((one.figure for one in found if one is not None), None)


def component_grid(bundle: Bundle, explainer: Explainer) -> Grid | None:
    """A line a component, a column an attribution; None if there is only one component or less."""
    energies = [one for one in bundle.measurements if one.quantity == "energy_j" and one.phase_id is None]
    components = [name for name in dict.fromkeys(one.component for one in energies) if name != "total"]
    if not components:
        return None
    components.sort(key=lambda name: [*COMPONENT_LABELS, name].index(name))
    columns = ("Component", *(_SHORT[name] for name in ORDER), "Method", "Meter", "Coverage")
    size_of = energy_size(bundle)
    lines = tuple(line for name in components for line in _component_lines(name, energies, explainer, size_of))
    return Grid(
        title="Energy by component",
        columns=columns,
        rows=lines,
        numeric=frozenset((*_SHORT.values(), "Coverage")),
        spare=frozenset(("Meter", "Coverage")),
        note=_contained_note(bundle),
    )


def phase_grid(bundle: Bundle, explainer: Explainer) -> Grid | None:
    """A line a phase, those of one name under one parent joined; None if the run has no phases."""
    if not bundle.phases:
        return None
    lines = []
    size_of = energy_size(bundle)
    for depth, name, phases in grouped_phases(bundle.phases):
        label = "  " * depth + name + (f" (×{len(phases)})" if len(phases) > 1 else "")
        duration_s = sum(phase.duration_s for phase in phases)
        energy = _phase_row(bundle, explainer, phases, size_of)
        lines.append((label, seconds(duration_s), energy, _mean_power(energy, duration_s)))
    return Grid(
        title="Phases",
        columns=("Phase", "Duration", "Energy with idle share", "Mean power"),
        rows=tuple(lines),
        numeric=frozenset(("Duration", "Energy with idle share", "Mean power")),
        note=_NESTED if any(phase.parent_id for phase in bundle.phases) else "",
    )


def meter_grid(bundle: Bundle) -> Grid | None:
    """The channels that were read, as the journal describes them."""
    channels = channels_of(bundle.run.environment)
    used = {key for one in bundle.measurements for key in meter_keys(one.meter)}
    lines = []
    for key, channel in channels.items():
        low, high = float(channel.get("low_ratio") or 1.0), float(channel.get("high_ratio") or 1.0)
        doubt = "none stated" if (low, high) == (1.0, 1.0) else f"× {number(low)} to {number(high)}"
        use = "used" if key in used else (f"within {channel['within']}" if channel.get("within") else "not used")
        lines.append(
            (key, component_label(str(channel.get("component", ""))), str(channel.get("quantity", "")),
             str(channel.get("method", "")), doubt, str(channel.get("source", "")), use)
        )  # fmt: skip
    columns = ("Channel", "Component", "Reads", "Method", "Truth / reading", "Source", "Use")
    return Grid(title="Meters", columns=columns, rows=tuple(lines)) if lines else None


def find_energy(bundle: Bundle, attribution: str | None, component: str = "total") -> Measurement | None:
    """The run's energy of that attribution (None: another tool's, which doesn't say), or None if nobody measured it."""
    return next(
        (
            one
            for one in bundle.measurements
            if (one.quantity, one.attribution, one.component, one.phase_id)
            == ("energy_j", attribution, component, None)
        ),
        None,
    )


def measured_row(measurement: Measurement, explainer: Explainer, label: str, size_of: Figure | None = None) -> Row:
    """A measurement as a row; `size_of` is the figure whose unit the whole table takes."""
    parts = (measurement.quantity, measurement.attribution, measurement.component)
    return Row(
        key=".".join(part for part in parts if part),
        label=label,
        figure=measurement.figure,
        shown=shown(measurement.figure, size_of=size_of),
        method=measurement.figure.method,
        coverage=measurement.coverage,
        boundary=measurement.boundary,
        pue_included=measurement.pue_included,
        attribution=measurement.attribution or "",
        component=measurement.component,
        how=explainer.measurement(measurement),
        id=measurement.id,
    )


def absent(key: str, label: str, reason: str, cure: str, *, verb: str = "measured") -> Row:
    """A row for what nobody measured or computed: the reason and the cure, never a zero."""
    return Row(key=key, label=label, shown=f"not {verb}: {reason}", reason=reason, cure=cure)


def other_measurements(bundle: Bundle, explainer: Explainer) -> Section | None:
    """CPU time, peak power and whatever else was measured of the whole run."""
    rows = [
        measured_row(one, explainer, _other_label(one))
        for one in bundle.measurements
        if one.quantity != "energy_j" and one.phase_id is None
    ]
    return Section(title="Other measurements", rows=tuple(rows)) if rows else None


def grouped_phases(phases: Iterable[Phase]) -> list[tuple[int, str, list[Phase]]]:
    """Depth, name and phases of that name under one parent (or parents of one name), in order of first start."""
    listed = sorted(phases, key=lambda phase: phase.started_s)
    known = {phase.id for phase in listed}

    def below(parents: frozenset[str], depth: int) -> list[tuple[int, str, list[Phase]]]:
        names: dict[str, list[Phase]] = {}
        for phase in listed:
            parent = phase.parent_id if phase.parent_id in known else None
            if (parent in parents) if parents else parent is None:
                names.setdefault(phase.name, []).append(phase)
        found = []
        for name, group in names.items():
            found.append((depth, name, group))
            found += below(frozenset(phase.id for phase in group), depth + 1)
        return found

    return below(frozenset(), 0)


def _component_lines(
    name: str, energies: list[Measurement], explainer: Explainer, size_of: Figure | None
) -> list[tuple[Row | str, ...]]:
    """One line a device: two GPUs are two lines."""
    mine = [one for one in energies if one.component == name]
    devices = list(dict.fromkeys((one.device_id, one.meter) for one in mine))
    lines = []
    for number_of, (device_id, meter) in enumerate(devices, 1):
        label = component_label(name) + (f" {number_of}" if len(devices) > 1 else "")
        here = {one.attribution: one for one in mine if (one.device_id, one.meter) == (device_id, meter)}
        cells: list[Row | str] = [label]
        for attribution in ORDER:
            found = here.get(attribution)
            cells.append(
                measured_row(found, explainer, f"{label}, {attribution.replace('_', ' ')}", size_of)
                if found
                else "not measured"
            )
        first = next(iter(here.values()))
        coverage = "" if first.coverage is None else share(first.coverage)
        lines.append((*cells, first.figure.method, meter, coverage))
    return lines


def _phase_row(bundle: Bundle, explainer: Explainer, phases: list[Phase], size_of: Figure | None) -> Row:
    name = phases[0].name
    ids = {phase.id for phase in phases}
    found = [
        one
        for one in bundle.measurements
        if one.phase_id in ids
        and (one.quantity, one.attribution, one.component) == ("energy_j", "with_idle_share", "total")
    ]
    key = f"phase.{name}.energy_j"
    if len(found) < len(phases):
        return absent(key, name, "shorter than the meter can tell", "joulewise doctor")
    figure = total(one.figure for one in found)
    steps = tuple(explainer.measurement(one) for one in found[:3])
    text = f"the sum of {len(found)} windows" + ("; the first three are shown" if len(found) > 3 else "")
    how = steps[0] if len(found) == 1 else Step(kind="sum", name=key, shown=shown(figure), text=text, inputs=steps)
    return Row(
        key=key,
        label=f"{name}: energy",
        figure=figure,
        shown=shown(figure, size_of=size_of),
        method=figure.method,
        attribution="with_idle_share",
        component="total",
        phase=name,
        boundary=found[0].boundary,
        pue_included=found[0].pue_included,
        how=how,
        id=found[0].id if len(found) == 1 else "",
    )


def _mean_power(energy: Row, duration_s: float) -> str:
    if energy.figure is None or duration_s <= 0:
        return "not known"
    return shown(_as_power(energy.figure, duration_s))


def _as_power(energy: Figure, duration_s: float) -> Figure:
    return scaled(energy, 1 / duration_s, "W")


def _energy_note(bundle: Bundle) -> str:
    found = [one for one in bundle.measurements if one.attribution in ATTRIBUTIONS and one.phase_id is None]
    if not found:
        return ""
    boundaries = ", ".join(dict.fromkeys(one.boundary for one in found))
    pue = "with" if found[0].pue_included else "without"
    return f"Boundary: {boundaries}, {pue} the data centre's overhead (PUE). Bounds are 95 % intervals."


def _contained_note(bundle: Bundle) -> str:
    whole = find_energy(bundle, ORDER[0])
    energies = [one for one in bundle.measurements if one.quantity == "energy_j" and one.phase_id is None]
    summed = meter_keys(whole.meter) if whole else []
    beside = list(dict.fromkeys(one.meter for one in energies if one.component != "total" and one.meter not in summed))
    return f"Not part of the total, whose joules another channel has already: {', '.join(beside)}." if beside else ""


def _other_label(measurement: Measurement) -> str:
    label = {"cpu_time_s": "CPU time", "power_w_peak": "Peak power", "energy_j": "Energy"}.get(measurement.quantity)
    component = "" if measurement.component == "total" else f" ({component_label(measurement.component)})"
    whose = f", {measurement.attribution.replace('_', ' ')}" if measurement.attribution else ""
    return (label or quantity_label(measurement.quantity)) + component + whose
