"""The share of the machine that limits leave to us, on fixture trees of /proc and /sys."""

from __future__ import annotations

from pathlib import Path

import pytest

from joulewise.core.errors import MeterUnavailable
from joulewise.measure.allocation import share_of_machine, share_of_memory

V2 = "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "33 32 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "34 32 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)


class Tree:
    def __init__(self, root: Path, mounts: str, cgroup: str, allowed: str = "0-7") -> None:
        self.root = root
        self.put("sys/devices/system/cpu/online", "0-7\n")
        self.put("proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda rw\n" + mounts)
        self.put("proc/self/cgroup", cgroup)
        self.put("proc/self/status", f"Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t{allowed}\n")
        self.put("proc/meminfo", "MemTotal:       16777216 kB\nMemFree: 1 kB\n")

    def put(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)


def test_without_limits_the_whole_machine_is_ours(tmp_path: Path) -> None:
    tree = Tree(tmp_path, V2, "0::/user.slice\n")
    tree.put("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n")
    tree.put("sys/fs/cgroup/user.slice/memory.max", "max\n")
    assert share_of_machine(str(tmp_path)) == (1.0, "no limit: all 8 CPUs")
    assert share_of_memory(str(tmp_path)) == (1.0, "no limit: all of the memory")


def test_a_quota_of_a_group_above_holds_as_well(tmp_path: Path) -> None:
    tree = Tree(tmp_path, V2, "0::/slurm/job_1/step_0\n")
    tree.put("sys/fs/cgroup/slurm/job_1/step_0/cpu.max", "400000 100000\n")
    tree.put("sys/fs/cgroup/slurm/job_1/cpu.max", "200000 100000\n")
    tree.put("sys/fs/cgroup/slurm/job_1/memory.max", "4294967296\n")
    assert share_of_machine(str(tmp_path)) == (0.25, "cpu.max grants 2, of 8 CPUs")
    assert share_of_memory(str(tmp_path)) == (0.25, "memory.max grants 4 GiB")


def test_version_1_in_a_container_whose_path_counts_from_the_host(tmp_path: Path) -> None:
    inner = V1.replace(" / /sys", " /docker/abc /sys")
    tree = Tree(tmp_path, inner, "9:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n")
    tree.put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n")
    tree.put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    tree.put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert share_of_machine(str(tmp_path)) == (0.0625, "cpu.cfs_quota_us grants 0.5, of 8 CPUs")
    assert share_of_memory(str(tmp_path))[0] == 1.0


def test_a_path_that_the_mount_does_not_show_falls_back_to_the_mount(tmp_path: Path) -> None:
    tree = Tree(tmp_path, V1.replace(" / /sys", " /other /sys"), "4:cpu,cpuacct:/elsewhere\n")
    tree.put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "400000\n")
    tree.put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    assert share_of_machine(str(tmp_path))[0] == 0.5


def test_no_quota_in_version_1_is_minus_one(tmp_path: Path) -> None:
    tree = Tree(tmp_path, V1, "4:cpu,cpuacct:/\n")
    tree.put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n")
    assert share_of_machine(str(tmp_path))[0] == 1.0


def test_affinity_counts_online_cpus_only(tmp_path: Path) -> None:
    Tree(tmp_path, "", "", allowed="2-3,6-127")
    assert share_of_machine(str(tmp_path)) == (0.5, "may run on 4 of 8 CPUs (affinity or cpuset)")


def test_another_process_may_be_asked_for(tmp_path: Path) -> None:
    tree = Tree(tmp_path, V2, "0::/\n")
    tree.put("proc/42/status", "Cpus_allowed_list:\t1\n")
    tree.put("proc/42/cgroup", "0::/\n")
    assert share_of_machine(str(tmp_path), 42)[0] == 0.125


def test_what_cannot_be_told_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(MeterUnavailable, match="/sys"):
        share_of_machine(str(tmp_path))
    with pytest.raises(MeterUnavailable, match="/proc"):
        share_of_memory(str(tmp_path))


def test_this_machine_gives_a_share() -> None:
    for share, why in (share_of_machine(), share_of_memory()):
        assert 0 < share <= 1
        assert why
