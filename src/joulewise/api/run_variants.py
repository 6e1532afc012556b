"""A measured run as a line of a leaderboard: the quality that it logged last, and what it took per unit or in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from joulewise.compare.observing import ENERGY
from joulewise.core.figures import MEASURED, REPORTED, Figure, scaled
from joulewise.core.variants import Observation, Variant
from joulewise.report.energy_rows import find_energy

if TYPE_CHECKING:
    from joulewise.core.records import Bundle, Evaluation

WHOLE_RUN = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunVariant:
    """A run in the shape of a variant. `unit` is its functional unit, or "run" where nobody counted units."""

    variant: Variant
    metric: str
    unit: str


def run_variant(bundle: Bundle, metric: str = "") -> RunVariant | None:
    """The run with its last evaluation of `metric` (or of whichever it logged first); None if it logged none."""
    logged = [one for one in bundle.evaluations if metric in ("", one.metric)]
    if not logged:
        return None
    named = [one for one in logged if one.metric == logged[0].metric]
    run = bundle.run
    unit = run.unit if run.unit and run.unit_count else WHOLE_RUN
    seen = [Observation(quantity=named[-1].metric, figure=_quality(named[-1]), n=named[-1].n)]
    energy = find_energy(bundle, "with_idle_share")
    if energy is not None:
        count = run.unit_count if unit != WHOLE_RUN and run.unit_count else 1.0
        seen.append(Observation(quantity=ENERGY, figure=scaled(energy.figure, 1.0 / count)))
    variant = Variant(
        id=run.id,
        run_id=run.id,
        model_id="",
        name=run.name or run.id,
        runtime=run.kind,
        status="ok" if run.status == "finished" else "failed",
        reason="" if run.status == "finished" else f"the run was {run.status}",
        observations=tuple(seen),
    )
    return RunVariant(variant=variant, metric=named[-1].metric, unit=unit)


def _quality(one: Evaluation) -> Figure:
    """As it was logged; without bounds it claims none, and says so in its source."""
    low = one.value if one.low is None else one.low
    high = one.value if one.high is None else one.high
    told = "as the run logged it" + ("" if one.low is not None else ", without bounds")
    method = MEASURED if one.low is not None else REPORTED
    return Figure(value=one.value, low=low, high=high, unit="1", method=method, source=told)
