"""Facts for the header, read from files."""

import os
import subprocess
import sys

import pytest

from joulewise.measure.facts import boot_id, git_facts, host_facts, process_facts, start_ticks
from joulewise.measure.meters.sysfs import text_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def checkout(tmp_path):
    git = tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "refs/heads/main").write_text(f"{COMMIT}\n")
    (tmp_path / "deep/er").mkdir(parents=True)
    return tmp_path


def test_the_commit_is_found_from_a_folder_below(checkout):
    assert git_facts(str(checkout / "deep/er")) == {"branch": "main", "commit": COMMIT}


def test_a_detached_head_has_no_branch(checkout):
    (checkout / ".git/HEAD").write_text(COMMIT)
    assert git_facts(str(checkout)) == {"commit": COMMIT}


def test_packed_refs_are_read(checkout):
    (checkout / ".git/refs/heads/main").unlink()
    (checkout / ".git/packed-refs").write_text(f"# pack-refs\n{'f' * 40} refs/heads/other\n{COMMIT} refs/heads/main\n")
    assert git_facts(str(checkout))["commit"] == COMMIT


def test_an_unborn_branch_has_no_commit(checkout):
    (checkout / ".git/refs/heads/main").unlink()
    assert git_facts(str(checkout)) == {"branch": "main"}


def test_a_worktree_points_to_its_repository(checkout, tmp_path):
    inner = checkout / ".git/worktrees/w"
    inner.mkdir(parents=True)
    (inner / "HEAD").write_text("ref: refs/heads/main")
    (inner / "commondir").write_text("../..")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {inner}")
    assert git_facts(str(tree)) == {"branch": "main", "commit": COMMIT}


def test_no_checkout_no_facts(tmp_path):
    (tmp_path / ".git").mkdir()
    assert git_facts(str(tmp_path)) == {}
    assert git_facts("/proc") == {}


def test_small_files(tmp_path):
    (tmp_path / "file").write_bytes(b" text \xff\n")
    assert text_of(str(tmp_path / "file")) == "text \ufffd"
    assert text_of(str(tmp_path / "none")) == ""
    assert text_of(str(tmp_path)) == ""


def test_a_process_is_named_by_its_start():
    assert start_ticks(os.getpid()) == start_ticks(os.getpid()) > 0
    child = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    child.stdout.read()
    while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT) is None:
        pass
    assert start_ticks(child.pid) is None, "a zombie measures nothing any more"
    child.wait()
    child.stdout.close()
    assert start_ticks(child.pid) is None


def test_a_process_name_with_brackets_and_blanks(tmp_path):
    folder = tmp_path / "proc/7"
    folder.mkdir(parents=True)
    (folder / "stat").write_text("7 (a) S 1) R " + " ".join(map(str, range(1, 40))))
    assert start_ticks(7, str(tmp_path)) == 19


def test_the_host_is_described_and_what_is_unknown_is_none(tmp_path):
    assert host_facts()["memory_kb"] > 0
    assert len(boot_id()) == 36
    unknown = host_facts(str(tmp_path))
    assert (unknown["machine_id"], unknown["memory_kb"], unknown["chassis"]) == ("", None, "")
    dmi = tmp_path / "sys/class/dmi/id"
    dmi.mkdir(parents=True)
    (dmi / "chassis_type").write_text("10\n")
    assert host_facts(str(tmp_path))["chassis"] == "laptop"


def test_no_secret_of_the_environment_is_kept():
    facts = process_facts({"SLURM_JOB_ID": "7", "JOULEWISE_REDFISH_PASSWORD": "hunter2", "AWS_SECRET": "hunter2"})
    assert facts["environment"] == {"SLURM_JOB_ID": "7"}
    assert "hunter2" not in str(facts)
