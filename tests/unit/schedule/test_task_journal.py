"""The journal of tasks: what was written comes back, whatever happened to the disk, the folder or the writer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from joulewise.core.errors import JournalError, NotFound
from joulewise.core.plans import Job, Segment, Task, TaskStatus
from joulewise.core.ulid import new_ulid
from joulewise.measure.facts import boot_id, start_ticks
from joulewise.schedule.task_journal import TaskJournal
from joulewise.schedule.task_record import Schedule, Span, Submission

START = datetime(2026, 3, 1, tzinfo=UTC)


def at(hours):
    return START + timedelta(hours=hours)


def submission(name="train", **changes):
    task = Task(
        id=new_ulid(), name=name, command=("python", "ünïcode.py"), folder="/tmp", environment={"KEY": "v"},
        not_before=at(1), resources={"cpus": 4},
    )  # fmt: skip
    job = Job(
        name=name, duration_s=7200.0, power_profile=((3600.0, 100.0), (3600.0, 50.0)), release=at(0), deadline=at(24),
        home="DE", regions=("SE",), price_per_hour={"DE": 1.5},
    )  # fmt: skip
    return Submission(
        **{"task": task, "job": job, "executor": "local", "submitted_at": at(0), "extra": {"a": [1]}, **changes}
    )


SCHEDULE = Schedule(
    plan_id="p1", made_at=at(0), chosen="paused", reason="why", segments=(Segment(region="DE", start=at(3), end=at(4)),)
)


@pytest.fixture
def journal(tmp_path):
    made = TaskJournal(str(tmp_path / "tasks"))
    yield made
    made.close()


@pytest.fixture
def kept(journal):
    found = submission()
    journal.create(found)
    return found.task.id


def fresh(journal, task_id):
    """As another process reads it."""
    return TaskJournal(journal.folder).read(task_id)


def test_a_submission_comes_back_as_it_was(journal):
    given = submission()
    assert journal.create(given)

    assert fresh(journal, given.task.id).submission == given


def test_submitting_twice_is_submitting_once(journal):
    given = submission()

    assert journal.create(given)
    assert not journal.create(given)
    assert journal.ids() == [given.task.id]


def test_a_task_without_a_job_comes_back(journal):
    given = submission(job=None)
    journal.create(given)

    assert fresh(journal, given.task.id).submission.job is None


def test_a_life_is_told_in_order(journal, kept):
    journal.plan(kept, SCHEDULE)
    journal.handle(kept, "h")
    journal.runs(kept, at(3))
    journal.seen(kept, at(3.5), 1800.0)
    journal.asked(kept, at(4))
    assert fresh(journal, kept).state == "stopping"
    journal.rests(kept, at(4.1), "paused", 3960.0)
    assert fresh(journal, kept).state == "paused"
    journal.runs(kept, at(8))
    journal.rests(kept, at(9), "lost", 3600.0)
    journal.note(kept, at(9), "lost")
    journal.runs(kept, at(10))
    journal.end(kept, at(11), TaskStatus(state="finished", exit_code=0, detail="well"), 3600.0)
    journal.accounted(kept, "a run")
    record = fresh(journal, kept)

    assert record.spans == [
        Span(at(3), at(4.1), 3960.0, "paused"),
        Span(at(8), at(8), 3600.0, "lost"),
        Span(at(10), at(11), 3600.0, "finished"),
    ]
    assert (record.state, record.exit_code, record.detail, record.accounted) == ("finished", 0, "well", "a run")
    assert (record.handle, record.first_plan_id, record.schedule) == ("h", "p1", SCHEDULE)
    assert record.notes == [(at(9), "lost")]
    assert record.losses == 1
    assert record.ended


def test_the_first_plan_is_remembered(journal, kept):
    journal.plan(kept, SCHEDULE)
    journal.plan(kept, Schedule(plan_id="p2", made_at=at(1), chosen="now", reason="", segments=()))

    assert fresh(journal, kept).first_plan_id == "p1"
    assert fresh(journal, kept).schedule.plan_id == "p2"


def test_cut_at_any_byte_the_rest_counts(journal, kept, tmp_path):
    journal.runs(kept, at(3))
    journal.rests(kept, at(4), "paused", 3600.0)
    journal.close()
    path = f"{journal.folder}/{kept}/task.jnl"
    with open(path, "rb") as file:
        content = file.read()
    first = content.index(b"\n") + 1
    for cut in range(first, len(content)):
        with open(path, "wb") as file:
            file.write(content[:cut])
        record = fresh(journal, kept)
        assert record.state in ("waiting", "running", "paused")
        assert len(record.problems) <= 1
        other = TaskJournal(journal.folder)
        other.note(kept, at(5), "written after the cut")
        other.close()
        assert fresh(journal, kept).notes == [(at(5), "written after the cut")]


def test_a_changed_byte_is_noticed(journal, kept):
    journal.handle(kept, "handle")
    journal.close()
    path = f"{journal.folder}/{kept}/task.jnl"
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content.replace(b'"handle": "handle"', b'"handle": "hundle"'))
    record = fresh(journal, kept)

    assert record.handle == ""
    assert "damaged" in record.problems[0]


@pytest.mark.parametrize("content", [b"", b"garbage\n", b"T {} 00000000\n"])
def test_a_journal_without_a_task_is_refused_and_left_out(journal, kept, content):
    broken = f"{journal.folder}/{new_ulid()}"
    os.makedirs(broken)
    with open(f"{broken}/task.jnl", "wb") as file:
        file.write(content)

    with pytest.raises(JournalError):
        journal.read(os.path.basename(broken))
    assert [record.id for record in journal.tasks()] == [kept]


def test_a_journal_of_another_version_is_refused(journal):
    from joulewise.measure.journal import line_of

    task_id = new_ulid()
    os.makedirs(f"{journal.folder}/{task_id}")
    with open(f"{journal.folder}/{task_id}/task.jnl", "wb") as file:
        file.write(line_of("T", '{"task": {}}'))

    with pytest.raises(JournalError, match="can't be read"):
        journal.read(task_id)


def test_fields_of_a_later_version_are_left_out(journal, kept):
    import json

    from joulewise.measure.journal import line_of
    from joulewise.schedule.task_record import submission_as_plain

    values = submission_as_plain(fresh(journal, kept).submission)
    values["later"] = values["task"]["later"] = values["job"]["later"] = 1
    with open(f"{journal.folder}/{kept}/task.jnl", "wb") as file:
        file.write(line_of("T", json.dumps(values)))

    assert fresh(journal, kept).id == kept


def test_it_is_readable_by_its_owner_only(journal, kept):
    assert os.stat(f"{journal.folder}/{kept}/task.jnl").st_mode & 0o077 == 0
    assert os.stat(f"{journal.folder}/{kept}").st_mode & 0o077 == 0


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from datetime import UTC, datetime
from joulewise.schedule.task_journal import TaskJournal
folder, task, room = sys.argv[1], sys.argv[2], int(sys.argv[3])
journal = TaskJournal(folder)
now = datetime(2026, 3, 1, tzinfo=UTC)
resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
journal.runs(task, now)
journal.note(task, now, "second")
print(journal.read(task).state, len(journal.read(task).notes), bool(journal.problem(task)))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.note(task, now, "third")
print(bool(journal.problem(task)))
"""


