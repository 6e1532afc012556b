"""The pictures and tables of comparisons: all points are there, the front is a line, absent is a dash, text is text."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from joulewise.compare.floors import Entry
from joulewise.compare.fronts import rank
from joulewise.compare.observing import Condition
from joulewise.core.errors import OutOfRange
from joulewise.core.figures import exact
from joulewise.report import bench_page, pareto_chart, waterfall_chart
from joulewise.report.bench_view import bench_view
from joulewise.report.device_view import device_list, edge_list
from joulewise.report.estimate_view import draw_estimate, headline
from joulewise.report.leaderboard import draw_leaderboard, leaderboard
from joulewise.report.listing import Style
from joulewise.report.measures import alone, points, ratio_words, with_interval
from joulewise.report.shrink_view import ShrinkStep, draw_shrink, payback, proof, steps_waterfall
from joulewise.report.waterfall import Fall, Waterfall, draw_waterfall, waterfall_of
from joulewise.testing import comparisons
from joulewise.testing.comparisons import around, span

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script>"


def parsed(drawing: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawing.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def marks(drawing: ElementTree.Element, tag: str, name: str) -> list[ElementTree.Element]:
    return [one for one in drawing.iter(f"{SVG}{tag}") if name in (one.get("class") or "").split()]


def texts(drawing: ElementTree.Element) -> list[str]:
    return [one.text or "" for one in drawing.iter(f"{SVG}text")]


@pytest.mark.parametrize("count", [1, 2, 7, 20, 60])
def test_every_variant_has_its_point_and_two_bars(count):
    drawing = parsed(pareto_chart.svg(comparisons.crowd(count)))
    dots = [*marks(drawing, "circle", "point"), *marks(drawing, "rect", "point")]

    assert len(dots) == count
    assert len(marks(drawing, "line", "bar")) == 2 * count
    places = [
        (float(one.get("cx") or float(one.get("x")) + 5), float(one.get("cy") or float(one.get("y")) + 5))
        for one in dots
    ]
    assert all(pareto_chart.LEFT <= x <= pareto_chart.WIDTH for x, _ in places)
    assert all(pareto_chart.TOP <= y <= pareto_chart.HEIGHT - pareto_chart.BOTTOM for _, y in places)


def test_the_front_is_named_the_beaten_grey_the_floor_a_line():
    view = comparisons.example_view()
    drawing = parsed(pareto_chart.svg(view))

    assert len(marks(drawing, "circle", "front")) == 1
    assert len(marks(drawing, "circle", "fallen")) == 1
    assert len(marks(drawing, "rect", "beaten")) == 1  # the baseline is a square
    assert len(marks(drawing, "line", "floor-line")) == 1
    assert "floor 0.9713" in texts(drawing)
    assert "resnet, torch eager (baseline)" in texts(drawing)
    assert [name for _, name in pareto_chart.legend(view)] == [
        "on the front",
        "beaten",
        "misses a floor",
        "floor of quality",
    ]
    assert "1 without both figures is left out" in pareto_chart.description(view)


def test_the_knee_is_marked_and_the_front_steps():
    costs = [{"energy_j_per_inference": exact(one, "J")} for one in (1.0, 2.0, 100.0)]
    entries = [
        Entry(name=f"v{at}", metric="accuracy", quality=exact(quality, "1"), costs=costs[at])
        for at, quality in enumerate((0.8, 0.95, 0.99))
    ]
    view = bench_view(rank(entries), [], Condition())
    drawing = parsed(pareto_chart.svg(view))

    assert view.knee == "v1"
    assert any(text.endswith("(knee)") for text in texts(drawing))
    assert marks(drawing, "path", "front-line")[0].get("d").count("V") == len(view.front) - 1


def test_without_figures_the_picture_says_so():
    view = bench_view(rank([Entry(name="blind", metric="accuracy")]), [], Condition())

    assert "No variant has both figures." in texts(parsed(pareto_chart.svg(view)))
    assert "blind is not ranked: accuracy is absent; energy per inference is absent." in draw_leaderboard(view, "table")
    assert pareto_chart.legend(view) == []


def test_nothing_compared_is_said():
    view = bench_view(rank([]), [], Condition())

    assert draw_leaderboard(view, "table") == "Nothing was compared.\n"
    assert "Nothing was compared." in bench_page.bench_page(view)
    assert leaderboard(view).records == ()


@pytest.mark.parametrize("energies", [(1e-9, 1e-9), (1e-6, 1e6), (5.0, 5.001), (0.3, 3000.0)])
def test_the_axis_has_ticks_whatever_the_range(energies):
    entries = [
        Entry(
            name=str(at), metric="accuracy", quality=exact(0.9, "1"), costs={"energy_j_per_inference": exact(one, "J")}
        )
        for at, one in enumerate(energies)
    ]
    drawing = parsed(pareto_chart.svg(bench_view(rank(entries), [], Condition())))
    ticks = [one.text for one in marks(drawing, "text", "tick") if one.get("text-anchor") == "middle"]

    assert 1 <= len(ticks) <= 16
    assert len(set(ticks)) == len(ticks)


def test_an_energy_that_may_be_nothing_still_has_its_place():
    entry = Entry(name="cheap", metric="accuracy", quality=exact(0.9, "1"),
                  costs={"energy_j_per_inference": span(0.0, 0.001, 0.002, "J")})  # fmt: skip

    assert len(marks(parsed(pareto_chart.svg(bench_view(rank([entry]), [], Condition()))), "circle", "point")) == 1


def test_a_name_can_do_no_harm():
    entry = Entry(
        name=HOSTILE, metric="accuracy", quality=exact(0.9, "1"), costs={"energy_j_per_inference": exact(1.0, "J")}
    )
    view = bench_view(rank([entry]), [], Condition(), title=HOSTILE)

    assert "<script>" not in pareto_chart.svg(view)
    assert "<script>" not in bench_page.bench_page(view)
    assert "<script>" not in draw_leaderboard(view, "markdown")


def test_ties_and_bases_are_told():
    wide = comparisons.example_entries(paired=False)[:2]
    twins = [replace(wide[0], name="a", is_baseline=True), replace(wide[0], name="b", is_baseline=False)]
    text = draw_leaderboard(bench_view(rank(twins), [], Condition()), "table")

    assert text.count("1, tie") == 2
    assert "a ties with b: the intervals overlap in both." in text
    assert "Least energy: a and b (a tie)." in text
    assert "paired" not in text


# Words of measures


def test_figures_in_sizes_that_people_read():
    assert with_interval(exact(0.0042, "s")) == "4.2 ms"
    assert with_interval(exact(64e6, "bytes")) == "64 MB"
    assert with_interval(exact(2.5, "s")) == "2.5 s"
    assert with_interval(None) == "–"
    assert alone(span(0.9, 1.0, 1.1, "J")) == "1.00 J"
    assert with_interval(exact(0.0, "s")) == "0 s"


def test_ratios_and_points_in_words():
    assert ratio_words(span(0.19, 0.2, 0.21)) == "5× less (4.76 – 5.26)"
    assert ratio_words(span(1.2, 1.3, 1.4)) == "1.3× more (1.2 – 1.4)"
    assert ratio_words(span(0.9, 1.0, 1.1)) == "alike (0.9 – 1.1×)"
    assert ratio_words(span(0.65, 3.0, 91.0)) == "unsure (0.65 – 91×)"  # too wide to call the two alike
    assert ratio_words(exact(1.0, "1")) == "baseline"
    assert ratio_words(None) == "–"
    assert points(span(-0.005, -0.001, 0.003)) == "-0.10 pt (-0.50 – +0.30)"
    assert points(exact(-0.2, "1")) == "-20.0 pt"
    assert points(None) == "–"


# Waterfalls


def test_a_waterfall_starts_and_ends_where_it_says():
    fall = waterfall_of(comparisons.example_what_if())
    drawing = parsed(waterfall_chart.svg(fall))

    assert len(marks(drawing, "rect", "whole")) == 2
    assert len(marks(drawing, "rect", "less")) == 3
    assert len(marks(drawing, "rect", "more")) == 1
    assert len(marks(drawing, "line", "join")) == 5


def test_steps_that_lead_elsewhere_are_refused():
    with pytest.raises(OutOfRange, match="the steps lead to"):
        Waterfall(title="", before_label="a", before=exact(2.0, "J"), steps=(Fall(label="x", change=exact(-1.0, "J")),),
                  after_label="b", after=exact(1.5, "J"))  # fmt: skip


def test_bars_of_a_terminal_line_up():
    lines = draw_waterfall(waterfall_of(comparisons.example_what_if()), "table").splitlines()[2:8]
    ends = [line.index("█") for line in lines]

    assert ends[0] == ends[-1] < ends[1]
    assert all(len(line) <= 100 for line in lines)


# Shrink


def test_the_steps_sum_and_what_the_end_measured_anew_stands_apart():
    view = comparisons.example_shrink()
    surer = tuple(replace(step, ratio=around(step.ratio.value, "1", share=0.002)) for step in view.steps)
    fall = steps_waterfall(replace(view, steps=surer))

    assert [step.label for step in fall.steps][-1] == "All steps together, measured anew"
    assert fall.after.value == pytest.approx(0.0042)
    assert steps_waterfall(comparisons.example_shrink(steps=())) is None
    with pytest.raises(OutOfRange, match="above zero"):
        steps_waterfall(comparisons.example_shrink(winner_cost=exact(0.0, "J")))


def test_what_is_left_within_the_intervals_is_shared_among_the_steps():
    """A ratio of sums and a paired ratio of the same rounds differ by noise: no step of its own."""
    view = comparisons.example_shrink()
    fall = steps_waterfall(view)

    assert [step.label for step in fall.steps] == [step.label for step in view.steps]
    assert sum(step.change.value for step in fall.steps) == pytest.approx(0.0042 - 0.068)


def test_one_step_saves_what_all_save_and_as_surely():
    step = ShrinkStep(label="another runtime", ratio=span(0.058, 0.0618, 0.066))
    [only] = steps_waterfall(comparisons.example_shrink(steps=(step,))).steps

    assert only.change.value == pytest.approx(0.0042 - 0.068)
    assert only.change.low == pytest.approx(0.068 * (0.058 - 1))
    assert only.change.high == pytest.approx(0.068 * (0.066 - 1))


def test_a_report_in_markdown_has_a_heading_above_its_waterfall():
    text = draw_shrink(comparisons.example_shrink(), "markdown")

    assert text.index("### What each step saved: energy per inference") < text.index("| Step |")
    assert text.count("common to all bars") == 1
    assert draw_waterfall(waterfall_of(comparisons.example_what_if(), "North"), "markdown").startswith("### North: ")


def test_every_batch_is_told_and_what_decided():
    view = comparisons.example_shrink()
    cpu, other = span(0.06, 0.061, 0.062), span(0.2, 0.21, 0.22)
    modelled = replace(view.saving, ratio=replace(view.saving.ratio, method="modelled"))
    view = replace(view, saving=modelled, cpu_ratio=cpu, at_batches={32: other}, search_s=61.0)
    text = draw_shrink(view, "table", Style(width=120))
    [record] = json.loads(draw_shrink(view, "json"))

    assert "energy at batch 1, modelled" in text
    assert "modelled from CPU time, not metered; CPU time itself decides: 16.4× less" in " ".join(text.split())
    assert "At batch 32" in text
    assert "in 61 s" in text
    assert (record["batch"], record["cpu_ratio"], record["search_s"]) == (1, 0.061, 61.0)
    assert [(one["batch"], one["saving_ratio"]) for one in record["batches"]] == [(32, 0.21)]


def test_the_change_of_an_error_is_told_in_its_own_unit():
    view = comparisons.example_shrink(in_points=False)
    view = replace(view, saving=replace(view.saving, metric="rmse", quality_change=span(-0.2, 0.57, 1.3)))

    assert "rmse changed by +0.6 (-0.2 – +1.3) on" in proof(view)
    assert " pt" not in draw_shrink(view, "markdown")


def test_the_page_explains_its_bars_and_no_others():
    page = bench_page.shrink_page(comparisons.example_shrink())

    assert "saved by a step" in page
    assert "added by a step" not in page
    assert "common to all bars" in page
    assert "added by a step" in bench_page.waterfall_page(waterfall_of(comparisons.example_what_if()))


def test_a_tie_is_called_a_tie():
    view = comparisons.example_shrink()
    text = proof(replace(view, saving=replace(view.saving, ratio=span(0.97, 1.0, 1.04))))

    assert "takes neither surely less nor surely more energy per inference than resnet, torch eager: alike (0.9" in text


def test_what_nobody_counted_is_left_out_and_long_lines_are_folded():
    text = draw_shrink(comparisons.example_shrink(candidates={"tried": 2, "discarded": 0}), "table", Style(width=60))

    assert "0 discarded" not in text
    assert max(map(len, text.splitlines())) <= 60


def test_the_search_is_paid_back_after_so_many_inferences():
    paid = payback(comparisons.example_shrink())

    assert paid.value == pytest.approx(5_000 / (0.068 * (1 - 0.0618)))
    assert paid.low < paid.value < paid.high


def test_a_saving_that_is_not_sure_is_never_paid_back():
    view = comparisons.example_shrink()

    assert payback(replace(view, saving=replace(view.saving, ratio=span(0.9, 0.99, 1.01)))) is None
    assert payback(replace(view, saving=replace(view.saving, quantity="cpu_s_per_inference"))) is None
    assert payback(replace(view, search_energy=None)) is None
    unsure = replace(view, saving=replace(view.saving, ratio=span(0.9, 0.99, 1.01)))
    assert "no energy is surely saved" in draw_shrink(unsure, "table")


def test_the_proof_says_what_it_rests_on():
    view = comparisons.example_shrink()
    text = proof(view)

    for words in ("16.2× less (15.2 – 17.2) energy", "1,000 rows", "McNemar's test, p = 0.6", "holds at its bad end"):
        assert words in text
    broken = proof(replace(view, saving=replace(view.saving, held=False, p_value=None, test="other")))
    assert "does not hold at its bad end" in broken
    assert "(other)" in broken


# Estimates, devices


def test_a_card_has_energy_beside_carbon():
    assert [label for label, _ in headline(comparisons.example_estimate())] == ["Energy with PUE", "Carbon"]


def test_an_estimate_says_that_it_is_modelled_and_how_far_others_lie_apart():
    text = draw_estimate(comparisons.example_estimate(), "table")

    assert "Modelled, not measured" in text
    assert "times apart" in text


def test_a_device_that_saw_nothing_is_not_zero():
    listing = device_list(comparisons.example_devices())
    away = next(one for one in listing.records if one["reason"])

    assert away["inferences_per_j"] is None
    assert "not run there" in {cell for line in listing.grid.rows for cell in line}


def test_what_does_not_fit_is_told_with_its_reason():
    listing = edge_list(comparisons.example_edge())

    assert [one["fits"] for one in listing.records] == [None, False]
    assert "the large one: memory does not fit" in listing.footer
    assert edge_list([]).footer == "Nothing to check."
