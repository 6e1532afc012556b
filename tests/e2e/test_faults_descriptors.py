"""A program may close all descriptors (daemons do): a counter's old number is then a file of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from joulewise.core.channels import MeterContext
from joulewise.measure.meters import model
from joulewise.measure.meters.sysfs import CountFile


@pytest.fixture
def opened_at() -> dict[str, int]:
    return {}


@pytest.fixture
def counter(tmp_path: Path, opened_at: dict[str, int]) -> CountFile:
    """A counter that has been read once, and tells the descriptor it holds."""
    path = tmp_path / "energy_uj"
    path.write_text("100\n")

    def opener(name: str, flags: int) -> int:
        opened_at["fd"] = os.open(name, flags)
        return opened_at["fd"]

    file = CountFile(str(path), opener)
    assert file.read() == 100
    return file


def taken_over(fd: int, path: Path, text: str) -> int:
    """Close our descriptor behind our back, and give its number to a file of the program's."""
    os.close(fd)
    path.write_text(text)
    own = os.open(path, os.O_RDWR)
    if own != fd:
        os.dup2(own, fd)
        os.close(own)
    return fd


def test_the_programs_own_file_is_neither_read_nor_closed(counter, opened_at, tmp_path):
    fd = taken_over(opened_at["fd"], tmp_path / "mine.txt", "42\n")
    assert counter.read() is None  # 42 is no energy
    assert os.write(fd, b"still open") == 10
    assert counter.read() == 100  # the next reading opens anew
    counter.close()
    os.close(fd)


def test_closing_leaves_the_programs_own_file_open(counter, opened_at, tmp_path):
    fd = taken_over(opened_at["fd"], tmp_path / "mine.txt", "42\n")
    counter.close()
    assert os.write(fd, b"still open") == 10
    os.close(fd)


def test_a_descriptor_that_is_gone_is_a_gap_and_no_error(counter, opened_at):
    os.close(opened_at["fd"])
    assert counter.read() is None
    assert counter.read() == 100
    counter.close()
    counter.close()


def test_the_model_meter_leaves_the_programs_own_file_open(tmp_path):
    [meter], _ = model.discover(MeterContext())
    fd = next(fd for fd in map(int, os.listdir("/proc/self/fd")) if points_to(fd, "/proc/stat"))
    assert meter.read()[0]
    taken_over(fd, tmp_path / "mine.txt", "cpu 1 2 3\n")
    meter.close()
    meter.close()
    assert os.write(fd, b"still open") == 10
    os.close(fd)


def points_to(fd: int, path: str) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{fd}") == path
    except OSError:  # the listing's own descriptor, gone by now
        return False