@pytest.mark.parametrize("more", [0, 7, 40])
def test_on_a_full_disk_it_is_kept_in_memory_and_written_later(journal, kept, more):
    room = os.stat(f"{journal.folder}/{kept}/task.jnl").st_size + more
    done = subprocess.run(
        [sys.executable, "-c", FULL, journal.folder, kept, str(room)], capture_output=True, text=True, check=True
    )

    assert done.stdout == "running 1 True\nFalse\n"
    assert [text for _, text in fresh(journal, kept).notes] == ["second", "third"]
    assert fresh(journal, kept).state == "running"


FULL_AT_ONCE = """
import resource, signal, sys, os
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.path.insert(0, os.path.dirname(sys.argv[2]))
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
from test_task_journal import TaskJournal, submission, JournalError
try:
    TaskJournal(sys.argv[1]).create(submission())
except JournalError as error:
    print(error.hint)
print(os.listdir(sys.argv[1]))
"""


def test_on_a_full_disk_nothing_is_half_submitted(journal):
    os.makedirs(journal.folder)
    done = subprocess.run(
        [sys.executable, "-c", FULL_AT_ONCE, journal.folder, __file__], capture_output=True, text=True, check=True
    )

    assert "free some disk space" in done.stdout
    assert done.stdout.endswith("[]\n")


