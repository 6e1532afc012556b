"""Bundles for tests of stores: small, all alike, and each with ids of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from joulewise import ledger
from joulewise.core.figures import Figure
from joulewise.core.records import Bundle, Calculation, Measurement, Run
from joulewise.core.ulid import new_ulid
from joulewise.testing.bundles import example_bundle

FIRST = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def empty_ledger(path: Path) -> str:
    """Lay an empty SQLite ledger there and return its path: a copy, since to migrate each anew takes longer than most
    tests."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(_migrated())
    path.chmod(0o600)
    return str(path)


@cache
def _migrated() -> bytes:
    with TemporaryDirectory(prefix="joulewise-") as folder:
        path = Path(folder) / "ledger.db"
        ledger.open(str(path)).close()
        return path.read_bytes()


def store_id(number: int, *, at: datetime = FIRST) -> str:
    """A real ULID, the same for the same number; later numbers are not later ids."""
    entropy = sha256(str(number).encode()).digest()[:10]
    return new_ulid(round(at.timestamp() * 1e9), entropy)


def small_bundle(
    number: int = 1, *, energy_j: float | None = 100.0, emissions_g: float | None = 5.0, **run: Any
) -> Bundle:
    """Run `number`, started that many minutes after FIRST, with an energy and an emissions figure or without."""
    started = FIRST + timedelta(minutes=number)
    id = run.pop("id", store_id(number, at=started))
    values: dict[str, Any] = {
        "kind": "train",
        "name": f"run-{number}",
        "status": "finished",
        "started_at": started,
        "ended_at": started + timedelta(seconds=60),
        "duration_s": 60.0,
    }
    return Bundle(
        run=Run(id=id, **{**values, **run}),
        measurements=() if energy_j is None else (total_energy(id, energy_j),),
        calculations=() if emissions_g is None else (total_emissions(id, emissions_g),),
    )


def total_energy(run_id: str, energy_j: float, **changes: Any) -> Measurement:
    """A run's total energy with its idle share, bounds 10 % either way."""
    return Measurement(
        **{
            "id": "energy",
            "run_id": run_id,
            "quantity": "energy_j",
            "component": "total",
            "figure": Figure(value=energy_j, low=energy_j * 0.9, high=energy_j * 1.1, unit="J", method="measured"),
            "meter": "test",
            "attribution": "with_idle_share",
            **changes,
        }
    )


def total_emissions(run_id: str, emissions_g: float, **changes: Any) -> Calculation:
    """A run's location-based emissions, bounds 20 % either way."""
    return Calculation(
        **{
            "id": "emissions",
            "run_id": run_id,
            "name": "emissions_g",
            "formula_id": "test.emissions_g",
            "formula_version": 1,
            "inputs": {"energy_j": {"measurement": "energy", "value": 100.0}},
            "figure": Figure(
                value=emissions_g, low=emissions_g * 0.8, high=emissions_g * 1.2, unit="g", method="modelled"
            ),
            "basis": "location",
            **changes,
        }
    )


def full_bundle(number: int = 1, **run: Any) -> Bundle:
    """The example run, with every kind of record, under an id of its own."""
    bundle = example_bundle()
    id = store_id(number)
    kinds = ("phases", "measurements", "evaluations", "calculations", "traces")
    children: dict[str, Any] = {
        kind: tuple(replace(record, run_id=id) for record in getattr(bundle, kind)) for kind in kinds
    }
    return replace(bundle, run=replace(bundle.run, id=id, **run), **children)
