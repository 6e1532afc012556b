"""What a shrink found: baseline and winner, what each step saved, the proof in a sentence, and when it pays back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from textwrap import fill
from typing import Any

from joulewise.core.figures import MEASURED, REPORTED, Figure, propagate, weakest
from joulewise.core.variants import Saving, Variant
from joulewise.report.digits import number, seconds, share
from joulewise.report.escape import markdown, plain, to_ascii
from joulewise.report.listing import Listing, Style, draw, figure_fields, simple
from joulewise.report.measures import points, ratio_words, signed, with_interval
from joulewise.report.waterfall import Waterfall, draw_waterfall
from joulewise.report.waterfall_steps import falls_of

_TESTS = {"mcnemar": "McNemar's test", "paired-bootstrap": "a paired bootstrap"}
_NEVER = "never, or not known: no energy is surely saved"
WHAT = {"energy_j_per_inference": "energy", "cpu_s_per_inference": "CPU time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrinkStep:
    """A step of the winner's chain, with the ratio (new / old) that it brought by itself, measured or as screened."""

    label: str
    ratio: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrinkView:
    """`baseline_cost` and `winner_cost` are the saving's quantity per inference at `batch`. `steps` lead from one to
    the other; () where nobody measured between. `cpu_ratio` is that of the CPU time, `at_batches` the saving's ratio at
    other batches, `claimed` what the folder claims where a proof is repeated. `in_points`: the quality is a share, as
    accuracy is, and no error. `search_energy` is what the search itself took, in J, `search_s` how long."""

    title: str
    baseline: Variant
    winner: Variant
    saving: Saving
    baseline_cost: Figure
    winner_cost: Figure
    in_points: bool = True
    batch: int = 1
    cpu_ratio: Figure | None = None
    at_batches: Mapping[int, Figure] = field(default_factory=dict)
    claimed: Figure | None = None
    steps: tuple[ShrinkStep, ...] = ()
    search_energy: Figure | None = None
    search_s: float | None = None
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
    p_value = "" if saving.p_value is None else f", p = {saving.p_value:.2g}"
    floor = (
        f" The floor {saving.floor} {'holds' if saving.held else 'does not hold'} at its bad end."
        if saving.floor
        else ""
    )
    return (
        f"{_claim(view)} at batch {view.batch}; {saving.metric} changed by {change_of(view)} on the same "
        f"{saving.n:,} rows ({_TESTS.get(saving.test, saving.test)}{p_value}).{floor} Both ran in turns in one run, "
        f"within the boundary {saving.boundary}; intervals are 95 %.{_modelled(view)}"
    )


def change_of(view: ShrinkView) -> str:
    """How the quality changes: in points, or in the unit of an error."""
    change = view.saving.quality_change
    return points(change) if view.in_points else signed(change)


def _claim(view: ShrinkView) -> str:
    """Who takes how much; a tie is called so."""
    saving, winner, base = view.saving, view.winner.name, view.baseline.name
    words, what = ratio_words(saving.ratio), f"{WHAT.get(saving.quantity, saving.quantity)} per {saving.unit}"
    if saving.ratio.low <= 1 <= saving.ratio.high:
        return f"{winner} takes neither surely less nor surely more {what} than {base}: {words}"
    return f"{winner} takes {words} {what} than {base}"


def _modelled(view: ShrinkView) -> str:
    """Whose word an energy is that no meter read."""
    if not _is_modelled(view):
        return ""
    sure = "" if view.cpu_ratio is None else f"; CPU time itself decides: {ratio_words(view.cpu_ratio)}"
    return f" The energy is modelled from CPU time, not metered{sure}."


def _is_modelled(view: ShrinkView) -> bool:
    saving = view.saving
    return saving.quantity == "energy_j_per_inference" and saving.ratio.method not in (MEASURED, REPORTED)


def steps_waterfall(view: ShrinkView) -> Waterfall | None:
    """What each step saved, at the batch that decides. None without steps. Raises OutOfRange for costs of zero."""
    if not view.steps:
        return None
    steps = [(step.label, step.ratio) for step in view.steps]
    return Waterfall(
        title=f"What each step saved: {WHAT.get(view.saving.quantity, view.saving.quantity)} per {view.saving.unit}",
        before_label=view.baseline.name,
        before=view.baseline_cost,
        steps=falls_of(view.baseline_cost, view.winner_cost, steps),
        after_label=view.winner.name,
        after=view.winner_cost,
        notices=(
            "Steps multiply; each part is its factor's share by logarithm, so that the parts sum to the whole.",
            "The interval of a step is that of its ratio; the doubt about the baseline is common to all bars.",
        ),
    )


def shrink_list(view: ShrinkView) -> Listing:
    """The report as lines; one record."""
    lines = [
        ("Baseline", f"{view.baseline.name}: {with_interval(view.baseline_cost)}"),
        ("Winner", f"{view.winner.name}: {with_interval(view.winner_cost)}"),
        *_ratio_lines(view),
        (f"Change of {view.saving.metric}", change_of(view)),
        *_search_lines(view),
    ]
    if view.folder:
        lines.append(("Exported to", view.folder))
    return Listing(
        grid=simple("What was found", ("What", "Value"), lines), records=(_record(view),), footer=proof(view)
    )


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
    told = [fill(plain(one), max(style.width, 20)) for one in (proof(view), *view.notices)]
    text = "\n".join([f"{plain(view.title)}\n", *parts, *told]) + "\n"
    return to_ascii(text) if style.ascii_only and not style.color else text


def _ratio_lines(view: ShrinkView) -> Iterator[tuple[str, str]]:
    """The saving at the batch that decides, what stands beside it, and at other batches."""
    what, modelled = WHAT.get(view.saving.quantity, view.saving.quantity), ", modelled" if _is_modelled(view) else ""
    yield "Ratio", f"{ratio_words(view.saving.ratio)} {what} at batch {view.batch}{modelled}"
    if view.cpu_ratio is not None and view.saving.quantity != "cpu_s_per_inference":
        yield "CPU time", ratio_words(view.cpu_ratio)
    for batch, ratio in view.at_batches.items():
        yield f"At batch {batch}", f"{ratio_words(ratio)} {what}"
    if view.claimed is not None:
        yield "Claimed", f"{ratio_words(view.claimed)} {what}"


def _search_lines(view: ShrinkView) -> Iterator[tuple[str, str]]:
    if view.search_energy is not None:
        lasted = "" if view.search_s is None else f" in {seconds(view.search_s)}"
        yield "The search took", with_interval(view.search_energy) + lasted
        paid = payback(view)
        yield "Paid back after", f"{with_interval(paid)} inferences" if paid else _NEVER
    if view.candidates:
        yield "Candidates", ", ".join(f"{count} {name}" for name, count in view.candidates.items() if count)


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
        "batch": view.batch,
        **figure_fields("cpu", "ratio", view.cpu_ratio),
        "batches": [
            {"batch": one, **figure_fields("saving", "ratio", ratio)} for one, ratio in view.at_batches.items()
        ],
        **figure_fields("claimed", "ratio", view.claimed),
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
        "search_s": view.search_s,
        **figure_fields("payback", "count", payback(view)),
        "candidates": dict(view.candidates or {}),
        "folder": view.folder or None,
        "proof": proof(view),
        "shown_ratio": number(1.0 / saving.ratio.value),
    }
