"""Efficiency of what was benched: quality over size, energy, time; training beside inference where its run is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joulewise import compare
from joulewise.api import filing
from joulewise.core.figures import MEASURED, Figure, exact
from joulewise.core.settings import Settings
from joulewise.core.variants import Model, Variant
from joulewise.report.bench_lists import efficiencies_list
from joulewise.report.energy_rows import find_energy

if TYPE_CHECKING:
    from joulewise.api.boards import Board
    from joulewise.compare import Costs, Entry
    from joulewise.report.listing import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What it took to train a model: energy with its idle share (None if no meter was read), wall-clock time."""

    energy: Figure | None
    duration: Figure
    boundary: str = "device"


def trained_by(runs: Mapping[str, str], settings: Settings) -> dict[str, Training]:
    """The training runs by model name ("" for all models). Raises NotFound for a run that is not in the ledger."""
    if not runs:
        return {}
    with filing.current(settings) as ledger:
        bundles = {name: ledger.bundle(ledger.resolve(run)) for name, run in runs.items()}
    found: dict[str, Training] = {}
    for name, bundle in bundles.items():
        energy = find_energy(bundle, "with_idle_share")
        found[name] = Training(
            energy=energy.figure if energy else None,
            duration=exact(bundle.run.duration_s, "s", MEASURED, f"run {bundle.run.id}"),
            boundary=energy.boundary if energy else "device",
        )
    return found


def efficiency_of_board(
    board: Board, variants: Sequence[Variant], models: Mapping[str, Model], training: Mapping[str, Training]
) -> Listing:
    """A column a variant that was measured to the end, and the steps along the front."""
    by_id = {one.id: one for one in variants}
    entries = [place.entry for place in board.ranking.places]
    found = {
        one.name: compare.efficiency_of(_costs(one, by_id[one.id], board, models, training))
        for one in entries
        if one.id in by_id
    }
    front = [one for one in entries if one.name in board.ranking.front]
    return efficiencies_list(found, compare.along_the_front(front))


def _costs(
    entry: Entry, variant: Variant, board: Board, models: Mapping[str, Model], training: Mapping[str, Training]
) -> Costs:
    trained = training.get(entry.name, training.get(""))
    known: dict[str, Any] = {}
    if trained is not None:
        known = {
            "training_duration": trained.duration,
            "training_energy": trained.energy,
            "training_boundary": trained.boundary,
        }
    return compare.costs_of(
        variant,
        entry.metric,
        condition=board.condition,
        model=models.get(variant.model_id),
        greater_is_better=entry.greater_is_better,
        inference_boundary=board.view.boundary,
        **known,
    )
