"""The example run in every format, word for word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from joulewise.core.plugins import load
from joulewise.core.records import Bundle
from joulewise.report import draw_steps, find_rows, view
from joulewise.report.listing import csv_text, figure_records
from joulewise.report.terminal import TableExporter
from joulewise.testing.bundles import example_bundle, example_trace

HOSTILE = "<script>alert(1)</script>|`*=cmd()\x1b[31m\u202e"


def hostile_bundle() -> Bundle:
    """The example run, with an attack in every name that a user can choose."""
    return example_bundle(
        name=HOSTILE, tags={HOSTILE: HOSTILE}, command=(HOSTILE,), project=HOSTILE, unit=HOSTILE, warnings=(HOSTILE,)
    )


@pytest.mark.parametrize(("name", "suffix"), [("markdown", ".md"), ("json", ".json"), ("html", ".html")])
def test_the_example_run(same_as_golden, name, suffix):
    same_as_golden(f"run{suffix}", load("exporters", name)().render(view(example_bundle(), trace=example_trace())))


@pytest.mark.parametrize(("width", "ascii_only"), [(120, False), (100, False), (60, True)])
def test_the_example_run_in_a_terminal(same_as_golden, width, ascii_only):
    exporter = TableExporter(width=width, ascii_only=ascii_only)

    same_as_golden(f"run-{width}{'-ascii' * ascii_only}.txt", exporter.render(view(example_bundle())))


def test_the_example_run_in_brief(same_as_golden):
    outer = replace(example_bundle(id="01KKPB3RJ8000000000000CH1D", name="outer"), phases=())

    same_as_golden("brief.txt", TableExporter(brief=True).render(view(outer, [example_bundle()])))


def test_the_example_run_as_csv(same_as_golden):
    same_as_golden("run.csv", csv_text(figure_records(view(example_bundle()))))


@pytest.mark.parametrize(
    ("name", "suffix"), [("markdown", ".md"), ("json", ".json"), ("html", ".html"), ("table", ".txt")]
)
def test_a_hostile_run(same_as_golden, name, suffix):
    same_as_golden(f"hostile{suffix}", load("exporters", name)().render(view(hostile_bundle())))


@pytest.mark.parametrize(("name", "suffix"), [("markdown", ".md"), ("table", ".txt")])
def test_a_run_without_meters(same_as_golden, name, suffix):
    bare = Bundle(run=example_bundle(coverage=None, unit=None, unit_count=None, environment={}).run)

    same_as_golden(f"unmeasured{suffix}", load("exporters", name)().render(view(bare)))


@pytest.mark.parametrize(
    ("format", "suffix"), [("table", ".txt"), ("markdown", ".md"), ("json", ".json"), ("csv", ".csv")]
)
def test_the_steps_of_a_figure(same_as_golden, format, suffix):
    rows = find_rows(view(example_bundle()), "emissions")

    same_as_golden(f"explain{suffix}", draw_steps(rows, format))
