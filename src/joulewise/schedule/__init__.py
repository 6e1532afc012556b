"""Where and when a job runs best, the places that run it, and what that saved.

Other rooms use the names below; they load on first use: a measured process that asks for checkpoints needs no NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from joulewise.core.errors import PluginMissing

if TYPE_CHECKING:
    from joulewise.schedule.front import Choice
    from joulewise.schedule.places import Place, place_of
    from joulewise.schedule.planner import Planned, plan_in_full, plan_job
    from joulewise.schedule.rank import RankedRegion, rank_regions
    from joulewise.schedule.replanning import plan_with
    from joulewise.schedule.request import Request, job_of
    from joulewise.schedule.savings import Terms, decide
    from joulewise.schedule.savings_sum import Savings, savings_by_type, sum_savings

_HOME = {
    "Choice": "front",
    "Place": "places",
    "Planned": "planner",
    "RankedRegion": "rank",
    "Request": "request",
    "Savings": "savings_sum",
    "Terms": "savings",
    "decide": "savings",
    "job_of": "request",
    "place_of": "places",
    "plan_in_full": "planner",
    "plan_job": "planner",
    "plan_with": "replanning",
    "rank_regions": "rank",
    "savings_by_type": "savings_sum",
    "sum_savings": "savings_sum",
}

__all__ = [
    "Choice",
    "Place",
    "Planned",
    "RankedRegion",
    "Request",
    "Savings",
    "Terms",
    "decide",
    "job_of",
    "place_of",
    "plan_in_full",
    "plan_job",
    "plan_with",
    "rank_regions",
    "savings_by_type",
    "sum_savings",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"joulewise.schedule.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        raise PluginMissing("planning needs NumPy", hint="pip install 'joulewise[schedule]'") from error
