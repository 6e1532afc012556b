"""What a figure equals in everyday things; shown only to those who ask, always with the edition of the number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from joulewise.core.records import Bundle
from joulewise.report.digits import shown
from joulewise.report.how import factor_step
from joulewise.report.view import Row, Step

if TYPE_CHECKING:
    from joulewise.carbon import Equivalent


def equivalents_of(bundle: Bundle) -> list[Row]:
    """Equivalents of the run's energy and of its location-based emissions."""
    from joulewise import carbon

    wanted = [
        one.figure
        for one in bundle.calculations
        if one.phase_id is None and one.name in ("facility_energy_j", "emissions_g") and one.basis != "market"
    ]
    return equivalent_rows(found for figure in wanted for found in carbon.equivalents_of(figure))


def equivalent_rows(found: Iterable[Equivalent]) -> list[Row]:
    """A row an equivalent: "0.004 × kilometres by car", with its factor as the explanation."""
    return [
        Row(
            key=f"equivalent.{one.quantity}.{one.name}",
            label=one.label or one.name,
            figure=one.count,
            shown=f"{shown(one.count)} ×",
            method=one.count.method,
            note=f"{one.quantity}; edition {one.vintage}",
            how=Step(
                kind="calculation",
                name=one.name,
                shown=shown(one.count),
                text=f"the run's {one.quantity} divided by that of one",
                inputs=(factor_step(one.factor),),
            ),
        )
        for one in found
    ]
