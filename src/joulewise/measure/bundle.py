"""From a folded run to the records that the ledger files. Ids derive from the run's: filing twice is once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from joulewise.core.figures import MEASURED, Figure
from joulewise.core.frozen import as_dict
from joulewise.core.records import Bundle, Device, Evaluation, Host, Measurement, Phase, Run
from joulewise.core.ulid import milliseconds_of, new_ulid
from joulewise.measure.attribution import ChannelEnergy
from joulewise.measure.calibrate import apply, restored
from joulewise.measure.fold import Folded, Window, total_figures, window_figures
from joulewise.measure.meters.select import WHOLE
from joulewise.measure.reading import JournalData


def derived_id(run_id: str, *names: object) -> str:
    """A ULID that is the same whenever it is made: the run's time, and 80 bits of SHA-256 of the names."""
    digest = hashlib.sha256("\x1f".join(map(str, (run_id, *names))).encode("utf-8", "surrogatepass")).digest()
    return new_ulid(milliseconds_of(run_id) * 1_000_000, digest[:10])


def bundle_of(folded: Folded, status: str) -> Bundle:
    """Every record of the run but carbon, cost and water, which another room adds."""
    header = folded.main.header
    run_id = header["run_id"]
    host = _host(header)
    devices = _devices(folded, host.id)
    phases = list(_phases(folded, run_id))
    windows = [(None, Window(folded.start_us, folded.end_us)), *((phase.id, window) for phase, window in phases)]
    measurements = tuple(one for where in windows for one in _measurements(folded, run_id, devices, *where))
    return Bundle(
        run=_run(folded, status, host.id),  # after the measurements, which may add to the notes
        host=host,
        devices=tuple(devices.values()),
        phases=tuple(phase for phase, _ in phases),
        measurements=measurements,
        evaluations=tuple(_evaluations(folded, run_id)),
    )


def _wall(header: dict[str, Any], moment_us: int, slept_us: int) -> datetime:
    """Wall time of a monotonic moment, by the wall clock at the start: later steps of that clock don't count."""
    start = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=header["wall_us"])
    return start + timedelta(microseconds=moment_us - header["monotonic_us"] + slept_us)


def _host(header: dict[str, Any]) -> Host:
    facts = header["host"]
    identity = facts["machine_id"] or facts["name"]
    digest = hashlib.sha256(f"joulewise host {identity}".encode()).digest()
    model: dict[str, Any] = next((one for one in header["channels"] if one["quantity"] == "busy"), {})
    return Host(
        id=new_ulid(0, digest[:10]),
        name=facts["name"],
        cpu_family=str(model.get("params", {}).get("family", "")),
        cpu_count=int(facts["cpu_count"]),
        memory_gb=round((facts["memory_kb"] or 0) * 1024 / 1e9, 3),
        virtual=model.get("params", {}).get("virtual"),
        details={
            "kernel": facts["kernel"],
            "machine": facts["machine"],
            "chassis": facts.get("chassis", ""),
            "gpu_count": len({one["device"] for one in header["channels"] if one["component"] == "gpu"}),
        },
    )


def _devices(folded: Folded, host_id: str) -> dict[str, Device]:
    return {
        energy.channel.device: Device(
            id=derived_id(host_id, energy.channel.device, energy.channel.component),
            host_id=host_id,
            key=energy.channel.device,
            component=energy.channel.component,
            name=str(energy.channel.params.get("name", "")),
        )
        for energy in folded.energies
    }


def _run(folded: Folded, status: str, host_id: str) -> Run:
    header = folded.main.header
    slept_us = _slept_us(folded.main)
    counts = _unit_counts(folded)
    unit = header["unit"] or next(iter(counts), None)
    count = counts.get(unit, header["unit_count"] if unit == header["unit"] else None) if unit else None
    finals = [one.final for one in folded.journals if one.final]
    return Run(
        id=header["run_id"],
        kind=header["kind"],
        name=header["name"],
        status=status,
        started_at=_wall(header, folded.start_us, 0),
        ended_at=_wall(header, folded.end_us, slept_us),
        duration_s=folded.duration_s,
        host_id=host_id,
        parent_id=header["parent_id"],
        group_key=header["group_key"],
        project=header["project"],
        command=tuple(header["process"]["command"]),
        exit_code=next((final["exit_code"] for final in finals if final["exit_code"] is not None), None),
        unit=unit,
        unit_count=count,
        coverage=_coverage(folded),
        seed=header["seed"],
        tags=header["tags"],
        git=header["process"]["git"],
        environment=_environment(folded),
        warnings=tuple(_warnings(folded, slept_us)),
    )