def test_a_deleted_folder_is_not_there(journal, kept):
    journal.note(kept, at(0), "opens it")
    shutil.rmtree(f"{journal.folder}/{kept}")

    assert not journal.exists(kept)
    assert journal.take(kept) is None
    assert journal.driver(kept) is None
    with pytest.raises(NotFound):
        journal.read(kept)
    journal.close()
    with pytest.raises(NotFound):
        journal.note(kept, at(0), "gone")


def test_one_drives_at_a_time(journal, kept):
    mine = journal.take(kept)

    assert mine is not None
    assert TaskJournal(journal.folder).take(kept) is None
    assert journal.driver(kept) == os.getpid()
    os.close(mine)
    again = TaskJournal(journal.folder).take(kept)
    assert again is not None
    os.close(again)


def sign(journal, task_id, text):
    with open(f"{journal.folder}/{task_id}/lock", "w", encoding="ascii") as file:
        file.write(text)


def test_where_locks_do_not_hold_the_signature_does(journal, kept):
    """On a disk without locks: a living process has signed."""
    sleeper = subprocess.Popen(["sleep", "30"])
    while start_ticks(sleeper.pid) is None:
        time.sleep(0.01)
    sign(journal, kept, f"{sleeper.pid} {start_ticks(sleeper.pid)} {boot_id()}")

    assert journal.take(kept) is None
    assert journal.driver(kept) == sleeper.pid
    sleeper.kill()
    sleeper.wait()
    taken = journal.take(kept)
    assert taken is not None
    os.close(taken)


@pytest.mark.parametrize("text", ["{pid} 1 {boot}", "{pid} {ticks} another-boot", "garbage", "", "1 2"])
def test_a_signature_of_another_process_or_boot_counts_for_nothing(journal, kept, text):
    parent = os.getppid()
    sign(journal, kept, text.format(pid=parent, ticks=start_ticks(parent), boot=boot_id()))

    assert journal.driver(kept) is None
    taken = journal.take(kept)
    assert taken is not None
    os.close(taken)


def test_tasks_are_found_by_what_people_remember(journal):
    first = submission(name="first")
    time.sleep(0.002)
    second = submission(name="second")
    journal.create(first)
    journal.create(second)
    one, two = first.task.id, second.task.id

    assert journal.resolve("last") == two
    assert journal.resolve(one) == one
    assert journal.resolve(one[-8:].lower()) == one
    assert journal.resolve("second") == two
    for wrong in ("", "01", "nobody"):
        with pytest.raises(NotFound):
            journal.resolve(wrong)


def test_open_tasks_are_told_apart(journal, kept):
    other = submission()
    journal.create(other)
    journal.end(other.task.id, at(1), TaskStatus(state="cancelled"))

    assert [record.id for record in journal.tasks(only_open=True)] == [kept]
    assert len(list(journal.tasks())) == 2


def test_without_a_folder_there_are_no_tasks(tmp_path):
    assert TaskJournal(str(tmp_path / "nothing")).ids() == []
