"""Quality and cost of a model: load it, measure it beside others, rank by efficiency, say what is proven."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from joulewise.core.errors import PluginMissing

if TYPE_CHECKING:
    from joulewise.compare.artifacts import artifact_of, overruled, with_task
    from joulewise.compare.bench_plan import BenchPlan
    from joulewise.compare.benching import Measured, attach_energy, bench
    from joulewise.compare.blocks import Block
    from joulewise.compare.cards import model_card
    from joulewise.compare.devices import Seen, device_table
    from joulewise.compare.edge import EdgeProfile, check_edge, edge_profile, edge_profiles
    from joulewise.compare.efficiency import Costs, Efficiency, along_the_front, efficiency_of
    from joulewise.compare.energy_score import stars
    from joulewise.compare.entering import costs_of, entries_of
    from joulewise.compare.estimating import Choices, Estimate, estimate
    from joulewise.compare.floors import Entry, Floor, floor_of
    from joulewise.compare.four_ms import Changes, Situation, what_if
    from joulewise.compare.fronts import Ranking, rank
    from joulewise.compare.observing import Condition
    from joulewise.compare.opening import native_runtime, open_model, runtimes_for
    from joulewise.compare.outputs import Prediction, canonical
    from joulewise.compare.paired import Change, quality_change, ratio_of
    from joulewise.compare.quality import Metric, metric_of, quality_of, rows_needed
    from joulewise.compare.rows import Rows, overlap, read_rows
    from joulewise.compare.worker import Limits, Worker

_HOME = {
    "BenchPlan": "bench_plan",
    "Block": "blocks",
    "Change": "paired",
    "Changes": "four_ms",
    "Choices": "estimating",
    "Condition": "observing",
    "Costs": "efficiency",
    "EdgeProfile": "edge",
    "Efficiency": "efficiency",
    "Entry": "floors",
    "Estimate": "estimating",
    "Floor": "floors",
    "Limits": "worker",
    "Measured": "benching",
    "Metric": "quality",
    "Prediction": "outputs",
    "Ranking": "fronts",
    "Rows": "rows",
    "Seen": "devices",
    "Situation": "four_ms",
    "Worker": "worker",
    "along_the_front": "efficiency",
    "artifact_of": "artifacts",
    "attach_energy": "benching",
    "bench": "benching",
    "canonical": "outputs",
    "check_edge": "edge",
    "costs_of": "entering",
    "device_table": "devices",
    "edge_profile": "edge",
    "edge_profiles": "edge",
    "efficiency_of": "efficiency",
    "entries_of": "entering",
    "estimate": "estimating",
    "floor_of": "floors",
    "metric_of": "quality",
    "model_card": "cards",
    "native_runtime": "opening",
    "open_model": "opening",
    "overlap": "rows",
    "quality_change": "paired",
    "quality_of": "quality",
    "rank": "fronts",
    "ratio_of": "paired",
    "read_rows": "rows",
    "rows_needed": "quality",
    "runtimes_for": "opening",
    "stars": "energy_score",
    "what_if": "four_ms",
    "with_task": "artifacts",
    "overruled": "artifacts",
}

__all__ = [
    "BenchPlan",
    "Block",
    "Change",
    "Changes",
    "Choices",
    "Condition",
    "Costs",
    "EdgeProfile",
    "Efficiency",
    "Entry",
    "Estimate",
    "Floor",
    "Limits",
    "Measured",
    "Metric",
    "Prediction",
    "Ranking",
    "Rows",
    "Seen",
    "Situation",
    "Worker",
    "along_the_front",
    "artifact_of",
    "attach_energy",
    "bench",
    "canonical",
    "check_edge",
    "costs_of",
    "device_table",
    "edge_profile",
    "edge_profiles",
    "efficiency_of",
    "entries_of",
    "estimate",
    "floor_of",
    "metric_of",
    "model_card",
    "native_runtime",
    "open_model",
    "overlap",
    "overruled",
    "quality_change",
    "quality_of",
    "rank",
    "ratio_of",
    "read_rows",
    "rows_needed",
    "runtimes_for",
    "stars",
    "what_if",
    "with_task",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"joulewise.compare.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name not in ("numpy", "sklearn", "scipy"):
            raise
        raise PluginMissing(f"compare needs {error.name}", hint="pip install 'joulewise[compare]'") from error
