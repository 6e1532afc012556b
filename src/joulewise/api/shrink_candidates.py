"""Every candidate of a shrink as a list: what it costs, what became of it, and why."""

from __future__ import annotations

from collections.abc import Sequence

from joulewise.api.shrink_showing import Candidate
from joulewise.report.listing import Listing, simple
from joulewise.report.measures import ABSENT


def candidate_list(candidates: Sequence[Candidate]) -> Listing:
    """A line each. The cost is CPU time per inference against the original's, as screened."""
    lines = [
        (one.name, ABSENT if one.cost_ratio is None else f"{one.cost_ratio:.3g}", one.status, one.reason)
        for one in candidates
    ]
    records = tuple(
        {"name": one.name, "cpu_time_ratio": one.cost_ratio, "status": one.status, "reason": one.reason}
        for one in candidates
    )
    return Listing(grid=simple("Candidates", ("Candidate", "CPU time", "Outcome", "Why"), lines), records=records)