def _unit_counts(folded: Folded) -> dict[str, float]:
    counts: dict[str, float] = {}
    for one in folded.journals:
        for unit, count in one.unit_counts.items():
            counts[unit] = counts.get(unit, 0.0) + count
    return counts


def _environment(folded: Folded) -> dict[str, Any]:
    header = folded.main.header
    process = header["process"]
    return {
        "joulewise": header["joulewise"],
        "python": process["python"],
        "scheduler": process["environment"],
        "mode": header["mode"],
        "ranks": len(folded.journals),
        "cpus": header["cpus"],
        "share": header["share"],
        "share_source": header["share_source"],
        "settings": header["settings"],
        "counts": _unit_counts(folded),
        "channels": [
            {
                **{key: value for key, value in as_dict(energy.channel).items() if value is not None},
                "idle_w": energy.idle_w,
                "first_count": _ends(folded, energy)[0],
                "last_count": _ends(folded, energy)[1],
                "readings": sum(len(one.counts.get(energy.channel.key, [])) for one in folded.journals),
            }
            for energy in folded.energies
        ],
    }


def _ends(folded: Folded, energy: ChannelEnergy) -> tuple[int | None, int | None]:
    """The first and last raw count: where an audit of the figure ends."""
    series = sorted(reading for one in folded.journals for reading in one.counts.get(energy.channel.key, []))
    return (series[0][1], series[-1][1]) if series else (None, None)


def _slept_us(main: JournalData) -> int:
    return main.suspended_us[-1][1] - main.suspended_us[0][1] if main.suspended_us else 0


def _coverage(folded: Folded) -> float | None:
    parts = folded.added_up()
    if not parts or folded.duration_s <= 0:
        return None
    return _covered(parts, folded.start_us, folded.end_us)


def _covered(parts: list[ChannelEnergy], start_us: int, end_us: int) -> float:
    """The share of a window in which all of the parts were read, 0..1; the last digits of sums are not gaps."""
    read_s = min(one.part("covered_s", start_us, end_us) for one in parts)
    return min(1.0, round(read_s * 1e6 / (end_us - start_us), 9))


def _warnings(folded: Folded, slept_us: int) -> Iterator[str]:
    for one in folded.journals:
        yield from dict.fromkeys(one.warnings)
        yield from (f"journal {one.path.rpartition('/')[2]}: {problem}" for problem in one.problems)
    yield from folded.notes
    for energy in folded.energies:
        yield from energy.gaps[:5]
        if len(energy.gaps) > 5:
            yield f"{energy.channel.key}: {len(energy.gaps) - 5} more gaps"
    if slept_us > 1_000_000:
        yield f"the machine slept for {slept_us / 1e6:.0f} s: that time is not in the duration, nor is its energy"
    if not folded.energies:
        yield "no meter on this machine could be read: energy is unknown (joulewise doctor says why)"


def _phases(folded: Folded, run_id: str) -> Iterator[tuple[Phase, Window]]:
    """Phases with their window; one that nobody ended (a crash) ends with its journal."""
    for rank, one in enumerate(folded.journals):
        for begun in {phase["id"]: phase for phase in one.phases}.values():  # a full disk may write a line twice
            start_us = one.moment_us(begun["seq"])
            end_us = one.moment_us(one.phase_ends[begun["id"]]) if begun["id"] in one.phase_ends else one.end_us
            end_us = max(start_us, end_us)
            yield (
                Phase(
                    id=begun["id"],
                    run_id=run_id,
                    name=begun["name"],
                    started_s=(start_us - folded.start_us) / 1e6,
                    duration_s=(end_us - start_us) / 1e6,
                    parent_id=begun["parent_id"],
                ),
                Window(start_us, end_us, rank),
            )


