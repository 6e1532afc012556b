"""A task as people see it: a card that says how it stands and what to type next, and a list that hides nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from joulewise.api import filing, load_settings, plan_request, task_accounting, task_card, task_lines
from joulewise.api.submitting import Tasks
from joulewise.core.plans import TaskStatus
from joulewise.report.listing import Style, draw
from joulewise.testing.ledgers import empty_ledger, small_bundle
from joulewise.testing.plans import small_decision

MINUTE = timedelta(minutes=1)


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    settings = load_settings(zone="FR", ledger=empty_ledger(tmp_path / "ledger.db"), spool=str(tmp_path / "spool"))
    return Tasks(settings, folder=str(tmp_path / "tasks"))


def submitted(tasks, when="cleanest", **details):
    request = plan_request(duration_s=3600.0, within_s=7200.0)
    return tasks.submit(["sh", "-c", "echo a  b"], request, when=when, name="train", **details)


def ran(tasks, task_id, state="finished", code=0, minutes=(2,)):
    at = tasks.clock.now()
    for index, length in enumerate(minutes):
        tasks.journal.runs(task_id, at + index * 10 * MINUTE)
        if index < len(minutes) - 1:
            tasks.journal.rests(task_id, at + (index * 10 + length) * MINUTE, "paused", length * 60.0)
    end = at + ((len(minutes) - 1) * 10 + minutes[-1]) * MINUTE
    tasks.journal.end(task_id, end, TaskStatus(state=state, exit_code=code), minutes[-1] * 60.0)


def filed(tasks, task_id, parts=1):
    """The runs of a task, of a minute each, the task's own the sum."""
    with filing.opened(tasks.settings) as ledger:
        for number in range(1, parts + 1):
            ledger.append(small_bundle(number, parent_id=task_id))
        ledger.append(small_bundle(9, id=task_id, name="train", duration_s=60.0 * parts, energy_j=100.0 * parts))
        ledger.append_decision(small_decision(task_id))
    tasks.journal.accounted(task_id, task_id)


def lines(tasks, task_id):
    grid = task_card.card(tasks, tasks.one(task_id)).grid
    return [(str(name), str(text)) for name, text in grid.rows]


def card(tasks, task_id):
    return dict(lines(tasks, task_id))


def test_a_waiting_task_says_when_why_and_what_to_do(tasks):
    record, _ = submitted(tasks)
    found = card(tasks, record.id)

    assert found["State"] == "waiting: nobody drives it: joulewise tasks drive"
    assert found["Command"] == "sh -c 'echo a  b'"
    assert found["Planned"].endswith(", FR")
    assert "it runs in any case" in found["Deadline"]
    assert found["Note"].split(" ", 2)[2].startswith("assumed power: 100 W")
    assert found["Next"] == "joulewise tasks drive"
    assert "Ran" not in found


def test_who_waits_may_cancel_and_who_runs_may_look(tasks, monkeypatch):
    monkeypatch.setattr(tasks, "driver", lambda task_id: 1)
    record, _ = submitted(tasks)
    assert card(tasks, record.id)["Next"] == f"nothing to do; joulewise tasks cancel {record.id[-8:]} calls it off"
    tasks.journal.runs(record.id, tasks.clock.now())

    assert card(tasks, record.id)["Next"] == f"joulewise tasks logs {record.id[-8:]}"


def test_a_finished_task_tells_its_cost_its_saving_and_its_parts(tasks):
    record, _ = submitted(tasks)
    ran(tasks, record.id, minutes=(2, 3))
    filed(tasks, record.id, parts=2)
    found = card(tasks, record.id)

    assert found["Energy"].startswith("200 J")
    assert found["Carbon"].startswith("5.0 g CO2e")
    assert found["Saved"].startswith("300 g CO2e")
    assert found["Measured"] == "120 s in 2 parts"
    assert "by the clock, start-up included" in found["Ran"]
    assert [found[f"Part {n}"].split(", ", 1)[1] for n in (1, 2)] == ["60 s, 100 J (90 – 110)"] * 2
    assert found["Next"] == f"joulewise show {record.id[-8:]}"
    assert task_card.afterwards(tasks.one(record.id))[1].startswith("  part 2: ")


def test_one_part_is_the_whole_and_is_said_once(tasks):
    record, _ = submitted(tasks)
    ran(tasks, record.id)
    filed(tasks, record.id)

    assert card(tasks, record.id)["Measured"] == "60 s in 1 part"
    assert "Part 1" not in card(tasks, record.id)
    assert task_card.afterwards(tasks.one(record.id)) == []


