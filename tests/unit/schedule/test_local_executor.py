"""Tasks on this machine, where the machine does not play along: reboots, kills, full disks, jobs that don't listen."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from joulewise.core.errors import ExecutorError
from joulewise.core.plans import Task
from joulewise.core.ulid import new_ulid
from joulewise.schedule.clock import Clock
from joulewise.schedule.executors.local import LocalExecutor
from joulewise.schedule.executors.local_processes import last_part, processes_of
from joulewise.testing.executors import FakePlace, scripts, starts_in


@pytest.fixture
def place(tmp_path):
    folder = str(tmp_path / "tasks")
    made = FakePlace(
        executor=LocalExecutor(folder, settle_s=0.0),
        reopen=lambda: LocalExecutor(folder, settle_s=0.0),
        commands=scripts(tmp_path),
        starts=starts_in(tmp_path),
        folder=str(tmp_path),
    )
    yield made
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        for pid in processes_of(name):
            os.kill(pid, signal.SIGKILL)


def begun(place, behaviour="forever", **options):
    task = place.task(behaviour, **options)
    handle = place.executor.submit(task)
    place.executor.start(handle)
    place.started(task.id)
    place.settled(handle, "running")
    return handle


def part_of(place, handle):
    return last_part(os.path.join(place.executor.folder, handle, "run"))


def rebooted(tmp_path):
    """A view of /proc as after a reboot: the same pids, another boot."""
    root = tmp_path / "after"
    os.makedirs(root / "proc/sys/kernel/random")
    (root / "proc/sys/kernel/random/boot_id").write_text("another-boot\n")
    for name in os.listdir("/proc"):
        if name.isdigit():
            os.symlink(f"/proc/{name}", root / "proc" / name)
    return str(root)


def test_after_a_reboot_no_process_of_the_old_boot_is_taken_for_ours_or_signalled(place, tmp_path):
    handle = begun(place)
    later = LocalExecutor(place.executor.folder, root=rebooted(tmp_path))

    assert later.status(handle).state == "running"  # only the lock, which no reboot leaves, says so here
    later.stop(handle)
    later.cancel(handle)
    time.sleep(0.1)
    assert place.executor.status(handle).state == "stopping"
    assert processes_of(handle), "a process with the old pid must not have been signalled"


def test_after_a_reboot_a_task_is_lost_and_can_be_started_again(place, tmp_path):
    handle = begun(place)
    part = part_of(place, handle)
    for pid in (part.supervisor, part.pid):
        os.kill(pid, signal.SIGKILL)
    later = LocalExecutor(place.executor.folder, root=rebooted(tmp_path))

    assert place.settled(handle, "lost", executor=later).detail
    later.start(handle)
    place.started(handle, 2)


def test_asked_to_stop_before_a_reboot_it_is_paused_after_it(place, tmp_path):
    handle = begun(place, "stubborn")
    place.executor.stop(handle)
    part = part_of(place, handle)
    for pid in (part.supervisor, part.pid):
        os.kill(pid, signal.SIGKILL)

    assert place.settled(handle, "paused", executor=LocalExecutor(place.executor.folder, root=rebooted(tmp_path)))


def test_a_job_that_ignores_sigterm_is_left_running_and_said(place):
    handle = begun(place, "stubborn", save_s=0.2)
    place.executor.stop(handle)
    assert place.executor.status(handle).state == "stopping"
    time.sleep(0.3)
    status = place.executor.status(handle)

    assert status.state == "running"
    assert "left running" in status.detail
    place.executor.stop(handle)
    assert place.executor.status(handle).state == "running"
    with open(os.path.join(place.folder, "enough"), "w", encoding="ascii"):
        pass
    assert place.settled(handle, "finished").exit_code == 0


def test_time_to_save_is_that_of_the_clock(place):
    fast = LocalExecutor(place.executor.folder, Clock(3600.0), settle_s=0.0)
    handle = begun(place, "stubborn", save_s=30.0)
    fast.stop(handle)
    time.sleep(0.05)

    assert fast.status(handle).state == "running"
    assert place.executor.status(handle).state == "stopping"


def test_cancelled_but_deaf_it_is_killed_after_its_time_to_save(place):
    handle = begun(place, "stubborn", save_s=0.3)
    place.executor.cancel(handle)

    assert place.executor.status(handle).state == "stopping"
    assert place.settled(handle, "cancelled").state == "cancelled"
    assert processes_of(handle) == []


def test_cancelled_twice_it_is_killed_at_once(place):
    handle = begun(place, "stubborn", save_s=1000.0)
    place.executor.cancel(handle)
    place.executor.cancel(handle)

    assert place.settled(handle, "cancelled").state == "cancelled"


def test_cancelled_while_frozen_it_ends(place):
    handle = begun(place, "forever", stop="freeze")
    place.executor.stop(handle)
    place.settled(handle, "paused")
    place.executor.cancel(handle)

    place.settled(handle, "cancelled")


def test_if_the_watching_process_is_killed_the_job_saves_and_can_go_on(place):
    handle = begun(place, "checkpoints")
    os.kill(part_of(place, handle).supervisor, signal.SIGKILL)

    place.settled(handle, "lost")
    place.executor.resume(handle)
    assert place.settled(handle, "finished").exit_code == 0
    assert place.starts(handle) == 2


def test_a_job_without_a_watching_process_still_counts_as_running(place):
    handle = begun(place, "stubborn")
    os.kill(part_of(place, handle).supervisor, signal.SIGKILL)
    time.sleep(0.1)
    status = place.executor.status(handle)
    place.executor.start(handle)
    time.sleep(0.2)

    assert (status.state, status.detail) == ("running", "the process that watched it was killed")
    assert place.starts(handle) == 1


def test_if_the_launcher_is_killed_what_it_left_is_asked_to_end_first(place, tmp_path):
    """`joulewise run` killed with SIGKILL leaves its command behind: it must not run beside the next part."""
    inner = scripts(tmp_path)["checkpoints"]
    launcher = (sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])", *inner)
    task = Task(id=new_ulid(), name="launched", command=launcher, folder=str(tmp_path))
    handle = place.executor.submit(task)
    place.executor.start(handle)
    place.started(handle)
    os.kill(part_of(place, handle).pid, signal.SIGKILL)

    assert place.settled(handle, "lost").exit_code == 128 + signal.SIGKILL
    assert processes_of(handle) == []
    assert os.path.exists(tmp_path / f"{handle}.saved")


def test_if_launcher_and_watcher_are_killed_the_rest_still_counts_as_running(place, tmp_path):
    inner = scripts(tmp_path)["stubborn"]
    launcher = (sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])", *inner)
    task = Task(id=new_ulid(), name="launched", command=launcher, folder=str(tmp_path))
    handle = place.executor.submit(task)
    place.executor.start(handle)
    place.started(handle)
    part = part_of(place, handle)
    os.kill(part.supervisor, signal.SIGKILL)
    os.kill(part.pid, signal.SIGKILL)
    time.sleep(0.1)
    place.executor.start(handle)

    assert place.executor.status(handle).state == "running"
    assert place.starts(handle) == 1


def test_a_signal_of_its_own_making_is_a_failure(place):
    task = Task(id=new_ulid(), name="crash", command=("sh", "-c", "kill -SEGV $$"), folder=place.folder)
    handle = place.executor.submit(task)
    place.executor.start(handle)
    status = place.settled(handle, "failed")

    assert status.exit_code == 128 + signal.SIGSEGV
    assert "signal 11" in status.detail


def test_a_shell_that_dies_before_its_command_has_saved_is_waited_for(place, tmp_path):
    """SIGTERM ends the shell at once; the job below it takes its time, and only then the task is paused."""
    slow = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), sys.exit(75)))\n"
    slow += f"open({str(tmp_path / 'ready')!r}, 'w').close()\ntime.sleep(60)"
    command = ("sh", "-c", '"$0" -c "$1"; true', sys.executable, slow)
    handle = place.executor.submit(Task(id=new_ulid(), name="shell", command=command, folder=place.folder))
    place.executor.start(handle)
    while not (tmp_path / "ready").exists():
        time.sleep(0.01)
    place.executor.stop(handle)
    time.sleep(0.15)

    assert place.executor.status(handle).state == "stopping"
    place.settled(handle, "paused")
    assert processes_of(handle) == []


@pytest.mark.parametrize(("command", "code"), [("no-such-command-at-all", 127), ("/etc/passwd", 126)])
def test_a_command_that_is_not_there_fails_as_in_a_shell(place, command, code):
    handle = place.executor.submit(Task(id=new_ulid(), name="x", command=(command,), folder=place.folder))
    place.executor.start(handle)

    assert place.settled(handle, "failed").exit_code == code
    with open(place.executor.log_path(handle), encoding="utf-8") as file:
        assert command in file.read()


def test_what_it_prints_is_in_its_log_over_all_parts(place):
    handle = begun(place, "checkpoints")
    place.executor.stop(handle)
    place.settled(handle, "paused")
    place.executor.resume(handle)
    place.settled(handle, "finished")

    with open(place.executor.log_path(handle), encoding="utf-8") as file:
        assert file.read() == "behaves: checkpoints\n" * 2


def test_its_output_can_be_ours(place, tmp_path):
    task = place.task("quick")
    code = "import sys\nfrom joulewise.schedule.executors.local import LocalExecutor\n"
    code += "LocalExecutor(sys.argv[1], output='-').start(sys.argv[2])"
    place.executor.submit(task)
    done = subprocess.run(
        [sys.executable, "-c", code, place.executor.folder, task.id], capture_output=True, text=True, check=True
    )

    assert done.stdout == "behaves: quick\n"
    assert not os.path.exists(place.executor.log_path(task.id))


def test_a_working_folder_that_is_gone_is_said(place):
    handle = place.executor.submit(Task(id=new_ulid(), name="x", command=("true",), folder="/no/such/folder"))

    with pytest.raises(ExecutorError, match="folder"):
        place.executor.start(handle)
    assert place.executor.status(handle).state == "waiting"


def test_a_deleted_folder_means_lost_and_its_job_is_not_run_twice(place):
    task = place.task("forever")
    handle = place.executor.submit(task)
    place.executor.start(handle)
    place.started(task.id)
    shutil.rmtree(os.path.join(place.executor.folder, handle))

    assert place.executor.status(handle).state == "lost"
    for call in (place.executor.start, place.executor.stop, place.executor.cancel):
        with pytest.raises(ExecutorError, match="nothing is kept"):
            call(handle)
    with pytest.raises(ExecutorError, match="still runs"):
        place.executor.submit(task)
    [pid] = processes_of(handle)
    os.kill(pid, signal.SIGKILL)
    while processes_of(handle):
        time.sleep(0.01)
    assert place.executor.submit(task) == handle


def test_a_task_that_cannot_be_kept_is_refused(tmp_path):
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(ExecutorError, match="can't keep"):
        LocalExecutor(str(tmp_path / "file")).submit(Task(id=new_ulid(), name="x", command=("true",), folder="/"))


FULL = """
import os, resource, signal, sys, time
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from joulewise.schedule.executors.local import LocalExecutor
place, task = LocalExecutor(sys.argv[1]), sys.argv[2]
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
place.start(task)
"""


def test_on_a_full_disk_it_still_runs_once_and_its_end_is_written_down_later(place, tmp_path):
    """RLIMIT_FSIZE is handed down: neither who runs nor how it ended can be written."""
    task = Task(id=new_ulid(), name="x", command=("sleep", "0.5"), folder=place.folder)
    place.executor.submit(task)
    subprocess.run([sys.executable, "-c", FULL, place.executor.folder, task.id], check=True)
    states = set()
    for _ in range(20):
        states.add(place.executor.status(task.id).state)
        place.executor.start(task.id)
        assert len(processes_of(task.id)) <= 1
        time.sleep(0.05)
    watchers = [
        int(name)
        for name in os.listdir("/proc")
        if name.isdigit() and task.id in _command_of(name) and "local_part" in _command_of(name)
    ]

    assert states == {"running"}
    assert len(watchers) == 1, "it waits for room to say how the task ended"
    subprocess.run(["prlimit", f"--pid={watchers[0]}", "--fsize=unlimited"], check=True)
    assert place.settled(task.id, "finished").exit_code == 0


def _command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def test_a_shutdown_that_signals_all_lets_the_job_save(place):
    """As init does: SIGTERM to every process, the watching one too."""
    handle = begun(place, "checkpoints")
    part = part_of(place, handle)
    os.kill(part.supervisor, signal.SIGTERM)

    assert place.settled(handle, "paused").exit_code == 75
    assert place.starts(handle) == 1


def test_ended_by_a_foreign_sigterm_it_is_lost_not_failed(place):
    handle = begun(place, "forever")
    os.kill(part_of(place, handle).pid, signal.SIGTERM)

    assert place.settled(handle, "lost").exit_code == 143


def test_no_zombies_stay_behind(place):
    handle = begun(place, "checkpoints")
    place.executor.stop(handle)
    place.settled(handle, "paused")
    part = part_of(place, handle)
    time.sleep(0.1)

    assert not any(os.path.exists(f"/proc/{pid}") for pid in (part.pid,))


@pytest.mark.parametrize(("times", "state"), [(1, "lost"), (2, "lost"), (3, "failed")])
def test_a_job_that_runs_out_of_memory_again_and_again_has_failed(place, times, state):
    task = place.task("forever")
    handle = place.executor.submit(task)
    for number in range(1, times + 1):
        with open(os.path.join(place.executor.folder, handle, f"run/part-{number}.end"), "w", encoding="ascii") as file:
            file.write("- 9 1.5 oom\n")
    found = place.executor.status(handle)

    assert (found.state, found.exit_code) == (state, 137)
    assert "out of memory" in found.detail
