"""What a plan saved, as people see it: rows that can be explained, an account a month, and honest words."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from joulewise.core.figures import Figure
from joulewise.core.plans import Segment
from joulewise.report import Style, draw, draw_run, view
from joulewise.report.lookup import find_rows
from joulewise.report.savings_rows import TITLE, savings_section
from joulewise.report.savings_view import NOTHING, backfill_list, savings_account, savings_jobs
from joulewise.schedule import Terms, decide, savings_by_type
from joulewise.testing.ledgers import FIRST, small_bundle
from joulewise.testing.plans import HOUR, around, hourly, small_decision, small_job, small_plan

RUN = small_bundle().run.id
KWH = 3.6e6
DAY = [500.0, 450.0, 400.0, 200.0, 100.0, 150.0, 300.0, 350.0]


def decided(hour=3, **words):
    segment = Segment(region="DE", start=FIRST + hour * HOUR, end=FIRST + (hour + 2) * HOUR)
    pieces = [(segment.start + n * HOUR, segment.start + (n + 1) * HOUR, KWH) for n in range(2)]
    signals = {"DE": hourly("DE", *DAY, **words)}
    return decide(small_plan(), RUN, pieces, [segment], signals, Terms(), decided_at=FIRST + 12 * HOUR)


def test_the_report_tells_planned_realised_counterfactual_and_hindsight():
    section = savings_section([decided(grade="live")])
    rows = {row.key: row for row in section.rows}

    assert list(rows) == ["saved_g", "saved_ratio", "realised_g", "counterfactual_g", "oracle_g", "planned_g"]
    assert rows["saved_g"].figure.value == 650
    assert rows["saved_ratio"].shown.startswith("68")
    assert "%" in rows["saved_ratio"].shown
    assert rows["planned_g"].figure.value == 200
    assert {row.basis for row in section.rows} == {"location"}
    assert "values of the hours themselves" in section.note
    assert "typical" not in section.note
    assert savings_section([]) is None


@pytest.mark.parametrize(
    ("notices", "words"),
    [
        ((), "planned with 500 W for 2 h"),
        (("assumed power: 100 W, since it is unknown",), "planned with an assumed 500 W for 2 h; not to be set beside"),
        (("assumed power: 1 W", "assumed duration: 1 h"), "planned with an assumed 500 W for an assumed 2 h; not to"),
    ],
)
def test_what_was_planned_says_for_what_job_and_keeps_its_own_unit(notices, words):
    segment = Segment(region="DE", start=FIRST + 3 * HOUR, end=FIRST + 5 * HOUR)
    pieces = [(segment.start, segment.end, 0.36)]  # 0.1 mWh where 1 kWh was planned
    plan = small_plan(notices=notices)
    decision = decide(plan, RUN, pieces, [segment], {"DE": hourly("DE", *DAY)}, decided_at=FIRST + 12 * HOUR)
    rows = {row.key: row for row in savings_section([decision]).rows}

    assert rows["planned_g"].note.startswith(words)
    assert rows["planned_g"].shown.startswith("200 g CO2e")
    assert "µg CO2e" in rows["realised_g"].shown
    assert words in "\n".join(rows["planned_g"].how.details)
    assert savings_section([small_decision(RUN)]).rows[-1].note == ""


def test_the_contract_stands_apart():
    rows = {row.key: row for row in savings_section([small_decision(RUN)]).rows}

    assert rows["market_saved_g"].basis == "market"
    assert "market-based" in rows["market_saved_g"].label


def test_the_newest_decision_is_shown():
    section = savings_section([small_decision(RUN, 1), small_decision(RUN, 2, realised_g=100.0)])

    assert section.rows[0].figure.value == 400


def test_typical_hours_and_open_questions_are_said():
    typical = savings_section([decided(status="climatology", grade="shape")]).note
    assert "100 % of the energy met typical values" in typical
    assert "backfill" in typical
    flat = decide(
        small_plan(),
        RUN,
        [(FIRST + 3 * HOUR, FIRST + 5 * HOUR, KWH)],
        [Segment(region="DE", start=FIRST + 3 * HOUR, end=FIRST + 5 * HOUR)],
        {"DE": hourly("DE", *[100.0] * 8)},
        decided_at=FIRST + 9 * HOUR,
    )
    assert "whether anything was saved is open" in savings_section([flat]).note


@pytest.mark.parametrize("format", ["table", "markdown", "html", "json", "csv"])
def test_every_format_holds_the_saving(format):
    shown = draw_run(view(small_bundle(), decisions=[decided()]), format)

    assert "saved_g" in shown if format in ("json", "csv") else TITLE in shown


def test_a_saving_can_be_explained_down_to_its_errors():
    run_view = view(small_bundle(), decisions=[decided()])
    [row] = find_rows(run_view, "saved_ratio")
    steps = list(row.how.walk())
    lines = [line for _, step in steps for line in step.details]

    assert [step.name for _, step in steps][:2] == ["saved_ratio", "saved_g"]
    assert any(line.startswith("level:DE: up to") for line in lines)
    assert any("100 to 500 g/kWh in 4 intervals, measured, test" in line for line in lines)
    assert any("ran in DE from 2026-01-05 11:00" in line for line in lines)
    paused = decide(
        small_plan(job=small_job(save_s=600.0, max_runs=None)),
        RUN,
        [(FIRST, FIRST + HOUR, KWH), (FIRST + 3 * HOUR, FIRST + 4 * HOUR, KWH)],
        [
            Segment(region="DE", start=FIRST, end=FIRST + HOUR),
            Segment(region="DE", start=FIRST + 3 * HOUR, end=FIRST + 4 * HOUR),
        ],
        {"DE": hourly("DE", *DAY)},
        decided_at=FIRST + 9 * HOUR,
    )
    [realised] = [row for row in savings_section([paused]).rows if row.key == "realised_g"]
    assert any("went into pausing" in line for line in realised.how.details)
    assert any("paused for 7,200 s" in line for line in realised.how.details)


def test_a_decision_without_details_is_shown_all_the_same():
    bare = small_decision(RUN, details={}, oracle=None, market_saved=None, ratio=None, segments=())
    section = savings_section([bare])

    assert [row.key for row in section.rows] == ["saved_g", "realised_g", "counterfactual_g"]
    assert "unstated origin" in section.note


# Lists


def months():
    later = replace(decided(), segments=(Segment(region="DE", start=FIRST + 800 * HOUR, end=FIRST + 802 * HOUR),))
    return savings_by_type([decided(), replace(later, id=small_decision(RUN).id)])


def test_the_account_has_a_line_a_month_and_one_for_all():
    listing = savings_account(months())
    text = draw(listing, "table")
    records = json.loads(draw(listing, "json"))

    assert [record["month"] for record in records] == ["2026-01", "2026-02", None]
    assert records[-1]["saved_g"] == pytest.approx(1_300)
    assert records[-1]["saved_ratio"] == pytest.approx(650 / 950)
    assert records[-1]["oracle_count"] == 2
    assert "2026-02" in text
    assert "never added" in listing.footer
    assert savings_account(()).footer == NOTHING


def test_the_account_says_what_it_does_not_know():
    half = savings_by_type([small_decision(RUN, 1), small_decision(RUN, 2, oracle=None, market_saved=None)])
    typical = savings_by_type([decided(status="climatology")])
    two = savings_by_type([decided(), replace(decided(basis="direct"), id=small_decision(RUN).id)])

    assert "A contract is known for 1 of 2 jobs." in savings_account(half).footer
    assert "hindsight is known for 1 of 2 jobs" in savings_account(half).footer
    assert "100 % of it rests on typical hours" in savings_account(typical).footer
    assert "an account each" in savings_account(two).footer
    assert [line[0] for line in savings_account(two).grid.rows] == [
        "all: average, direct, consumption",
        "all: average, lifecycle, consumption",
    ]


def test_a_line_a_job():
    listing = savings_jobs([decided(), small_decision(RUN, ratio=None, segments=())], {RUN: "train"})
    first, second = json.loads(draw(listing, "json"))

    assert (first["name"], first["saved_g"], first["waited_s"]) == ("train", 650, 3 * 3_600)
    assert second["started_at"] is None
    assert listing.footer == "2 jobs"
    assert savings_jobs([], {}).footer == NOTHING


class Told:
    name, decisions = "train", 1
    status_before, status_after, why = "climatology", "measured", ""

    def __init__(self, changed: bool, after: Figure | None, run_id: str = RUN, parent_id: str = "") -> None:
        self.run_id, self.parent_id = run_id, parent_id
        self.changed = changed
        self.before = around(5.0)
        self.after = after


def test_a_backfill_tells_before_and_after():
    listing = backfill_list([Told(True, around(4.0)), Told(False, None)])
    first, second = json.loads(draw(listing, "json"))

    assert (first["operational_before_g"], first["operational_after_g"]) == (5, 4)
    assert second["operational_after_g"] is None
    assert "1 of 2 jobs revised, 2 savings" in listing.footer


@pytest.mark.parametrize("width", [80, 120])
def test_remarks_of_a_backfill_stand_below_the_table_once_each(width):
    listing = backfill_list([Told(True, around(4.0)), *[Told(False, None)] * 3])
    drawn = draw(listing, "table", Style(width=width))
    remarks = [str(line[-1]) for line in listing.grid.rows]

    assert remarks == ["1", "2", "2", "2"]
    assert len(listing.notes) == 2
    assert all(note.split(";")[0] in drawn for note in listing.notes)
    assert max(map(len, drawn.splitlines())) <= width
    assert listing.notes[1] in draw(listing, "markdown")


def test_the_parts_of_a_task_are_counted_in_its_line():
    part, lone = Told(True, around(2.0), "P" * 26, RUN), Told(False, None, "L" * 26, "gone")
    listing = backfill_list([part, Told(True, around(4.0)), Told(True, around(2.0), "Q" * 26, RUN), lone])

    assert [str(line[1]) for line in listing.grid.rows] == ["train (2 parts)", "train"]
    assert "1 of 2 jobs revised" in listing.footer
    assert [one["part_of"] for one in listing.records] == [RUN, None, RUN, "gone"]
