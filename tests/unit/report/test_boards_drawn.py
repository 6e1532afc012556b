"""Boards as people read them: whole at eighty columns, what models are made of, each tie once, no group left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from joulewise.api.bench_drawing import bench_html, draw_bench
from joulewise.api.bench_results import Compared
from joulewise.api.boards import Asked, boards_of
from joulewise.compare.floors import Entry, floor_of
from joulewise.compare.fronts import rank
from joulewise.compare.observing import Condition
from joulewise.core.figures import exact
from joulewise.core.variants import Comparison, Observation
from joulewise.report import bench_page, pareto_chart
from joulewise.report.anatomy import flop_words
from joulewise.report.bench_view import bench_view, described
from joulewise.report.leaderboard import draw_leaderboard, leaderboard
from joulewise.report.listing import Listing, Style, draw, simple
from joulewise.report.measures import alone, metric_head, points, signed
from joulewise.report.terminal import narrowed
from joulewise.report.waterfall import waterfall_of
from joulewise.testing import comparisons
from joulewise.testing.comparisons import around, span
from joulewise.testing.ledgers import store_id
from joulewise.testing.variants import small_comparison, small_model


def entry(name: str, energy_j: float, quality: float = 0.9, **costs: float) -> Entry:
    units = {"cold_start_s": "s", "bytes_moved_per_inference": "bytes"}
    found = {quantity: exact(value, units[quantity]) for quantity, value in costs.items()}
    return Entry(
        id=name,
        name=name,
        metric="accuracy",
        quality=around(quality, "1", share=0.01),
        costs={"energy_j_per_inference": around(energy_j, "J"), **found},
        is_baseline=name == "a",
    )


def compared(title: str, comparison: Comparison) -> Compared:
    models = {one.id: one for one in comparison.models}
    asked = Asked(metric="accuracy", title=title)
    return Compared(boards=boards_of(comparison.variants, models, (), asked), comparison=comparison)


@pytest.mark.parametrize("width", [72, 80, 100, 120])
def test_a_leaderboard_is_tables_at_the_width_of_any_terminal(width):
    view = bench_view(rank([entry("a", 1.0), entry("logistic.joblib", 2.0)]), [], Condition())
    text = draw_leaderboard(view, "table", Style(width=width))

    assert max(map(len, text.splitlines())) <= width
    assert "Variant:" not in text
    assert {"Rank", "Accuracy", "Energy per inference", "Against the baseline"} <= {
        cell for line in text.splitlines() for cell in line.split("   ") for cell in [cell.strip()]
    }


def test_what_a_model_is_made_of_stands_below_and_in_the_records():
    view = bench_view(rank([entry("a", 1.0, cold_start_s=0.25, bytes_moved_per_inference=264.0)]), [], Condition())
    text = draw_leaderboard(described(view, {"a": small_model()}), "table", Style(width=100))
    [record] = leaderboard(described(view, {"a": small_model()})).records

    assert "250 ms" in text
    assert "264 B" in text
    assert "≥ 260 FLOP" in text
    assert "multiply-accumulate (MAC) counts as 2" in text
    assert "Only 98 % of the operators could be counted" in text
    assert record["parameter_count"] == 130
    assert record["forward_flop"] == 260
    assert record["flop_covered_ratio"] == 0.98
    assert record["cold_start_s"] == 0.25
    assert record["moved_per_inference_bytes"] == 264.0


def test_what_nobody_knows_of_any_model_has_no_column():
    view = bench_view(rank([entry("a", 1.0, cold_start_s=0.25)]), [], Condition())
    text = draw_leaderboard(view, "table", Style(width=100))

    assert "Cold start" in text
    assert "Parameters" not in text
    assert "FLOP" not in text


def test_operations_in_sizes_that_people_read():
    assert flop_words(exact(2_140.0, "FLOP"), 1.0) == "2.14 kFLOP"
    assert flop_words(exact(4.2e9, "FLOP"), 0.5) == "≥ 4.2 GFLOP"
    assert flop_words(None, None) == "–"


def test_a_tie_is_told_once():
    twins = [entry(name, 1.0) for name in ("a", "b", "c")]
    text = draw_leaderboard(bench_view(rank(twins), [], Condition()), "table")

    assert text.count("ties with") == 2  # a with b and c, b with c
    assert "a ties with b, c" in text
    assert "b ties with c" in text


def test_other_conditions_have_ranks_too():
    found = small_comparison(store_id(1))
    variants = tuple(
        replace(one, observations=(*one.observations, *(_at_32(seen) for seen in one.observations if seen.batch == 1)))
        for one in found.variants
    )
    text = draw_bench(compared("Models", replace(found, variants=variants)), "table", Style(width=120))

    [head] = [line for line in text.splitlines() if line.startswith("Condition")]
    assert head.split()[1] == "Rank"


def _at_32(seen: Observation) -> Observation:
    return replace(seen, batch=32)


def test_a_page_holds_the_groups_that_stand_apart():
    first = compared("Models on digits", small_comparison(store_id(1)))
    other = compared("Models on wine", small_comparison(store_id(2)))
    page = bench_html(replace(first, groups=(other,)))

    assert page.count('<svg class="chart"') == 2
    assert "Accuracy against energy: Models on wine" in page
    assert 'id="pareto-title"' in page
    assert 'id="pareto-1-title"' in page


def test_filed_runs_show_all_the_metrics_that_judged_them():
    found = small_comparison(store_id(1))
    more = Observation(quantity="f1_macro", figure=exact(0.8, "1"))
    judged = tuple(replace(one, observations=(*one.observations, more)) for one in found.variants[:2])
    text = draw_bench(compared("Models", replace(found, variants=judged)), "table", Style(width=100))

    assert "f1_macro" in text


def test_a_picture_says_which_way_is_better():
    view = comparisons.example_view()

    assert ">accuracy, more is better<" in pareto_chart.svg(view)
    assert ">accuracy, less is better<" in pareto_chart.svg(replace(view, greater_is_better=False))
    assert pareto_chart.description(comparisons.crowd(1)).startswith("1 variant, ")
    assert "energy of the run" in pareto_chart.svg(replace(view, unit="run"))


def test_the_line_of_the_floor_is_of_the_metric_that_is_drawn():
    floors = [floor_of(text) for text in ("f1_macro>=0.99", "accuracy>=0.8", "memory<=1GB")]
    own = bench_view(rank([entry("a", 1.0)], floors), [], Condition())
    other = bench_view(rank([entry("a", 1.0)], floors[:1]), [], Condition())

    assert own.quality_floor is not None
    assert own.quality_floor.value == 0.8
    assert other.quality_floor is None


def test_a_bar_that_reaches_zero_ends_in_an_arrow():
    view = bench_view(rank([replace(entry("a", 1.0), costs={"energy_j_per_inference": span(0.0, 1.0, 2.0, "J")})]), [],
                      Condition())  # fmt: skip
    sure = bench_view(rank([entry("a", 1.0)]), [], Condition())

    assert "<polyline" in pareto_chart.svg(view)
    assert "an arrow down to zero" in pareto_chart.svg(view)
    assert "<polyline" not in pareto_chart.svg(sure)


def test_errors_change_in_their_own_unit():
    worse = replace(entry("b", 1.0, 58.0), quality_change=span(-0.2, 3.5, 7.1), is_baseline=False)
    both = [replace(one, metric="rmse", greater_is_better=False) for one in (entry("a", 2.0, 55.0), worse)]
    text = draw_leaderboard(bench_view(rank(both), [], Condition()), "table", Style(width=140))

    assert "+4 (-1 – +8)" in text
    assert signed(span(-0.23, 0.51, 1.25)) == "+0.5 (-0.3 – +1.3)"
    assert signed(exact(-0.25, "1")) == "-0.25"
    assert signed(None) == "–"
    assert " pt" not in text


def test_which_way_a_function_of_the_users_is_better_is_said():
    ones = [replace(entry(name, 1.0), metric="mine:cost") for name in ("a", "b")]
    text = draw_leaderboard(bench_view(rank(ones), [], Condition()), "table", Style(width=200))
    turned = [replace(one, greater_is_better=False) for one in ones]

    assert "more is taken as better; if it is an error, set greater_is_better = False on the function" in text
    assert "less is better" in draw_leaderboard(bench_view(rank(turned), [], Condition()), "table")


def test_a_narrow_table_loses_no_more_columns_than_it_must():
    grid = simple("t", ("Name", "Wide", "Less", "Least"), [("a", "x" * 20, "y" * 20, "z" * 20)],
                  numeric=("Wide", "Less", "Least"), spare=("Less", "Least"))  # fmt: skip

    assert narrowed(grid, 80).columns == ("Name", "Wide", "Less", "Least")
    assert narrowed(grid, 60).columns == ("Name", "Wide", "Less")
    assert narrowed(grid, 30).columns == ("Name", "Wide")
    assert "No room for Least:" in draw(Listing(grid=grid, records=()), "table", Style(width=60))


def test_a_page_of_an_estimate_shows_the_what_if():
    fall = waterfall_of(comparisons.example_what_if(), "Moved north")
    page = bench_page.estimate_page(comparisons.example_estimate(), fall)

    assert '<svg class="chart"' in page
    assert "Moved north" in page
    assert "<svg class" not in bench_page.estimate_page(comparisons.example_estimate())


def test_names_of_metrics_as_heads():
    assert metric_head("accuracy") == "Accuracy"
    assert metric_head("roc_auc") == "roc_auc"
    assert metric_head("mine:cost") == "mine:cost"


def test_exact_figures_alone_have_four_digits():
    assert alone(exact(199_225_856.0, "bytes")) == "199.2 MB"
    assert alone(span(197_500_000.0, 197_550_000.0, 197_560_000.0, "bytes")) == "197.6 MB"
    assert alone(span(110_000.0, 136_500.0, 170_000.0, "1/s")) == "136,000 1/s"
    assert points(span(-0.00002, -0.000004, 0.0001)) == "+0.00 pt (+0.00 – +0.01)"


@pytest.mark.parametrize(
    ("floor", "entry_j", "said"),
    [
        ("energy<=500mJ", 1.0, "energy<=500mJ: does not hold, 1000 mJ (900 to 1100)"),
        ("accuracy>=0.95", 1.0, "accuracy>=0.95: does not hold, 0.9 (0.891 to 0.909)"),
    ],
)
def test_a_floor_that_fails_is_told_in_its_own_unit(floor, entry_j, said):
    assert floor_of(floor).check(entry("a", entry_j)).text == said


def test_a_floor_against_the_baseline_is_told_in_points():
    new = replace(entry("b", 1.0), quality_change=span(-0.02, -0.0075, 0.006), is_baseline=False)

    assert floor_of("accuracy>=-0.5pt").check(new).text.endswith("does not hold, -0.75 pt (-2 to +0.6)")
