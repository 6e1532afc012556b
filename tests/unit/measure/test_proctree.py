"""Stat lines, PID windows and the reports of forked children, on fixture trees and on ourselves."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from joulewise.core.errors import MeterUnavailable, NotFound
from joulewise.measure import proctree
from joulewise.measure.cputime import TreeClock
from joulewise.measure.forks import ForkReports
from joulewise.measure.lookout import Lookout
from joulewise.measure.proctree import Processes, parse_stat

ME = os.getpid()
LATER = 1 << 40  # a start time after any clock of ours was made


def stat_line(pid: int, ppid: int, *, used: tuple[int, int, int, int] = (0, 0, 0, 0), **more: int) -> str:
    fields = [
        "S",
        ppid,
        pid,
        pid,
        0,
        -1,
        0,
        0,
        0,
        0,
        0,
        *used,
        20,
        0,
        more.get("threads", 1),
        0,
        more.get("start", 500),
    ]
    return f"{pid} (a b) c) {' '.join(map(str, fields))} {'0 ' * 15}{more.get('exit_signal', 17)} 0 0 0 0\n"


class Tree:
    """A /proc of plain files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.put("loadavg", "0.1 0.2 0.3 1/90 100\n")
        self.put("sys/kernel/pid_max", "32768\n")
        self.put(f"{ME}/task/{ME}/children", "")

    def put(self, path: str, text: str) -> None:
        (self.root / "proc" / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / "proc" / path).write_text(text)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_name_with_blanks_and_brackets_does_not_shift_the_fields() -> None:
    stat = parse_stat(stat_line(7, 3, used=(1, 2, 30, 40), threads=5, start=900).encode(), 10_000)
    assert (stat.own_us, stat.waited_us, stat.ppid) == (30_000, 700_000, 3)
    assert (stat.state, stat.threads, stat.start_tick, stat.exit_signal) == ("S", 5, 900, 17)


def test_the_tree_below_a_pid_on_a_fixture(tree: Tree) -> None:
    tree.put("50/stat", stat_line(50, 1, used=(10, 0, 0, 0)))
    tree.put("50/task/50/children", "51 52 53 ")
    tree.put("51/stat", stat_line(51, 50, used=(5, 5, 0, 0)))
    tree.put("52/stat", stat_line(51, 50, exit_signal=-1))
    clock = TreeClock(50, view=Processes(str(tree.root)))
    assert clock.pids() == {50, 51}
    tree.put("51/stat", stat_line(51, 50, used=(25, 5, 0, 0)))
    tree.put("50/stat", stat_line(50, 1, used=(11, 0, 2, 0)))
    assert clock.read_us() == 230_000
    clock.close()


def test_a_number_with_another_start_time_is_another_process(tree: Tree) -> None:
    tree.put("50/stat", stat_line(50, 1))
    probe = Processes(str(tree.root)).look(50)
    assert probe is not None
    assert probe.read() is not None
    tree.put("50/stat", stat_line(50, 1, start=501))
    assert probe.read() is None
    probe.close()
    probe.close()


def test_there_is_no_clock_of_nobody(tree: Tree) -> None:
    with pytest.raises(NotFound, match="ps -p 4242"):
        TreeClock(4242, view=Processes(str(tree.root)))


def test_windows_wrap_at_the_highest_pid(tree: Tree) -> None:
    view = Processes(str(tree.root))
    assert list(view.born_between(7, 9)) == [8, 9]
    assert list(view.born_between(32_766, 2)) == [32_767, 1, 2]
    tree.put("sys/kernel/pid_max", "4194304\n")
    assert len(Processes(str(tree.root)).born_between(1000, 999)) == 4_194_303


@pytest.mark.parametrize("text", ["", "nonsense\n"])
def test_without_a_last_pid_the_children_files_are_read_each_time(tree: Tree, text: str) -> None:
    tree.put("loadavg", text)
    assert Processes(str(tree.root)).last_pid() is None
    (tree.root / "proc" / "loadavg").unlink()
    assert Processes(str(tree.root)).last_pid() is None


def test_a_long_window_on_a_kernel_without_children_files_takes_the_listed_ones(tree: Tree) -> None:
    tree.put("50/stat", stat_line(50, 1))
    view = Processes(str(tree.root), children_files=False)
    clock = TreeClock(50, view=view)
    tree.put("loadavg", "0 0 0 1/1 30000\n")
    tree.put("20000/stat", stat_line(20_000, 50, used=(7, 0, 0, 0), start=LATER))
    tree.put("21000/stat", stat_line(21_000, 1, used=(9, 0, 0, 0), start=LATER))
    assert clock.read_us() == 70_000
    assert clock.pids() == {50, 20_000}


def test_a_process_born_before_the_clock_counts_from_when_it_is_found(tree: Tree) -> None:
    tree.put("50/stat", stat_line(50, 1))
    clock = TreeClock(50, view=Processes(str(tree.root)))
    tree.put("loadavg", "0 0 0 1/1 101\n")
    tree.put("101/stat", stat_line(101, 50, used=(70, 0, 0, 0), start=1))
    assert clock.read_us() == 0
    tree.put("101/stat", stat_line(101, 50, used=(71, 0, 0, 0), start=1))
    assert clock.read_us() == 10_000


