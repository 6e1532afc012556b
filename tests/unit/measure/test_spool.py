"""The spool: what is ready is taken in, what still runs is left alone, what is broken is named."""

import os
import shutil

import pytest

from joulewise.core.channels import ENERGY, Channel
from joulewise.core.errors import JournalError
from joulewise.core.ulid import new_ulid
from joulewise.measure.facts import start_ticks
from joulewise.measure.idle import known, path_in
from joulewise.measure.spool import filed_folder, mark_filed, running, take_in
from joulewise.testing.journals import JournalBuilder


def rapl(**changes):
    values = {"key": "rapl:0", "component": "cpu", "device": "cpu:0", "quantity": ENERGY, "scale": 1e-6}
    return Channel(**{**values, "method": "measured", "source": "test", **changes})


def write(spool, journal, run_id=None, name="1-a.jnl"):
    folder = spool / (run_id or journal.header["run_id"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(journal.content())
    return str(folder)


def journal(**header):
    return JournalBuilder([rapl()], **header).tick(0, 0, 0, [0]).tick(5, 1, 1, [50_000_000])


def alive():
    process = {**JournalBuilder().header["process"], "pid": os.getpid(), "start_ticks": start_ticks(os.getpid())}
    return journal(process=process)


def test_an_absent_spool_is_empty(tmp_path):
    assert list(take_in(str(tmp_path / "none"))) == []
    assert running(str(tmp_path / "none")) == []


def test_a_spool_that_is_a_file_is_an_error(tmp_path):
    (tmp_path / "spool").write_text("")
    with pytest.raises(JournalError, match="can't look into"):
        list(take_in(str(tmp_path / "spool")))


def test_a_finished_run_is_taken_in(tmp_path):
    folder = write(tmp_path, journal().end())
    [taken] = take_in(str(tmp_path))
    assert taken.folder == folder
    assert taken.result.bundle.run.status == "finished"
    assert taken.result.machine_j == pytest.approx(50.0)


def test_a_dead_run_is_recovered_up_to_its_last_tick(tmp_path):
    write(tmp_path, journal())
    [taken] = take_in(str(tmp_path))
    assert taken.result.bundle.run.status == "recovered"
    assert taken.result.duration_s == 5.0


def test_a_live_run_is_left_alone(tmp_path):
    write(tmp_path, alive())
    assert list(take_in(str(tmp_path))) == []
    assert [one.header["name"] for one in running(str(tmp_path))] == ["built"]


def test_a_group_waits_for_its_last_rank(tmp_path):
    run_id = new_ulid()
    write(tmp_path, journal(run_id=run_id).end(), run_id, "1-a.jnl")
    follower = alive()
    follower.header["leads"] = False
    write(tmp_path, follower, run_id, "2-b.jnl")
    assert list(take_in(str(tmp_path))) == []
    write(tmp_path, follower.end(), run_id, "2-b.jnl")
    [taken] = take_in(str(tmp_path))
    assert taken.result.bundle.run.environment["ranks"] == 2


def test_only_one_run_can_be_asked_for(tmp_path):
    first, second = journal().end(), journal().end()
    write(tmp_path, first)
    write(tmp_path, second, "group-abc")
    [taken] = take_in(str(tmp_path), only=second.header["run_id"])
    assert taken.folder.endswith("group-abc")


def test_broken_journals_are_named_and_cost_nobody_else(tmp_path):
    folder = write(tmp_path, journal().end())
    (tmp_path / os.path.basename(folder) / "2-b.jnl").write_bytes(b"rubbish\n")
    (tmp_path / "nothing").mkdir()
    os.utime(tmp_path / "nothing", (0, 0))
    (tmp_path / "header-only").mkdir()
    (tmp_path / "header-only" / "1-a.jnl").write_bytes(JournalBuilder().content())
    by_name = {os.path.basename(taken.folder): taken for taken in take_in(str(tmp_path))}
    good = by_name.pop(os.path.basename(folder))
    assert good.result.machine_j == pytest.approx(50.0)
    assert any("no valid header" in warning for warning in good.result.warnings)
    assert by_name["nothing"].result is None
    assert by_name["nothing"].problem == "no journal in the folder"
    assert "before its first snapshot" in by_name["header-only"].problem


def test_damaged_lines_are_in_the_warnings(tmp_path):
    built = journal().end()
    built.lines.insert(2, b"T 7 torn")
    write(tmp_path, built)
    [taken] = take_in(str(tmp_path))
    assert any("damaged" in warning for warning in taken.result.warnings)


def test_ranks_whose_leader_left_nothing_say_so(tmp_path):
    run_id = new_ulid()
    for name in ("1-a.jnl", "2-b.jnl"):
        write(
            tmp_path, JournalBuilder(leads=False, run_id=run_id).tick(0, 0, None).tick(5, 1, None).end(), run_id, name
        )
    [taken] = take_in(str(tmp_path))
    assert taken.result.energy_j is None
    assert any("left no journal" in warning for warning in taken.result.warnings)


def test_filed_journals_are_kept_as_evidence(tmp_path):
    built = journal().end()
    run_id = built.header["run_id"]
    folder = write(tmp_path, built)
    assert filed_folder(str(tmp_path), run_id) is None
    place = mark_filed(folder)
    assert filed_folder(str(tmp_path), run_id) == place
    assert list(take_in(str(tmp_path))) == []
    shutil.copytree(place, folder)
    assert mark_filed(folder) == f"{place}.2"
    assert mark_filed(folder) == f"{place}.3", "another command was first: nothing to move, no error"


def test_a_group_folder_is_found_by_its_run(tmp_path):
    built = journal().end()
    place = mark_filed(write(tmp_path, built, "group-x"))
    assert filed_folder(str(tmp_path), built.header["run_id"]) == place


def quiet(watts, host="builder", **header):
    built = JournalBuilder([rapl()], **header)
    for second in range(0, 60, 5):
        built.tick(second, 0, second * 0.1, [second * watts * 1_000_000])
    return built.end()


def test_idle_power_is_learned_from_quiet_seconds(tmp_path):
    state = str(tmp_path / "state")
    write(tmp_path / "spool", quiet(25))
    list(take_in(str(tmp_path / "spool"), state_folder=state))
    assert known(path_in(state), os.uname().nodename) == {"rapl:0": pytest.approx(25.0)}
    assert known(path_in(state), "another") == {}
    write(tmp_path / "spool", quiet(20))
    write(tmp_path / "spool", quiet(5, boot_id="another machine's"))
    list(take_in(str(tmp_path / "spool"), state_folder=state))
    assert known(path_in(state), os.uname().nodename) == {"rapl:0": pytest.approx(20.0)}


def test_a_broken_file_of_learned_powers_teaches_nothing(tmp_path):
    path = tmp_path / "idle.tsv"
    path.write_text("builder\trapl:0\tmany\nbuilder\trapl:1\t-5\nbuilder\trapl:2\nbuilder\trapl:3\t7.5\n")
    assert known(str(path), "builder") == {"rapl:3": 7.5}
    path.write_bytes(b"\xff\xfe")
    assert known(str(path), "builder") == {}


def test_a_state_folder_that_cannot_be_written_is_a_warning(tmp_path):
    (tmp_path / "state").write_text("")
    write(tmp_path / "spool", quiet(25))
    [taken] = take_in(str(tmp_path / "spool"), state_folder=str(tmp_path / "state" / "x"))
    assert any("idle power" in warning for warning in taken.result.warnings)


def test_a_rank_that_starts_late_is_waited_for_a_minute(tmp_path):
    first = journal(group_key="torchrun:job:1").end()
    process = {**first.header["process"], "environment": {"LOCAL_WORLD_SIZE": "2"}}
    early = journal(group_key="torchrun:job:1", process=process).end()
    folder = write(tmp_path, early)
    assert list(take_in(str(tmp_path))) == []
    os.utime(folder, (0, 0))
    [taken] = take_in(str(tmp_path))
    assert taken.result.bundle.run.environment["ranks"] == 1
