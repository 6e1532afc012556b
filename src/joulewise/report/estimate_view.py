"""An estimate as a card: the figures with their bands, how each was got, and the same job by others' formulas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

from joulewise.core.figures import Figure
from joulewise.report.digits import number, shown
from joulewise.report.escape import markdown, plain, to_ascii
from joulewise.report.listing import Listing, Style, draw, simple

if TYPE_CHECKING:
    from joulewise.compare import Estimate
    from joulewise.compare.estimating import Term

_GIVEN = "as given"
_MODELLED = (
    "Modelled, not measured: a rated power is no mean draw and a peak is no throughput, so the bands are wide. "
    "Measure the first minutes: joulewise run -- COMMAND"
)
_INPUTS = {
    "utilisation": "share used", "host_ratio": "system over devices", "tdp_w": "TDP", "peak_flop_per_s": "peak",
    "power_w": "power", "duration_s": "device time", "it_energy_j": "energy", "device_count": "devices",
}  # fmt: skip


def estimate_list(found: Estimate) -> Listing:
    """A line a step, then a line an estimator."""
    columns = ("What", "Figure (95 % band)", "How", "Method")
    lines = [_line(term) for term in found.terms]
    lines += [(f"by {term.label}", _shown(term), _how(term), term.figure.method) for term in found.others]
    records = (
        *(_record(term, "step", found.region) for term in found.terms),
        *(_record(term, "other-estimator", found.region) for term in found.others),
    )
    grid = simple(found.title, columns, lines, numeric=("Figure (95 % band)",), spare=("Method",))
    return Listing(grid=grid, records=records, footer="\n".join(told(found)))


def draw_estimate(found: Estimate, format: str, style: Style | None = None) -> str:
    """In one of listing.FORMATS; on a terminal a card with the totals first."""
    style = style or Style()
    if format == "markdown":
        notes = "".join(f"- {markdown(line)}\n" for line in told(found))
        return f"{draw(estimate_list(found), format, style)}\n{notes}"
    if format != "table":
        return draw(estimate_list(found), format, style)
    head = [plain(found.title), *(f"  {label}: {text}" for label, text in headline(found)), ""]
    steps = simple("Steps", ("What", "Figure (95 % band)", "How"), [_line(term)[:3] for term in found.terms],
                   numeric=("Figure (95 % band)",))  # fmt: skip
    parts = ["\n".join(head), draw(Listing(grid=steps, records=()), "table", style)]
    if found.others:
        others = [(term.label, _shown(term)) for term in found.others]
        grid = simple("Others", ("The same job by", "Energy"), others, numeric=("Energy",))
        parts.append(draw(Listing(grid=grid, records=()), "table", style))
    below = [fill(plain(line), max(style.width, 20), subsequent_indent="  ") for line in told(found)]
    text = "\n".join([*parts, *below]) + "\n"
    return to_ascii(text) if style.ascii_only and not style.color else text


def headline(found: Estimate) -> list[tuple[str, str]]:
    """The totals that are known, energy beside carbon."""
    totals = (
        ("Energy with PUE", found.facility_energy),
        ("Energy of the machines", None if found.facility_energy else found.energy),
        ("Carbon", found.emissions),
        ("FLOP", None if found.energy else found.flop),
    )
    return [(label, _text(figure)) for label, figure in totals if figure is not None]


def told(found: Estimate) -> list[str]:
    """What is missing, how far the estimators lie apart, and that it is all modelled."""
    return [*found.notices, *_spread(found.others), _MODELLED]


def _spread(others: Sequence[Term]) -> Iterator[str]:
    values = [one.figure.value for one in others]
    if len(values) > 1 and min(values) > 0:
        yield f"Published formulas lie {number(float(f'{max(values) / min(values):.2g}'))} times apart for this job."


def _line(term: Term) -> tuple[str, str, str, str]:
    return term.label, _shown(term), _how(term), term.figure.method


def _shown(term: Term) -> str:
    return _text(term.figure)


def _text(figure: Figure) -> str:
    if figure.unit == "FLOP":
        low, high = (f"{one:.3g}" for one in (figure.low, figure.high))
        return f"{figure.value:.3g} FLOP" + (f" ({low} – {high})" if low != high else "")
    return shown(figure)


def _how(term: Term) -> str:
    if term.formula is None:
        return term.figure.source or _GIVEN
    bands = [f"{_INPUTS[name]} {_brief(one)}" for name, one in term.inputs.items() if name in _INPUTS]
    return f"{term.formula.expression}" + (f"; {', '.join(bands)}" if bands else "")


def _brief(figure: Figure) -> str:
    if figure.unit == "FLOP/s":
        return f"{number(figure.value / 1e12)} TFLOP/s"
    return shown(figure, co2e=False)


def _record(term: Term, kind: str, region: str) -> dict[str, Any]:
    figure = term.figure
    return {
        "kind": kind,
        "name": term.name,
        "label": term.label,
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "unit": figure.unit,
        "method": figure.method,
        "formula": f"{term.formula.id} v{term.formula.version}" if term.formula else None,
        "expression": term.formula.expression if term.formula else None,
        "source": term.formula.source if term.formula else figure.source or None,
        "region": region or None,
        "inputs": {name: _input(one) for name, one in term.inputs.items()},
    }


def _input(figure: Figure) -> dict[str, Any]:
    return {
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "unit": figure.unit,
        "method": figure.method,
        "source": figure.source or None,
    }
