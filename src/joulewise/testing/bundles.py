"""A realistic run as records, for tests of exporters, stores and pages; all ids and times are fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from joulewise.core.figures import DEFAULT, MEASURED, MODELLED, Figure
from joulewise.core.records import (
    Bundle,
    Calculation,
    Device,
    Evaluation,
    Factor,
    Host,
    Measurement,
    Phase,
    Run,
)

STARTED = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
RUN_ID = "01KKPB3RJ80000000000D1G1TS"


def example_id(name: str) -> str:
    """A ULID-shaped id that says what it names."""
    letters = "".join(character for character in name.upper() if character.isalnum())
    for forbidden, twin in zip("ILOU", "1100", strict=True):
        letters = letters.replace(forbidden, twin)
    return f"01KKPB3RJ8{letters[-16:]:0>16}"


def figure(value: float, low: float, high: float, unit: str, method: str = MODELLED) -> Figure:
    """A figure whose source is the example."""
    return Figure(value=value, low=low, high=high, unit=unit, method=method, source="example")


def example_bundle(**run_changes: Any) -> Bundle:
    """A training run on a virtual machine with a measured GPU and a modelled CPU: phases, quality, carbon, money.

    Fields of the Run may be replaced by name; everything hangs together as filed runs do.
    """
    run = Run(
        id=RUN_ID,
        kind="train",
        name="digits",
        status="finished",
        started_at=STARTED,
        ended_at=STARTED + timedelta(seconds=84.213),
        duration_s=84.213,
        host_id=example_id("host"),
        project="digits-demo",
        command=("python", "train.py", "--epochs", "3"),
        exit_code=0,
        unit="inference",
        unit_count=17970.0,
        coverage=0.994,
        seed=7,
        tags={"team": "vision", "branch": "main"},
        git={"commit": "3f2c9e1d7b", "branch": "main", "dirty": True},
        environment={"python": "3.11.9", "joulewise": "0.1.0", "channels": CHANNELS},
    )
    measurements = example_measurements()
    return Bundle(
        run=replace(run, **run_changes),
        host=Host(
            id=example_id("host"),
            name="trainer-1",
            cpu_family="AMD EPYC 7003 (Milan)",
            cpu_count=8,
            memory_gb=30.9,
            virtual=True,
        ),
        devices=tuple(
            Device(id=example_id(key), host_id=example_id("host"), key=key, component=component, name=name)
            for key, component, name in (
                ("cpu:0", "cpu", "AMD EPYC 7003 (Milan)"),
                ("GPU-5f1e", "gpu", "NVIDIA L4"),
            )
        ),
        phases=example_phases(),
        measurements=measurements,
        evaluations=(
            Evaluation(id=example_id("ev1"), run_id=RUN_ID, metric="accuracy", value=0.912),
            Evaluation(
                id=example_id("ev2"), run_id=RUN_ID, metric="accuracy", value=0.9711, low=0.958, high=0.981, n=540
            ),
            Evaluation(id=example_id("ev3"), run_id=RUN_ID, metric="loss", value=0.1034),
        ),
        factors=example_factors(),
        calculations=example_calculations(),
    )


CHANNELS: tuple[Mapping[str, Any], ...] = (
    {
        "key": "model:cpu",
        "component": "cpu",
        "device": "cpu:0",
        "quantity": "busy",
        "scale": 1e-6,
        "method": "modelled",
        "source": "SPECpower, AMD EPYC 7003, 8 of 128 threads",
        "low_ratio": 0.72,
        "high_ratio": 1.41,
        "first_count": 10_204_133,
        "last_count": 471_002_518,
    },
    {
        "key": "model:dram",
        "component": "dram",
        "device": "dram:0",
        "quantity": "power",
        "scale": 1e-3,
        "method": "modelled",
        "source": "capacity, 0.2 to 0.6 W a GB",
        "low_ratio": 0.5,
        "high_ratio": 1.6,
        "within": "model:cpu",
    },
    {
        "key": "nvml:GPU-5f1e",
        "component": "gpu",
        "device": "GPU-5f1e",
        "quantity": "energy",
        "scale": 1e-3,
        "method": "measured",
        "source": "NVML total energy counter",
        "low_ratio": 0.95,
        "high_ratio": 1.05,
        "first_count": 88_120_455,
        "last_count": 91_411_210,
    },
)
_ENERGIES: tuple[tuple[str, str, str, float, float, float, str, str], ...] = (
    ("cpu", "dynamic", "model:cpu", 1204.0, 870.0, 1690.0, MODELLED, "cpu:0"),
    ("cpu", "with_idle_share", "model:cpu", 1871.0, 1350.0, 2640.0, MODELLED, "cpu:0"),
    ("cpu", "machine", "model:cpu", 2105.0, 1515.0, 2970.0, MODELLED, "cpu:0"),
    ("gpu", "dynamic", "nvml:GPU-5f1e", 2430.2, 2308.7, 2551.7, MEASURED, "GPU-5f1e"),
    ("gpu", "with_idle_share", "nvml:GPU-5f1e", 3290.8, 3126.2, 3455.3, MEASURED, "GPU-5f1e"),
    ("gpu", "machine", "nvml:GPU-5f1e", 3290.8, 3126.2, 3455.3, MEASURED, "GPU-5f1e"),
    ("total", "dynamic", "model:cpu+nvml:GPU-5f1e", 3634.2, 3178.7, 4241.7, MODELLED, ""),
    ("total", "with_idle_share", "model:cpu+nvml:GPU-5f1e", 5161.8, 4476.2, 6095.3, MODELLED, ""),
    ("total", "machine", "model:cpu+nvml:GPU-5f1e", 5395.8, 4641.2, 6425.3, MODELLED, ""),
)
_PHASES: tuple[tuple[str, str, float, float, float], ...] = (
    ("load", "", 0.6, 3.1, 120.0),
    ("train", "", 3.8, 71.4, 4701.0),
    ("epoch", "train", 4.0, 23.2, 1561.0),
    ("epoch", "train", 27.3, 23.6, 1570.0),
    ("epoch", "train", 51.1, 23.9, 1570.0),
    ("evaluate", "", 75.4, 8.2, 302.0),
)


def example_measurements() -> tuple[Measurement, ...]:
    """Energy by component and attribution, energy of the phases, CPU time and peak power."""
    whole = [
        Measurement(
            id=example_id(f"m{number}"),
            run_id=RUN_ID,
            quantity="energy_j",
            component=component,
            figure=figure(value, low, high, "J", method),
            meter=meter,
            attribution=attribution,
            coverage=0.994,
            device_id=example_id(device) if device else None,
        )
        for number, (component, attribution, meter, value, low, high, method, device) in enumerate(_ENERGIES)
    ]
    phases = [
        Measurement(
            id=example_id(f"pm{number}"),
            run_id=RUN_ID,
            quantity="energy_j",
            component="total",
            figure=figure(energy_j, energy_j * 0.87, energy_j * 1.18, "J"),
            meter="model:cpu+nvml:GPU-5f1e",
            attribution="with_idle_share",
            coverage=0.99,
            phase_id=example_id(f"ph{number}"),
        )
        for number, (_, _, _, _, energy_j) in enumerate(_PHASES)
    ]
    cpu_time = Measurement(
        id=example_id("mcpu"),
        run_id=RUN_ID,
        quantity="cpu_time_s",
        component="cpu",
        figure=figure(212.38, 212.38, 212.38, "s", MEASURED),
        meter="getrusage",
        attribution="dynamic",
        coverage=1.0,
    )
    return (*whole, *phases, cpu_time)


def example_phases() -> tuple[Phase, ...]:
    """Load, train with three epochs in it, evaluate."""
    train = example_id("ph1")
    return tuple(
        Phase(
            id=example_id(f"ph{number}"),
            run_id=RUN_ID,
            name=name,
            started_s=started_s,
            duration_s=duration_s,
            parent_id=train if parent else None,
        )
        for number, (name, parent, started_s, duration_s, _) in enumerate(_PHASES)
    )


def example_trace() -> dict[str, list[float | None]]:
    """Two channels at one reading a second with a gap of five seconds, as a trace file holds them."""
    t_s = [float(second) for second in range(1, 86)]
    gap = range(40, 45)
    return {
        "t_s": list(t_s),
        "model:cpu_w": [None if at in gap else 18.0 + 9.0 * ((at * 7) % 5) / 4 for at in range(85)],
        "nvml:GPU-5f1e_w": [
            None if at in gap else (16.2 if at < 4 or at > 76 else 38.0 + (at % 9)) for at in range(85)
        ],
        "mine_w": [None if at in gap else (30.1 if at < 4 or at > 76 else 54.0 + (at % 9)) for at in range(85)],
    }


def example_factors() -> tuple[Factor, ...]:
    """An intensity, a PUE by default, a water factor, a price and an embodied default."""
    rows: tuple[tuple[str, str, float, float, float, str, str], ...] = (
        ("intensity", "DE", 344.0, 310.0, 378.0, "g/kWh", "modelled"),
        ("pue", "world", 1.56, 1.1, 2.0, "ratio", DEFAULT),
        ("ewif", "DE", 1.9, 0.9, 3.4, "L/kWh", "modelled"),
        ("price", "given", 0.31, 0.31, 0.31, "EUR/kWh", "reported"),
        ("embodied", "gpu-server", 2_500_000.0, 1_200_000.0, 4_000_000.0, "g", DEFAULT),
    )
    return tuple(
        Factor(
            id=example_id(f"f{kind}"),
            set_id="2026.1",
            kind=kind,
            zone=zone,
            value=value,
            low=low,
            high=high,
            unit=unit,
            source="Example Grid Statistics",
            url="https://example.org/grid",
            licence="CC-BY-4.0",
            version="2026.1",
            valid_from="2025-01-01",
            valid_to="2026-12-31",
            resolution="year",
            method=method,
            signal="average" if kind == "intensity" else "",
            basis="lifecycle" if kind == "intensity" else "",
            scope="consumption" if kind == "intensity" else "",
            gwp="AR5" if kind == "intensity" else "",
        )
        for kind, zone, value, low, high, unit, method in rows
    )


def example_calculations() -> tuple[Calculation, ...]:
    """Facility energy, carbon, money, water and the functional unit, each with its inputs."""
    energy = ("measurement", "m7", 5161.8, 4476.2, 6095.3, "J", MODELLED)
    facility = ("calculation", "cfacility", 8052.4, 5600.0, 10600.0, "J", DEFAULT)
    operational = ("calculation", "coperational", 0.769, 0.53, 1.03, "g", DEFAULT)
    embodied = ("calculation", "cembodied", 0.41, 0.12, 0.9, "g", DEFAULT)
    emissions = ("calculation", "cemissions", 1.18, 0.8, 1.71, "g", DEFAULT)
    count = ("count", "inference", 17970.0, 17970.0, 17970.0, "inference", MEASURED)
    made: tuple[tuple[str, str, str, tuple[float, float, float], str, dict[str, tuple[Any, ...]]], ...] = (
        ("cfacility", "facility_energy_j", "", (8052.4, 5600.0, 10600.0), "J",
         {"energy_j": energy, "pue": ("factor", "fpue", 1.56, 1.1, 2.0, "ratio", DEFAULT)}),
        ("coperational", "operational_g", "location", (0.769, 0.53, 1.03), "g",
         {"energy_j": facility,
          "intensity_g_per_kwh": ("factor", "fintensity", 344.0, 310.0, 378.0, "g/kWh", MODELLED)}),
        ("cembodied", "embodied_g", "", (0.41, 0.12, 0.9), "g",
         {"total_g": ("factor", "fembodied", 2.5e6, 1.2e6, 4e6, "g", DEFAULT),
          "reserved_s": ("run", "duration_s", 84.213, 84.213, 84.213, "s", MEASURED),
          "lifespan_s": ("setting", "lifespan_years", 126_144_000.0, 94_608_000.0, 189_216_000.0, "s", DEFAULT)}),
        ("cemissions", "emissions_g", "location", (1.18, 0.8, 1.71), "g",
         {"operational_g": operational, "embodied_g": embodied}),
        ("ccost", "cost", "", (0.000693, 0.00048, 0.00092), "EUR",
         {"energy_j": facility,
          "price_per_kwh": ("factor", "fprice", 0.31, 0.31, 0.31, "EUR/kWh", "reported")}),
        ("cwater", "water_l", "", (0.00425, 0.0016, 0.009), "L",
         {"energy_j": facility, "ewif_l_per_kwh": ("factor", "fewif", 1.9, 0.9, 3.4, "L/kWh", MODELLED)}),
        ("cenergyper", "energy_j_per_unit", "", (0.2872, 0.2491, 0.3392), "J/inference",
         {"energy_j": energy, "unit_count": count}),
        ("csci", "sci_g_per_unit", "location", (6.57e-5, 4.4e-5, 9.6e-5), "g/inference",
         {"emissions_g": emissions, "unit_count": count}),
    )  # fmt: skip
    return tuple(
        Calculation(
            id=example_id(id),
            run_id=RUN_ID,
            name=name,
            formula_id=f"carbon.{name}",
            formula_version=1,
            inputs={parameter: _entry(*entry) for parameter, entry in inputs.items()},
            figure=figure(*bounds, unit, DEFAULT if unit != "J/inference" else MODELLED),
            basis=basis,
        )
        for id, name, basis, bounds, unit, inputs in made
    )


def _entry(kind: str, name: str, value: float, low: float, high: float, unit: str, method: str) -> Mapping[str, Any]:
    reference = example_id(name) if kind in ("measurement", "factor", "calculation") else name
    return {kind: reference, "value": value, "low": low, "high": high, "unit": unit, "method": method}
