"""Damaged journals beside good ones: every valid line counts, the rest is named, and nobody waits for anybody."""

from __future__ import annotations

import _thread
import os
import sys
import threading
from pathlib import Path

import pytest

import joulewise
from joulewise import api
from joulewise.core.settings import Settings
from joulewise.measure.journal import line_of
from joulewise.measure.reading import is_alive, read
from joulewise.measure.session import Session


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(spool=str(tmp_path / "spool"), ledger=str(tmp_path / "ledger.db"), meters=("model",))


def measured(name: str, settings: Settings) -> Session:
    with joulewise.measure(name, spool=settings.spool, meters=("model",)) as session:
        for phase in ("a", "b"):
            with session.phase(phase):
                session.count("x")
    return session


def filed(settings: Settings) -> set[str]:
    api.recover(settings)
    with api.open_ledger(settings) as ledger:
        assert ledger.verify().ok
        return {row.name for row in ledger.runs().rows}


@pytest.mark.parametrize("line", range(1, 13))
def test_any_one_damaged_line_costs_that_line_only(line, settings):
    session = measured("hurt", settings)
    measured("whole", settings)
    lines = Path(session.journal_path).read_bytes().split(b"\n")
    assert len(lines) >= 14
    lines[line] = b"?" + lines[line]
    Path(session.journal_path).write_bytes(b"\n".join(lines))
    assert filed(settings) == {"hurt", "whole"}
    with api.open_ledger(settings) as ledger:
        run = ledger.bundle(session.run_id).run
    assert any("is damaged" in warning for warning in run.warnings)


NONSENSE = {
    "no header": b"",
    "a foreign header": line_of("H", "{}"),
    "a header without channels": line_of("H", '{"format": 1}'),
    "bytes": os.urandom(3000),
    "another format": line_of("H", '{"format": 99}'),
}


@pytest.mark.parametrize("content", NONSENSE)
def test_nonsense_is_named_and_blocks_nobody(content, settings):
    measured("good", settings)
    folder = Path(settings.spool) / "01J00000000000000000000000"
    folder.mkdir()
    (folder / "1-x.jnl").write_bytes(NONSENSE[content])
    os.utime(folder / "1-x.jnl", (0, 0))
    assert filed(settings) == {"good"}
    assert list(api.recover(settings).problems) == [str(folder)]


def test_lines_that_a_full_disk_wrote_twice_count_once(settings):
    session = measured("twice", settings)
    path = Path(session.journal_path)
    header, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(header + b"\n" + rest[: len(rest) // 2] + b"\n" + rest)
    assert filed(settings) == {"twice"}
    with api.open_ledger(settings) as ledger:
        found = ledger.bundle(session.run_id)
    assert [phase.name for phase in found.phases] == ["a", "b"]
    assert found.run.unit_count == 2


def test_a_result_outlives_its_filing(settings):
    session = measured("seen", settings)
    assert filed(settings) == {"seen"}
    assert session.result.bundle.run.unit_count == 2


def test_a_relative_spool_survives_a_change_of_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with joulewise.measure("moved", spool="here", meters=("model",)) as session:
        os.chdir("/")
    assert session.result.bundle.run.name == "moved"


def test_counts_of_many_threads_all_count(settings):
    def count() -> None:
        for _ in range(20_000):
            session.count("x")

    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with joulewise.measure("threads", spool=settings.spool, meters=("model",)) as session:
            threads = [threading.Thread(target=count) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(interval_s)
    assert session.result.bundle.run.unit_count == 160_000


def test_without_a_thread_the_work_goes_on(settings):
    size = _thread.stack_size(1 << 45)
    try:
        session = measured("no thread", settings)
    finally:
        _thread.stack_size(size)
    assert any("no thread" in warning for warning in session.warnings)
    assert session.result.energy_j > 0


def test_another_machine_that_shares_our_home_still_measures(settings):
    session = measured("far", settings)
    data = read(session.journal_path)
    data.header["host"]["name"] = "node17"
    data.header["boot_id"] = "another"
    assert is_alive(data)
    os.utime(session.journal_path, (0, 0))
    assert not is_alive(data)


def test_a_program_that_closes_all_descriptors_keeps_its_files(settings, tmp_path):
    with joulewise.measure("daemon", spool=settings.spool, meters=("model",)) as session:
        fd = session._journal._fd
        os.close(fd)
        mine = os.open(tmp_path / "mine", os.O_RDWR | os.O_CREAT)
        if mine != fd:
            os.dup2(mine, fd)
            os.close(mine)
        with session.phase("on"):
            os.write(fd, b"user data")
    assert os.write(fd, b", still open") == 12
    os.close(fd)
    assert (tmp_path / "mine").read_bytes() == b"user data, still open"
    assert session.result.bundle.run.name == "daemon"