def test_a_task_that_failed_shows_its_last_words(tasks):
    record, _ = submitted(tasks, when="now")
    tasks.journal.handle(record.id, record.id)
    ran(tasks, record.id, state="failed", code=3)
    tasks.journal.accounted(record.id, "nothing of it was measured")
    text = "\n".join([*map(str, range(3_000)), "", "Boom: no memory", "joulewise: 1 J · 2 s · joulewise show ID"])
    with open(tasks.log_path(record.id), "w", encoding="utf-8") as log:
        log.write(text + "\n")
    found = lines(tasks, record.id)

    assert dict(found)["State"] == "failed: exit code 3"
    assert dict(found)["Cost"] == "nothing of it was measured"
    assert dict(found)["Last words"] == "2996"
    assert found[-2:] == [("", "Boom: no memory"), ("Next", f"joulewise tasks logs {record.id[-8:]}")]
    why = "what it cost is not known: nothing of it was measured"
    assert task_card.afterwards(tasks.one(record.id)) == [f"{why} · joulewise tasks status {record.id[-8:]}"]


def test_one_that_was_cancelled_before_it_ran_has_printed_nothing(tasks):
    record, _ = submitted(tasks)
    tasks.journal.handle(record.id, record.id)
    tasks.journal.end(record.id, tasks.clock.now(), TaskStatus(state="cancelled"))
    found = card(tasks, record.id)

    assert "Last words" not in found
    assert found["Next"] == "joulewise submit -- COMMAND"


def test_a_ledger_that_cannot_be_reached_hides_the_cost_and_nothing_else(tasks, monkeypatch, caplog):
    record, _ = submitted(tasks)
    ran(tasks, record.id)
    tasks.journal.accounted(record.id, record.id)
    gone = load_settings(zone="FR", ledger="postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setattr("joulewise.api.task_runs.settings_of", lambda record: gone)

    assert card(tasks, record.id)["State"] == "finished"
    assert task_lines.listing(tasks).grid.rows[0][5] == "120 s *"
    assert "the runs of" in caplog.text


def test_the_record_for_machines_has_all_of_it(tasks):
    record, _ = submitted(tasks)
    ran(tasks, record.id, minutes=(2, 3))
    filed(tasks, record.id, parts=2)
    [found] = json.loads(draw(task_card.card(tasks, tasks.one(record.id)), "json"))

    assert (found["state"], found["measured_s"], found["ran_s"]) == ("finished", 120.0, 300.0)
    assert (found["energy_j"], found["saved_g"]) == (200.0, 300.0)
    assert len(found["part_runs"]) == len(found["spans"]) == 2


def test_the_list_shows_measured_seconds_or_says_that_they_are_not(tasks):
    ids = [submitted(tasks)[0].id for _ in range(3)]
    for one in ids[:2]:
        ran(tasks, one)
    filed(tasks, ids[0])
    listing = task_lines.listing(tasks)

    assert [line[5] for line in listing.grid.rows] == ["", "120 s *", "60 s"]
    assert "* by the clock, start-up included: no run of it is filed" in draw(listing, "table")
    assert "start-up" not in draw(task_lines.listing(Tasks(tasks.settings, folder=tasks.folder + "-other")), "table")


@pytest.mark.parametrize("width", [30, 60, 80, 120])
def test_no_column_of_the_list_ever_vanishes(tasks, width):
    record, _ = submitted(tasks)
    drawn = draw(task_lines.listing(tasks), "table", Style(width=width))

    assert all(word in drawn for word in ("train", "local", "waiting", record.id[-8:]))
    assert max(map(len, drawn.splitlines())) <= width or width == 30


def test_who_waits_in_the_foreground_is_told_where_it_will_stand(tasks):
    record, plan = submitted(tasks)
    record.schedule = replace(record.schedule, chosen="best-start")
    assert "joulewise runs lists it" in task_lines.in_front(record, plan)[-1]
    record.schedule = replace(record.schedule, chosen="now")

    assert not any("joulewise runs" in line for line in task_lines.in_front(record, plan))


def test_parts_in_view_are_quiet_and_others_are_not(tasks):
    quiet, _ = submitted(tasks, quiet=True)
    loud, _ = submitted(tasks)

    assert "--quiet" in quiet.submission.task.command
    assert "--quiet" not in loud.submission.task.command
    assert task_accounting.settings_of(loud).zone == "FR"


@pytest.mark.parametrize(
    ("driver", "cost", "step"),
    [(1, "being accounted", "in some seconds"), (None, "nobody drives it", "joulewise tasks drive")],
)
def test_one_that_has_just_ended_says_that_it_is_being_accounted(tasks, monkeypatch, driver, cost, step):
    record, _ = submitted(tasks)
    ran(tasks, record.id)
    monkeypatch.setattr(tasks, "driver", lambda task_id: driver)
    found = card(tasks, record.id)

    assert cost in found["Cost"]
    assert step in found["Next"]
    tasks.journal.accounted(record.id, "nothing of it was measured")
    assert card(tasks, record.id)["Cost"] == "nothing of it was measured"


def test_times_of_another_year_show_it(tasks, monkeypatch):
    record, _ = submitted(tasks)
    ended = record.submission.submitted_at
    assert str(ended.year) not in card(tasks, record.id)["Submitted"]
    monkeypatch.setattr(tasks.clock, "now", lambda: ended + timedelta(days=366))

    assert str(ended.year) in card(tasks, record.id)["Submitted"]
