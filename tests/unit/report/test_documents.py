"""The exporters: JSON is exact and honest about what is absent, lists come in every form, names stay text."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joulewise.core.channels import Finding
from joulewise.core.errors import NotFound, UsageError
from joulewise.core.plugins import load, names
from joulewise.core.protocols import Exporter
from joulewise.core.records import Bundle, Evaluation
from joulewise.core.settings import Settings
from joulewise.report import Grid, Style, draw, draw_run, draw_steps, find_rows, lists, split_reference, view
from joulewise.report.html import HtmlExporter, interval_bar, policy
from joulewise.report.json_export import SCHEMA, JsonExporter, document
from joulewise.report.listing import csv_text, figure_fields
from joulewise.report.markdown import MarkdownExporter
from joulewise.report.terminal import TableExporter
from joulewise.testing.bundles import RUN_ID, example_bundle, example_factors, example_trace, figure


def unmeasured() -> Bundle:
    return Bundle(run=example_bundle(coverage=None, unit=None, unit_count=None, environment={}).run)


@pytest.mark.parametrize("name", names("exporters"))
def test_every_exporter_keeps_the_contract(name, run_view):
    exporter: Exporter = load("exporters", name)()

    assert exporter.name == name
    assert exporter.suffix.startswith(".")
    assert exporter.render(run_view)
    assert exporter.render(run_view) == exporter.render(run_view)
    assert exporter.render(view(unmeasured()))
    with pytest.raises(TypeError):
        exporter.render(object())


@pytest.mark.parametrize("name", ["table", "markdown", "json"])
def test_lists_are_drawn_too(name):
    grid = Grid(title="T", columns=("A", "B"), rows=(("1", "x|y"), ("2", "z")), numeric=frozenset("A"))

    assert "z" in load("exporters", name)().render(grid)


def test_json_numbers_come_back_to_the_last_bit(run_view):
    found = json.loads(JsonExporter().render(run_view))
    bundle = example_bundle()

    assert found["schema"] == SCHEMA
    assert [one["figure"]["value"] for one in found["measurements"]] == [
        one.figure.value for one in bundle.measurements
    ]
    assert found["summary"]["energy_j"] == 5161.8
    assert found["summary"]["cost_eur"] == 0.000693
    assert found["summary"]["emissions_low_g"] == 0.8


@given(st.floats(min_value=0, max_value=1e300))
def test_any_float_survives_json(value):
    full = example_bundle()
    one = replace(full.measurements[7], figure=figure(value, value, value, "J"))
    found = json.loads(JsonExporter().render(view(replace(full, measurements=(one,), calculations=()))))

    assert found["summary"]["energy_j"] == value


def test_json_says_null_and_why_for_what_is_absent():
    found = document(view(unmeasured()))

    assert found["summary"]["energy_j"] is None
    assert {
        "name": "energy_j.with_idle_share.total",
        "reason": "no meter could be read",
        "cure": "joulewise doctor",
    } in (found["absent"])
    assert found["figures"] == []


def test_a_metric_that_is_not_a_number_is_null_in_json():
    diverged = Evaluation(id="e", run_id=RUN_ID, metric="loss", value=float("nan"))
    found = view(replace(example_bundle(), evaluations=(diverged,)))

    assert json.loads(JsonExporter().render(found))["evaluations"][0]["value"] is None
    assert "nan" in TableExporter().render(found)


class Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)


@settings.get_profile("costly")
@given(st.text(min_size=1, max_size=60))
def test_a_name_adds_no_tag_and_no_control_character(name):
    hostile = example_bundle(name=name, tags={name: name}, command=(name,), unit=name, warnings=(name,))
    plain_view, hostile_view = view(example_bundle(warnings=("w",))), view(hostile)
    before, after = Tags(), Tags()
    before.feed(HtmlExporter().render(plain_view))
    after.feed(HtmlExporter().render(hostile_view))

    assert after.found == before.found
    for text in (TableExporter().render(hostile_view), MarkdownExporter().render(hostile_view)):
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(text)
    assert MarkdownExporter().render(hostile_view).count("\n## ") == MarkdownExporter().render(plain_view).count(
        "\n## "
    )


def test_the_page_forbids_everything_but_its_own_style(run_view):
    page = HtmlExporter().render(run_view)

    assert policy("x") in policy("x")
    assert "default-src &#39;none&#39;; style-src &#39;sha256-" in page
    for forbidden in ("<script", " style=", 'http-equiv="refresh"', "@import", "url(http"):
        assert forbidden not in page


@pytest.mark.parametrize(
    ("bounds", "place"), [((5, 4, 8), (50.0, 50.0, 62.5)), ((5, 5, 5), None), ((0, -1, 1), None), ((0, 0, 0), None)]
)
def test_the_interval_as_a_bar(bounds, place):
    assert interval_bar(figure(*bounds, "J")) == place


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 140])
def test_no_line_is_wider_than_the_terminal_and_no_figure_is_cut(width, run_view):
    text = TableExporter(width=width).render(run_view)

    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    if width >= 40:
        assert "1.43 Wh (1.24 – 1.70)" in text


def test_colour_is_only_added(run_view):
    colored = TableExporter(color=True).render(run_view)

    assert "\x1b[1m" in colored
    assert TableExporter().render(run_view).isprintable() is False  # line ends
    assert "\x1b" not in TableExporter().render(run_view)


def test_a_list_in_every_form():
    listing = lists.factors(example_factors())

    assert json.loads(draw(listing, "json"))[0]["zone"] == "DE"
    assert next(csv.DictReader(io.StringIO(draw(listing, "csv"))))["licence"] == "CC-BY-4.0"
    assert draw(listing, "markdown").startswith("| Kind |")
    assert "344 g CO2e/kWh" in draw(listing, "table", Style(width=140))
    with pytest.raises(UsageError, match="unknown output"):
        draw(listing, "yaml")


def test_csv_nests_as_json_and_dates_as_iso():
    text = csv_text([{"a": {"x": 1}, "t": datetime(2026, 1, 2, tzinfo=UTC)}, {"b": None}])

    assert text == 'a,t,b\n"{""x"": 1}",2026-01-02T00:00:00+00:00,\n,,\n'


def test_figure_fields_of_nothing_are_none():
    assert set(figure_fields("energy", "j", None).values()) == {None}
    assert figure_fields("energy", "j", figure(2, 1, 3, "J"))["energy_high_j"] == 3


def test_a_run_as_csv_keeps_absent_figures(run_view):
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(draw_run(run_view, "csv")))}

    assert rows["operational_g.market"]["value"] == ""
    assert rows["operational_g.market"]["reason"] == "no supply contract was given"
    assert float(rows["energy_j.with_idle_share.total"]["value"]) == 5161.8


def test_the_doctors_cures_can_be_copied():
    found = [
        Finding(plugin="powercap", state="denied", what="RAPL", cure="sudo chmod o+r /sys/x"),
        Finding(plugin="model", state="ready", what="cpu"),
    ]
    listing = lists.findings(found)

    assert listing.footer == "To measure better:\n  # RAPL\n  sudo chmod o+r /sys/x"
    assert lists.findings(found[1:]).footer == ""
    assert listing.records[0]["cure"] == "sudo chmod o+r /sys/x"


@pytest.mark.parametrize(
    ("qualities", "verdict"),
    [
        ((), "Nothing here can be measured or modelled: runs will have no energy."),
        (("modelled: 4 W (2 to 11) at half load",), "Energy here is modelled from CPU time"),
        (("measured, -6% to +6%",), "Energy here is measured."),
        (
            ("measured, -6% to +6%", "modelled, -50% to +150%"),
            "Energy here is measured; what has no meter is modelled.",
        ),
    ],
)
def test_the_doctor_begins_with_a_verdict(qualities, verdict):
    found = [Finding(plugin="m", state="ready", what="x", quality=quality) for quality in qualities]

    assert lists.findings(found).header.startswith(verdict)


def test_the_doctor_names_what_is_not_here_in_one_line():
    found = [
        Finding(plugin="nvidia", state="absent", what="no NVIDIA driver"),
        Finding(plugin="system", state="absent", what="cgroup v2", why="x"),
    ]
    listing = lists.findings(found)

    assert listing.footer == "Not here: nvidia (no NVIDIA driver)."
    assert [line[1] for line in listing.grid.rows] == ["system"]
    assert len(listing.records) == 2


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("emissions_g.location", ["emissions_g.location"]),
        ("emissions", ["emissions_g.location"]),
        ("operational_g", ["operational_g.location", "operational_g.market"]),
        ("energy_j.gpu", ["energy_j.with_idle_share.gpu", "energy_j.dynamic.gpu", "energy_j.machine.gpu"]),
        ("phase.train", ["phase.train.energy_j"]),
        ("cost", ["cost"]),
    ],
)
def test_a_figure_is_found_by_name_start_or_parts(run_view, name, keys):
    assert [row.key for row in find_rows(run_view, name)] == keys


def test_an_unknown_figure_names_the_near_ones(run_view):
    with pytest.raises(NotFound, match=r"emissions_g\.location"):
        find_rows(run_view, "emision_g.location")
    with pytest.raises(NotFound, match="one of"):
        find_rows(run_view, "zzz")


@pytest.mark.parametrize("text", ["", "x", "x:", ":x"])
def test_a_reference_needs_both_halves(text):
    with pytest.raises(UsageError, match="names no figure"):
        split_reference(text)


def test_a_run_name_may_hold_colons():
    assert split_reference("a:b:cost") == ("a:b", "cost")


@pytest.mark.parametrize("format", ["table", "markdown", "json", "csv"])
def test_an_absent_figure_is_explained_by_its_cure(run_view, format):
    text = draw_steps(find_rows(run_view, "operational_g.market"), format)

    assert "no supply contract was given" in text or format == "csv"


def test_the_trace_is_drawn_only_if_there_is_one():
    assert '<svg class="chart"' not in HtmlExporter().render(view(example_bundle()))
    assert '<svg class="chart"' in HtmlExporter().render(view(example_bundle(), trace=example_trace()))


def test_a_password_is_never_shown():
    found = Settings(ledger="postgresql://team:s3cret@db/joulewise", zone="DE")
    listing = lists.settings(found)

    assert "s3cret" not in draw(listing, "table") + draw(listing, "json")
    assert listing.records[0]["value"] == "postgresql://team:***@db/joulewise"


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "text"),
    [
        ("2024-01-01", "2024-12-31", "2024"),
        ("2024-01-01", "2025-12-31", "2024 to 2025"),
        ("2024-01-01", "", "from 2024"),
        ("", "2024-12-31", "to 2024"),
        ("", "", "always"),
    ],
)
def test_the_years_of_a_factor(valid_from, valid_to, text):
    factor = replace(example_bundle().factors[0], valid_from=valid_from, valid_to=valid_to)

    assert lists.factors([factor]).grid.rows[0][3] == text
