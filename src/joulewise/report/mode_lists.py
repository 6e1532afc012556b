"""A bench as MLPerf Power tells energy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from joulewise.report.listing import Listing, figure_fields, simple
from joulewise.report.measures import with_interval

if TYPE_CHECKING:
    from joulewise.compare.mlperf import PowerResult

_HEADS = {"offline": ("Samples per joule", "1/j"), "single-stream": ("Energy of a stream", "j")}
_NOTHING = "No model has energy: nothing to tell. Try: joulewise doctor"


def power_list(found: Mapping[str, PowerResult], scenario: str) -> Listing:
    """A line a model."""
    head, unit = _HEADS[scenario]
    title = f"MLPerf-Power-like, {scenario}"
    grid = simple(
        title, ("Variant", head), [(name, with_interval(one.figure)) for name, one in found.items()], numeric=(head,)
    )
    records = tuple(
        {
            "mode": scenario,
            "variant": name,
            "boundary": one.boundary,
            **figure_fields("samples_per_joule" if unit == "1/j" else "stream", unit, one.figure),
            "differences": list(one.differences),
        }
        for name, one in found.items()
    )
    differences = next((one.differences for one in found.values()), ())
    told = f"{title}; it differs from a submission: {'; '.join(differences)}." if found else _NOTHING
    return Listing(grid=grid, records=records, header=title, footer=told)