def _measurements(
    folded: Folded, run_id: str, devices: dict[str, Device], phase_id: str | None, window: Window
) -> Iterator[Measurement]:
    summed: list[dict[str, Figure]] = []
    parts = folded.added_up()
    for energy in folded.energies:
        figures = window_figures(folded, energy, window)
        if figures is None:
            continue
        if energy in parts:
            summed.append(figures)
        coverage = _covered([energy], window.start_us, window.end_us)
        for attribution, figure in figures.items():
            yield Measurement(
                id=derived_id(run_id, phase_id, energy.channel.key, attribution),
                run_id=run_id,
                phase_id=phase_id,
                device_id=devices[energy.channel.device].id,
                quantity="energy_j",
                component=energy.channel.component,
                figure=figure,
                meter=energy.channel.key,
                attribution=attribution,
                boundary=_boundary([energy]),
                coverage=coverage,
            )
    yield from _totals(folded, run_id, phase_id, window, summed)


def _totals(
    folded: Folded, run_id: str, phase_id: str | None, window: Window, summed: list[dict[str, Figure]]
) -> Iterator[Measurement]:
    parts = folded.added_up()
    totals = total_figures(summed) if len(summed) == len(parts) else None  # a part of the sum is not the sum
    for attribution, figure in (totals or {}).items():
        yield Measurement(
            id=derived_id(run_id, phase_id, "total", attribution),
            run_id=run_id,
            phase_id=phase_id,
            quantity="energy_j",
            component="total",
            figure=figure,
            meter="+".join(one.channel.key for one in parts),
            attribution=attribution,
            boundary=_boundary(parts),
            coverage=_covered(parts, window.start_us, window.end_us),
        )
    if totals and window.duration_s > 0:
        yield from _at_the_wall(folded, run_id, phase_id, window, totals["machine"])
    cpu_s = folded.cpu_us(window) / 1e6
    yield Measurement(
        id=derived_id(run_id, phase_id, "cpu_time_s"),
        run_id=run_id,
        phase_id=phase_id,
        quantity="cpu_time_s",
        component="cpu",
        figure=Figure(
            value=cpu_s,
            low=max(0.0, cpu_s - 0.01),
            high=cpu_s + 0.01,
            unit="s",
            method=MEASURED,
            source="getrusage, /proc",
        ),
        meter="cputime",
        coverage=1.0,
    )


def _at_the_wall(
    folded: Folded, run_id: str, phase_id: str | None, window: Window, machine: Figure
) -> Iterator[Measurement]:
    """The machine's energy at the plug, where the machine was calibrated before the run and its counters were read."""
    parts = folded.added_up()
    text = folded.main.header.get("calibration")
    if not text or _boundary(parts) == "node":  # a model of the whole server, or a meter of the whole, is the wall
        return
    try:
        figure = apply(restored(text), machine, window.duration_s)
    except (ValueError, TypeError) as error:
        folded.notes.append(f"the machine's wall calibration can't be used: {error}")
        return
    yield Measurement(
        id=derived_id(run_id, phase_id, "wall", "machine"),
        run_id=run_id,
        phase_id=phase_id,
        quantity="energy_j",
        component="wall",
        figure=figure,
        meter="calibration",
        attribution="machine",
        boundary="node",
        coverage=_covered(parts, window.start_us, window.end_us),
    )


def _boundary(parts: list[ChannelEnergy]) -> str:
    """node, if the joules include power supply and fans; device, if only the metered parts."""
    whole = all(one.channel.quantity == "busy" or one.channel.component in WHOLE for one in parts)
    return "node" if whole else "device"


def _evaluations(folded: Folded, run_id: str) -> Iterator[Evaluation]:
    """Logged metrics; one that was logged again in the same phase keeps its last value, as training curves do."""
    last: dict[tuple[str, str | None], Evaluation] = {}
    for one in folded.journals:
        for logged in one.metrics:
            value, low, high = [*logged["figures"], None, None][:3]
            phase_id = logged["phase_id"]
            last[logged["metric"], phase_id] = Evaluation(
                id=derived_id(run_id, phase_id, "evaluation", logged["metric"]),
                run_id=run_id,
                phase_id=phase_id,
                metric=logged["metric"],
                value=value,
                low=low,
                high=high,
            )
    yield from last.values()