def test_no_more_than_so_many_files_are_kept_open(tree: Tree) -> None:
    view = Processes(str(tree.root))
    for pid in range(1000, 1000 + proctree.MAX_KEPT_OPEN + 3):
        tree.put(f"{pid}/stat", stat_line(pid, 1, used=(4, 0, 0, 0)))
    probes = [view.look(pid) for pid in range(1000, 1000 + proctree.MAX_KEPT_OPEN + 3)]
    assert view.kept_open == proctree.MAX_KEPT_OPEN
    assert all(probe and (stat := probe.read()) and stat.own_us == 40_000 for probe in probes)
    (tree.root / "proc" / f"{1000 + proctree.MAX_KEPT_OPEN}" / "stat").unlink()
    last = probes[proctree.MAX_KEPT_OPEN]
    assert last is not None
    assert last.read() is None
    for probe in probes:
        assert probe is not None
        probe.close()
    assert view.kept_open == 0


@pytest.mark.parametrize(("mask", "ignores"), [("0000000000010000", True), ("fffffffffffeffff", False)])
def test_who_ignores_sigchld_is_in_the_status(tree: Tree, mask: str, ignores: bool) -> None:
    tree.put("50/status", f"Name:\tx\nSigIgn:\t{mask}\nSigCgt:\t{mask}\n")
    assert Processes(str(tree.root)).ignores_children(50) is ignores
    assert not Processes(str(tree.root)).ignores_children(51)


def test_threads_are_no_processes_and_have_no_clock_of_their_own() -> None:
    view, stop, ids = Processes(), threading.Event(), []
    thread = threading.Thread(target=lambda: (ids.append(threading.get_native_id()), stop.wait(20)))
    thread.start()
    while not ids:
        time.sleep(0.001)
    try:
        assert view.look(ids[0]) is None
        assert view.own_threads() >= 2
    finally:
        stop.set()
        thread.join()
        view.close()


def test_a_real_child_is_found_by_either_way_and_let_go_when_it_ends() -> None:
    for children_files in (True, False):
        clock = TreeClock(view=Processes(children_files=children_files))
        child = subprocess.Popen(["sleep", "30"])
        clock.read_us()
        assert child.pid in clock.pids()
        child.kill()
        child.wait()
        clock.read_us()
        assert child.pid not in clock.pids()
        clock.close()


def test_a_closed_clock_has_no_reading() -> None:
    clock = TreeClock()
    assert clock.read_us() >= 0
    clock.close()
    clock.close()
    with pytest.raises(MeterUnavailable, match="new TreeClock"):
        clock.read_us()


def test_a_forked_child_reports_itself_and_does_not_own_the_clock() -> None:
    clock = TreeClock()
    child = os.fork()
    if child == 0:
        try:
            clock.read_us()
        except MeterUnavailable:
            clock.close()
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    clock.read_us()
    clock.close()


def test_reports_tell_pid_and_time_of_forks_and_of_forks_in_forks() -> None:
    reports = ForkReports(lambda: None)
    first = os.fork()
    if first == 0:
        second = os.fork()
        if second == 0:
            os._exit(0)
        os.waitpid(second, 0)
        os._exit(0)
    os.waitpid(first, 0)
    told = reports.take()
    assert len(told) == 2
    assert told[0][0] == first
    assert all(0 < born_ns <= time.clock_gettime_ns(time.CLOCK_BOOTTIME) for _, born_ns in told)
    assert reports.take() == []
    reports.close()
    reports.close()


def test_what_is_inherited_is_dropped_once_and_a_closed_pipe_is_left_alone() -> None:
    dropped: list[str] = []
    reports = ForkReports(lambda: dropped.append("once"))
    reports.report()
    assert [pid for pid, _ in reports.take()] == [ME]
    reports.close()
    reports.report()
    assert reports.take() == []
    reports.forsake()
    reports.forsake()
    assert dropped == ["once"]


class Usage:
    """A control group that tells more than the tree, and then nothing."""

    def __init__(self) -> None:
        self.used_us: int | None = 1_000_000
        self.closed = False

    def read_us(self) -> int | None:
        return self.used_us

    def pids(self) -> frozenset[int]:
        return frozenset({4711})

    def close(self) -> None:
        self.closed = True


def test_a_control_group_adds_what_the_tree_does_not_see_and_it_stays_counted() -> None:
    usage = Usage()
    clock = TreeClock(usage=usage)
    assert clock.pids() == {4711}
    usage.used_us = 61_000_000
    assert clock.read_us() == 60_000_000
    usage.used_us = None
    assert 60_000_000 <= clock.read_us() < 70_000_000
    clock.close()
    assert usage.closed


CLOSES_ALL = """
import os, sys
from joulewise.measure.cputime import TreeClock
clock = TreeClock()
import subprocess
child = subprocess.Popen(["sleep", "20"])
clock.read_us()
os.closerange(3, 100)
fds = [os.open(sys.argv[1], os.O_RDWR | os.O_CREAT) for _ in range(20)]
if os.fork() == 0:
    os._exit(0)
os.wait()
clock.read_us()
child.kill()
print("ok")
"""


def test_a_program_that_closes_all_descriptors_gets_nothing_written_into_its_files(tmp_path: Path) -> None:
    file = tmp_path / "its own"
    done = subprocess.run([sys.executable, "-c", CLOSES_ALL, str(file)], capture_output=True, text=True, check=False)
    assert done.stdout == "ok\n", done.stderr
    assert file.read_bytes() == b""


def test_a_full_pipe_holds_nobody_up() -> None:
    reports = ForkReports(lambda: None)
    for _ in range(5000):
        reports.report()
    assert 0 < len(reports.take()) < 5000
    reports.close()


def test_a_lookout_without_news_finds_nobody() -> None:
    view = Processes(f"{os.devnull}/nowhere")
    assert Lookout(view).find({}, alone=False) == {}
    assert view.listed() == []
