"""What a shrink found: baseline and winner, what each step saved, the proof in a sentence, and when it pays back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import hypot, log
from typing import Any

from joulewise.core.errors import OutOfRange
from joulewise.core.figures import Figure, propagate, scaled, weakest
from joulewise.core.variants import Saving, Variant
from joulewise.report.digits import number, share
from joulewise.report.escape import markdown, plain, to_ascii
from joulewise.report.listing import Listing, Style, draw, figure_fields, simple
from joulewise.report.measures import points, ratio_words, with_interval
from joulewise.report.waterfall import Fall, Waterfall, draw_waterfall

_TESTS = {"mcnemar": "McNemar's test", "paired-bootstrap": "a paired bootstrap"}
WHAT = {"energy_j_per_inference": "energy", "cpu_s_per_inference": "CPU time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrinkStep:
    """A step of the winner's chain, with the ratio (new / old) that it brought by itself, measured or as screened."""

    label: str
    ratio: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrinkView:
    """`baseline_cost` and `winner_cost` are the saving's quantity per inference. `steps` lead from one to the other;
    () where nobody measured between. `search_energy` is what the search itself took, in J."""

    title: str
    baseline: Variant
    winner: Variant
    saving: Saving
    baseline_cost: Figure
    winner_cost: Figure
    steps: tuple[ShrinkStep, ...] = ()
    search_energy: Figure | None = None
    candidates: Mapping[str, int] | None = None
    folder: str = ""
    notices: tuple[str, ...] = ()


def payback(view: ShrinkView) -> Figure | None:
    """Inferences after which the saving has paid for the search; None if that is not known or nothing is saved surely.

    n = E_search / (E_baseline x (1 - ratio)), with the paired ratio, since it is surer than the difference.
    """
    ratio = view.saving.ratio
    is_energy = view.saving.quantity == "energy_j_per_inference"
    if view.search_energy is None or not is_energy or ratio.high >= 1 or view.baseline_cost.low <= 0:
        return None
    inputs = {"search": view.search_energy, "base": view.baseline_cost, "ratio": ratio}
    value, low, high = propagate(lambda search, base, ratio: search / (base * (1.0 - ratio)), inputs)
    return Figure(value=value, low=low, high=high, unit="1", method=weakest(one.method for one in inputs.values()))


def proof(view: ShrinkView) -> str:
    """The claim in a sentence, with what it rests on."""
    saving = view.saving
    what = WHAT.get(saving.quantity, saving.quantity)
    p_value = "" if saving.p_value is None else f", p = {saving.p_value:.2g}"
    floor = (
        f" The floor {saving.floor} {'holds' if saving.held else 'does not hold'} at its bad end."
        if saving.floor
        else ""
    )
    return (
        f"{view.winner.name} takes {ratio_words(saving.ratio)} {what} per {saving.unit} than {view.baseline.name}; "
        f"{saving.metric} changed by {points(saving.quality_change)} on the same {saving.n:,} rows "
        f"({_TESTS.get(saving.test, saving.test)}{p_value}).{floor} Both ran in turns in one run, within the "
        f"boundary {saving.boundary}; intervals are 95 %."
    )


def steps_waterfall(view: ShrinkView) -> Waterfall | None:
    """What each step saved: the change split by the logs of the steps' ratios, so that the parts sum exactly; what the
    final measurement adds to the product of the screened ratios is a bar of its own. None without steps."""
    if not view.steps:
        return None
    before, after = view.baseline_cost.value, view.winner_cost.value
    if min(before, after, *(step.ratio.value for step in view.steps)) <= 0:
        raise OutOfRange("a waterfall of ratios needs costs above zero")
    mean = (after - before) / log(after / before) if after != before else before
    falls = [Fall(label=step.label, change=_part(step.ratio, mean, view.baseline_cost.unit), factor=step.ratio)
             for step in view.steps]  # fmt: skip
    left = after - before - sum(fall.change.value for fall in falls)
    if abs(left) > 1e-9 * before:
        down = hypot(*(fall.change.value - fall.change.low for fall in falls))
        up = hypot(*(fall.change.high - fall.change.value for fall in falls))
        unit, method = view.baseline_cost.unit, view.saving.ratio.method
        rest = Figure(value=left, low=left - up, high=left + down, unit=unit, method=method)
        falls.append(Fall(label="All steps together, measured anew", change=rest))
    return Waterfall(
        title=f"What each step saved: {WHAT.get(view.saving.quantity, view.saving.quantity)} per {view.saving.unit}",
        before_label=view.baseline.name,
        before=view.baseline_cost,
        steps=tuple(falls),
        after_label=view.winner.name,
        after=view.winner_cost,
    )


