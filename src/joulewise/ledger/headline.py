"""The two figures that lists show of a run, its energy and its emissions, copied into its row when it is filed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from joulewise.core.figures import Figure
from joulewise.core.records import Bundle, Calculation, Measurement

_PREFERENCE = ("with_idle_share", None, "machine", "dynamic")


def energy_of(bundle: Bundle) -> Measurement | None:
    """The run's total energy: with its idle share, else whatever total there is. None if nothing was measured."""
    totals = [row for row in bundle.measurements if _is_total(row, "energy_j")]
    totals.sort(key=lambda row: (_PREFERENCE.index(row.attribution), row.pue_included))
    return totals[0] if totals else None


def emissions_of(bundle: Bundle) -> Calculation | Measurement | None:
    """The run's location-based emissions: calculated, else as another tool reported them, else None."""
    calculated = headline_calculation(bundle.calculations)
    if calculated is not None:
        return calculated
    reported = [row for row in bundle.measurements if _is_total(row, "emissions_g")]
    return reported[0] if reported else None


def headline_calculation(calculations: Iterable[Calculation]) -> Calculation | None:
    """The last calculation named `emissions_g` of the whole run that isn't market-based and that none supersedes."""
    rows = list(calculations)
    replaced = {row.supersedes for row in rows}
    found = [row for row in rows if _is_headline(row) and row.id not in replaced]
    return found[-1] if found else None


def _is_headline(row: Calculation) -> bool:
    return row.name == "emissions_g" and row.phase_id is None and "market" not in row.basis


def _is_total(row: Measurement, quantity: str) -> bool:
    return row.quantity == quantity and row.component == "total" and row.phase_id is None


def headline_columns(bundle: Bundle) -> dict[str, Any]:
    """The columns of the run's row that repeat the two figures."""
    energy, emissions = energy_of(bundle), emissions_of(bundle)
    return {
        **_columns("energy", "j", energy.id if energy else None, energy.figure if energy else None),
        "energy_attribution": energy.attribution if energy else None,
        **_columns("emissions", "g", emissions.id if emissions else None, emissions.figure if emissions else None),
    }


def _columns(name: str, unit: str, id: str | None, figure: Figure | None) -> dict[str, Any]:
    return {
        f"{name}_id": id,
        f"{name}_{unit}": figure.value if figure else None,
        f"{name}_low_{unit}": figure.low if figure else None,
        f"{name}_high_{unit}": figure.high if figure else None,
        f"{name}_method": figure.method if figure else None,
    }
