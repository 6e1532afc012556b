"""Control groups on fixture trees of both versions, and for real where we may make one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from joulewise.measure.cgroups import GroupUsage, OwnGroup, folder_of, make_group, mounts, own_group, pids_below

V2_LINE = "30 23 0:26 {inner} /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n"
V1_LINE = "33 32 0:29 / /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{name}\n"
ME = str(os.getpid())


class Tree:
    """A machine whose group files are plain files."""

    def __init__(self, root: Path, mountinfo: str, cgroup: str) -> None:
        self.root = root
        self.put("proc/self/mountinfo", mountinfo)
        self.put("proc/self/cgroup", cgroup)

    def put(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)


@pytest.fixture
def container(tmp_path: Path) -> Tree:
    """Version 2 in a namespace of its own; two processes, 5 s used."""
    tree = Tree(tmp_path, V2_LINE.format(inner="/"), "0::/\n")
    tree.put("sys/fs/cgroup/cgroup.procs", f"{ME}\n")
    tree.put("sys/fs/cgroup/workers/cgroup.procs", "77\n")
    tree.put("sys/fs/cgroup/cpu.stat", "usage_usec 5000000\nuser_usec 4000000\n")
    return tree


def test_a_group_counts_with_the_groups_below_it(container: Tree) -> None:
    folder = f"{container.root}/sys/fs/cgroup"
    usage = GroupUsage(folder)
    assert usage.read_us() == 5_000_000
    assert pids_below(folder) == {int(ME), 77}
    usage.close()
    usage.close()
    assert usage.read_us() is None


def test_version_1_counts_nanoseconds(tmp_path: Path) -> None:
    (tmp_path / "cpuacct.usage").write_text("1234567\n")
    assert GroupUsage(str(tmp_path)).read_us() == 1234


def test_our_own_group_is_taken_only_while_all_in_it_are_ours(container: Tree) -> None:
    ours = {int(ME), 77}
    group = own_group(lambda: frozenset(ours), root=str(container.root))
    assert group is not None
    assert group.read_us() == 5_000_000
    assert group.pids() == ours
    container.put("sys/fs/cgroup/cgroup.procs", f"{ME}\n99\n")
    assert group.read_us() is None
    group.close()


@pytest.mark.parametrize(
    "procs", [f"{ME}\n0\n", f"{ME}\n99\n", "77\n", ""], ids=["hidden", "others", "not us", "empty"]
)
def test_a_group_with_others_or_without_us_is_not_ours(container: Tree, procs: str) -> None:
    container.put("sys/fs/cgroup/cgroup.procs", procs)
    assert own_group(lambda: frozenset({int(ME), 77}), root=str(container.root)) is None


def test_a_launcher_takes_off_its_own_time(container: Tree) -> None:
    used_us = OwnGroup(f"{container.root}/sys/fs/cgroup", lambda: frozenset({int(ME), 77}), True).read_us()
    assert used_us is not None
    assert used_us < 5_000_000


def test_without_a_counter_there_is_no_group(container: Tree) -> None:
    os.remove(f"{container.root}/sys/fs/cgroup/cpu.stat")
    assert own_group(lambda: frozenset({int(ME), 77}), root=str(container.root)) is None
    assert own_group(frozenset, root=f"{container.root}/nowhere") is None


def test_the_path_of_a_group_counts_from_where_the_mount_begins(tmp_path: Path) -> None:
    tree = Tree(tmp_path, V2_LINE.format(inner="/docker/abc"), "0::/docker/abc/sub\n")
    tree.put("sys/fs/cgroup/sub/cgroup.procs", "")
    [mount] = mounts(str(tmp_path))
    assert folder_of(mount, root=str(tmp_path)) == f"{tmp_path}/sys/fs/cgroup/sub"
    tree.put("proc/self/cgroup", "4:cpu:/x\n")
    assert folder_of(mount, root=str(tmp_path)) is None


def test_names_with_blanks_are_read(tmp_path: Path) -> None:
    Tree(tmp_path, "1 1 0:1 / /mnt/my\\040groups rw - cgroup2 cgroup2 rw\n", "")
    assert mounts(str(tmp_path))[0].point == f"{tmp_path}/mnt/my groups"


def test_no_group_is_made_where_it_would_change_the_scheduling(tmp_path: Path) -> None:
    tree = Tree(tmp_path, V1_LINE.format(name="cpu,cpuacct"), "4:cpu,cpuacct:/\n")
    tree.put("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "1\n")
    assert make_group("joulewise-x", str(tmp_path)) is None


def test_no_group_is_made_without_a_counter_or_permission(tmp_path: Path) -> None:
    tree = Tree(tmp_path, V1_LINE.format(name="cpuacct") + V2_LINE.format(inner="/"), "4:cpuacct:/\n0::/gone\n")
    tree.put("sys/fs/cgroup/cpuacct/cpuacct.usage", "1\n")  # a folder of plain files gets no counter by mkdir
    assert make_group("joulewise-x", str(tmp_path)) is None
    tree.put("sys/fs/cgroup/cpuacct/joulewise-x", "a file is in the way")
    assert make_group("joulewise-x", str(tmp_path)) is None


def test_a_real_group_counts_who_is_inside_and_goes_away_again() -> None:
    name = f"joulewise-test-{ME}"
    group = make_group(name)
    if group is None:
        pytest.skip("needs root, or a control group of our own")
    child = os.fork()
    if child == 0:
        ok = group.enter() and os.getpid() in group.pids()
        group.leave()
        os._exit(0 if ok and os.getpid() not in group.pids() else 1)
    _, status = os.waitpid(child, 0)
    used_us = group.read_us()
    group.remove()
    assert status == 0
    assert used_us is not None
    assert not os.path.exists(group.folder)


def test_a_real_group_with_a_process_left_inside_gives_it_back() -> None:
    group = make_group(f"joulewise-test-daemon-{ME}")
    if group is None:
        pytest.skip("needs root, or a control group of our own")
    end, hold = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(hold)
        os._exit(len(os.read(end, 1)))
    os.close(end)
    with open(f"{group.folder}/cgroup.procs", "w", encoding="ascii") as procs:
        procs.write(str(child))
    assert child in group.pids()
    group.remove()
    assert not os.path.exists(group.folder)
    os.close(hold)
    assert os.waitpid(child, 0)[1] == 0


def test_a_group_that_cannot_be_entered_says_so(container: Tree) -> None:
    from joulewise.measure.cgroups import CommandGroup

    folder = f"{container.root}/sys/fs/cgroup"
    group = CommandGroup(f"{folder}/workers/../", f"{container.root}/nowhere")
    os.remove(f"{folder}/cgroup.procs")
    assert not group.enter()
    group.leave()
    group.remove()
    assert os.path.exists(folder)