def shrink_list(view: ShrinkView) -> Listing:
    """The report as lines; one record."""
    lines = [
        ("Baseline", f"{view.baseline.name}: {with_interval(view.baseline_cost)}"),
        ("Winner", f"{view.winner.name}: {with_interval(view.winner_cost)}"),
        ("Ratio", ratio_words(view.saving.ratio)),
        (f"Change of {view.saving.metric}", points(view.saving.quality_change)),
        *_search_lines(view),
    ]
    if view.folder:
        lines.append(("Exported to", view.folder))
    return Listing(grid=simple(view.title, ("What", "Value"), lines), records=(_record(view),), footer=proof(view))


def draw_shrink(view: ShrinkView, format: str, style: Style | None = None) -> str:
    """In one of listing.FORMATS; for people with the waterfall and the proof."""
    style = style or Style()
    if format in ("json", "csv"):
        return draw(shrink_list(view), format, style)
    fall = steps_waterfall(view)
    parts = [draw(shrink_list(view), format, style), *([draw_waterfall(fall, format, style)] if fall else [])]
    if format == "markdown":
        return (
            "\n".join([f"## {markdown(view.title)}\n", *parts, markdown(proof(view)), *map(markdown, view.notices)])
            + "\n"
        )
    text = "\n".join([f"{plain(view.title)}\n", *parts, plain(proof(view)), *map(plain, view.notices)]) + "\n"
    return to_ascii(text) if style.ascii_only and not style.color else text


def _part(ratio: Figure, mean: float, unit: str) -> Figure:
    """L(after, before) x ln(ratio); source: Ang 2004, doi:10.1016/S0301-4215(03)00076-4."""
    low, value, high = (mean * log(one) for one in (max(ratio.low, 1e-12), ratio.value, ratio.high))
    return Figure(value=value, low=low, high=high, unit=unit, method=ratio.method)


def _search_lines(view: ShrinkView) -> Iterator[tuple[str, str]]:
    if view.search_energy is not None:
        yield "The search took", with_interval(view.search_energy)
        paid = payback(view)
        words = (
            f"{with_interval(_rounded(paid))} inferences" if paid else "never, or not known: no energy is surely saved"
        )
        yield "Paid back after", words
    if view.candidates:
        yield "Candidates", ", ".join(f"{count} {name}" for name, count in view.candidates.items())


def _rounded(figure: Figure) -> Figure:
    """Counts are whole."""
    return scaled(figure, 1.0, "")


def _record(view: ShrinkView) -> dict[str, Any]:
    saving = view.saving
    return {
        "baseline": view.baseline.name,
        "baseline_id": view.baseline.id,
        "winner": view.winner.name,
        "winner_id": view.winner.id,
        "quantity": saving.quantity,
        **figure_fields("saving", "ratio", saving.ratio),
        "saved_text": share(max(0.0, 1.0 - saving.ratio.value)),
        "metric": saving.metric,
        **figure_fields("quality_change", "share", saving.quality_change),
        "n": saving.n,
        "test": saving.test,
        "p_value_share": saving.p_value,
        "floor": saving.floor,
        "held": saving.held,
        "boundary": saving.boundary,
        "steps": [{"label": step.label, **figure_fields("step", "ratio", step.ratio)} for step in view.steps],
        **figure_fields("search", "j", view.search_energy),
        **figure_fields("payback", "count", payback(view)),
        "candidates": dict(view.candidates or {}),
        "folder": view.folder or None,
        "proof": proof(view),
        "shown_ratio": number(1.0 / saving.ratio.value),
    }
