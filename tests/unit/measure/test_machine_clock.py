"""The machine's busy, steal and idle time from the first line of /proc/stat."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from joulewise.core.errors import MeterUnavailable
from joulewise.measure.machine_clock import MachineClock

TAIL = "cpu0 0 0 0 0\ncpu1 0 0 0 0\nintr 12345 0 0\nctxt 99\n"


class Machine:
    def __init__(self, root: Path) -> None:
        self.root, self._stat = root, root / "proc" / "stat"
        self._stat.parent.mkdir()

    def show(self, line: str, tail: str = TAIL) -> None:
        with self._stat.open("r+" if self._stat.exists() else "w") as file:  # the same inode: it is kept open
            file.truncate()
            file.write(f"cpu  {line}\n{tail}")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.show("100 10 50 1000 20 3 4 7 5 1")
    return machine


def test_guest_time_is_inside_user_time_and_iowait_is_idle(machine: Machine) -> None:
    clock = MachineClock(str(machine.root))
    assert clock.read() == (1_670_000, 70_000, 10_200_000)
    assert clock.cpus == 2


def test_a_small_fall_waits_and_is_not_counted_twice(machine: Machine) -> None:
    clock = MachineClock(str(machine.root))
    machine.show("100 10 50 990 20 3 4 7 5 1")
    assert clock.read() == (1_670_000, 70_000, 10_200_000)
    machine.show("101 10 50 1005 20 3 4 7 5 1")
    assert clock.read() == (1_680_000, 70_000, 10_250_000)


def test_counters_that_start_anew_go_on_from_the_last_value(machine: Machine) -> None:
    machine.show("10000 0 0 50000 0 0 0 0")
    clock = MachineClock(str(machine.root))
    machine.show("5 0 0 10 0 0 0 0")
    assert clock.read() == (100_000_000, 0, 500_000_000)
    machine.show("8 0 0 20 0 0 0 0")
    assert clock.read() == (100_030_000, 0, 500_100_000)


def test_an_unplugged_cpu_does_not_take_its_time_along(machine: Machine) -> None:
    clock = MachineClock(str(machine.root))
    machine.show("130 10 50 1000 20 3 4 7 5 1", "cpu0 0 0 0 0\nintr 0\n")
    assert clock.read()[0] == 1_970_000


def test_a_short_line_of_a_sandbox_will_do(machine: Machine) -> None:
    machine.show("1 2 3 4")
    assert MachineClock(str(machine.root)).read() == (60_000, 0, 40_000)


def test_many_cpus_and_interrupts_are_counted_across_pages(machine: Machine) -> None:
    lines = "".join(f"cpu{number} {'123456789 ' * 10}\n" for number in range(1500))
    machine.show("1 2 3 4", f"{lines}intr {'0 ' * 50_000}\n")
    assert MachineClock(str(machine.root)).cpus == 1500


def test_no_proc_is_a_gap_with_a_cure(tmp_path: Path) -> None:
    with pytest.raises(MeterUnavailable, match="mount /proc"):
        MachineClock(str(tmp_path))


@pytest.mark.parametrize("text", ["bogus 1 2 3 4 5", "cpu one two", "cpu 1 2", ""])
def test_a_file_that_makes_no_sense_is_a_gap(machine: Machine, text: str) -> None:
    clock = MachineClock(str(machine.root))
    (machine.root / "proc" / "stat").write_text(text)
    with pytest.raises(MeterUnavailable):
        clock.read()


def test_closing_twice_is_fine_and_reading_after_it_is_a_gap(machine: Machine) -> None:
    clock = MachineClock(str(machine.root))
    clock.close()
    clock.close()
    with pytest.raises(MeterUnavailable):
        clock.read()


def test_this_machine_has_been_busy() -> None:
    clock = MachineClock()
    busy_us, _, idle_us = clock.read()
    clock.close()
    assert busy_us > 0
    assert idle_us >= 0
    assert clock.cpus >= 1


def test_a_meter_that_follows_the_clock_fails_with_it(tmp_path: Path) -> None:
    from joulewise.core.channels import BUSY, Channel
    from joulewise.measure.meters.model import CpuTimeMeter

    stat = tmp_path / "proc/stat"
    stat.parent.mkdir()
    stat.write_text("cpu 100 0 0 900 0 0 0 0\ncpu0 100 0 0 900 0 0 0 0\n")
    channel = Channel(key="m", component="cpu", device="cpu", quantity=BUSY, scale=1e-6, method="modelled", source="t")
    clock, meter = MachineClock(str(tmp_path)), CpuTimeMeter(str(stat), channel, os.sysconf("SC_CLK_TCK"))
    meter.follow(clock)
    clock.read()
    assert meter.read() == (clock.busy_us,)
    stat.write_text("torn")
    with pytest.raises(MeterUnavailable):
        clock.read()
    with pytest.raises(MeterUnavailable):
        meter.read()
    clock.close()
    meter.close()
