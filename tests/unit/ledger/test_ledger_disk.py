"""Places where a ledger can't be, files that are none, and disks that fill up."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from joulewise import ledger
from joulewise.core.errors import LedgerError, UsageError
from joulewise.ledger.disk import check_place, file_system
from joulewise.ledger.engine import _is_locked, sqlite_path
from joulewise.testing.ledgers import empty_ledger, full_bundle, small_bundle

MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:44 / /home rw,relatime - nfs4 server:/home rw
31 30 0:45 / /home/me/local\\040disk rw shared:9 master:2 - xfs /dev/sdb rw
33 22 0:47 / /lustre rw - lustre mgs@tcp:/fs rw
garbage
"""


@pytest.fixture
def mounts(tmp_path: Path) -> str:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    return str(tmp_path / "mountinfo")


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"),
        ("/homeless", "ext4"),
        ("/home", "nfs4"),
        ("/home/me", "nfs4"),
        ("/home/me/local disk/x", "xfs"),
        ("/lustre/a/b", "lustre"),
    ],
)
def test_the_file_system_of_a_folder(mounts, folder, kind):
    assert file_system(folder, mounts) == kind


def test_a_network_file_system_is_refused_with_the_cure(tmp_path):
    (tmp_path / "mountinfo").write_text(f"1 1 0:1 / {os.path.realpath(tmp_path)} rw - nfs4 server:/home rw\n")
    with pytest.raises(LedgerError, match="network file system") as refused:
        check_place(str(tmp_path / "ledger.db"), create=True, mounts=str(tmp_path / "mountinfo"))
    assert "postgresql://" in refused.value.hint


def test_where_the_kernel_says_nothing_nothing_is_refused(tmp_path):
    check_place(str(tmp_path / "new" / "ledger.db"), create=True, mounts=str(tmp_path / "none"))
    assert (tmp_path / "new").is_dir()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////a/b.db", "/a/b.db"),
        ("/a/b.db", "/a/b.db"),
        ("sqlite:////a/50% of ?#&.db", "/a/50% of ?#&.db"),
        ("sqlite:///b.db", f"{os.getcwd()}/b.db"),
        ("postgresql://h/d", None),
        ("postgres://h/d", None),
    ],
)
def test_urls(url, path):
    assert sqlite_path(url) == path


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "", "sqlite:///:memory:", "mysql://h/d", "a\x00b"])
def test_urls_that_name_no_ledger(url):
    with pytest.raises(UsageError):
        ledger.open(url)


@pytest.mark.parametrize("name", ["a b", "50%", "what?x=1#y", "ü", "line\nbreak", "\udce9"])
def test_a_ledger_of_any_name(tmp_path, name):
    if os.name != "nt":
        with ledger.open(str(tmp_path / name / f"{name}.db")) as store:
            assert store.append(small_bundle())
        assert os.listdir(tmp_path / name) == [f"{name}.db"]


def test_a_file_of_another_kind_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, however long it may be")
    with pytest.raises(LedgerError, match="not an SQLite database"):
        ledger.open(str(path))
    assert path.read_text().startswith("not a database")


def test_the_database_of_another_program_is_left_alone(tmp_path):
    path = str(tmp_path / "other.db")
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE experiments (id INTEGER)")
    connection.close()
    with pytest.raises(LedgerError, match="another program"):
        ledger.open(path)


def test_a_folder_in_the_place_of_the_file_or_a_file_in_that_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="can't read"):
        ledger.open(str(tmp_path))
    with pytest.raises(LedgerError, match="can't"):
        ledger.open(str(tmp_path / "file" / "ledger.db"))


def test_no_ledger_where_none_may_be_made(tmp_path):
    with pytest.raises(LedgerError, match="there is no ledger"):
        ledger.open(str(tmp_path / "none" / "ledger.db"), create=False)
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    """As another user where the tests run as root, whom permissions don't stop."""
    (tmp_path / "closed").mkdir(mode=0o555)
    program = (
        "import os, sys\n"
        "from joulewise import ledger\n"
        "from joulewise.core.errors import LedgerError\n"
        "if os.getuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: ledger.open(sys.argv[1])\n"
        "except LedgerError as error: print(error)\n"
    )
    for folder in (tmp_path, *tmp_path.parents):
        if os.stat(folder).st_uid == os.getuid() and folder != Path("/"):
            os.chmod(folder, os.stat(folder).st_mode | 0o111)
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "closed" / "ledger.db")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "can't be written" in run.stdout
    assert "Try: chmod" in run.stdout


@contextmanager
def files_up_to(most: int) -> Iterator[None]:
    """No file of this process may grow beyond `most` bytes: to SQLite, a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("beyond", [0, 1, 5_000, 40_000, 300_000])
def test_a_full_disk_leaves_a_valid_ledger(tmp_path, beyond):
    path = empty_ledger(tmp_path / "ledger.db")
    with ledger.open(path) as store:
        store.append(small_bundle(1))
        filed = [1]

        def fill():
            for number in range(2, 500):
                store.append(full_bundle(number))
                filed.append(number)

        with files_up_to(os.path.getsize(path) + beyond), pytest.raises(LedgerError) as refused:
            fill()
        assert "free some space" in refused.value.hint
        assert store.runs().total == len(filed)
        assert store.verify().ok
        assert store.append(small_bundle(1000))

    with ledger.open(path) as store:
        assert store.verify().ok
        assert store.runs().total == len(filed) + 1


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_damaged_file_is_noticed(tmp_path, place):
    path = tmp_path / "ledger.db"
    with ledger.open(empty_ledger(path)) as store:
        store.append_many(small_bundle(number) for number in range(200))
    content = bytearray(path.read_bytes())
    start = int(len(content) * place) // 4096 * 4096
    content[start : start + 4096] = bytes(4096)
    path.write_bytes(content)
    with ledger.open(str(path)) as store:
        found = store.verify()
        assert not found.ok
        assert found.problems


def test_a_disk_that_is_full_from_the_start_is_told_at_once(tmp_path):
    with files_up_to(0), pytest.raises(LedgerError) as refused:
        ledger.open(str(tmp_path / "ledger.db"))
    assert refused.value.hint


def test_only_a_lock_is_waited_for(tmp_path):
    path = tmp_path / "some.db"
    with sqlite3.connect(path, timeout=0) as one, sqlite3.connect(path, timeout=0) as other:
        one.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as locked:
            other.execute("BEGIN EXCLUSIVE")
        one.rollback()
        one.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.OperationalError) as full:
            one.execute("CREATE TABLE a (b)")
    one.close()
    other.close()
    assert (_is_locked(locked.value), _is_locked(full.value)) == (True, False)
