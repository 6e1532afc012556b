"""RAPL counters that fail, wrap, reset or go backwards under a real session: a gap, never negative, never a jump."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from joulewise.core.errors import MeterUnavailable
from joulewise.core.settings import Settings
from joulewise.measure.equipment import Equipment
from joulewise.measure.job import Job
from joulewise.measure.session import Session
from joulewise.testing.cpu_machines import RANGE_UJ, rapl_zone
from joulewise.testing.meters import Tree

STEP_UJ = 2_000_000
ZONE = "intel-rapl:0"


class Rapl:
    """A package counter in a fixture tree, and the joules that truly went through it."""

    def __init__(self, root: Path, start_uj: int = 5_000_000_000) -> None:
        self.root = str(root)
        self.true_uj = 0
        self.count_uj = start_uj
        rapl_zone(Tree(self.root), ZONE, "package-0", start_uj)
        os.symlink("/proc", root / "proc")
        self.path = f"{self.root}/sys/class/powercap/{ZONE}/energy_uj"

    def burn(self, energy_uj: int = STEP_UJ) -> None:
        self.true_uj += energy_uj
        self.show((self.count_uj + energy_uj) % (RANGE_UJ + 1))

    def show(self, count_uj: int) -> None:
        """Set the counter to anything at all."""
        self.count_uj = count_uj
        self.write(f"{count_uj:020d}\n")

    def write(self, text: str) -> None:
        """One write of the whole content: nobody sees half of it."""
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(fd, text.encode(), 0)
        os.ftruncate(fd, len(text))
        os.close(fd)


@pytest.fixture
def rapl(tmp_path: Path) -> Rapl:
    return Rapl(tmp_path)


@pytest.fixture
def session(rapl: Rapl, tmp_path: Path) -> Iterator[Session]:
    settings = Settings(spool=str(tmp_path / "spool"), meters=("powercap",))
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    made = Session(Job(name="faults"), settings, environ, equipment=Equipment(settings, environ, rapl.root))
    yield made
    made.stop()


def stretch(session: Session, name: str, work: Callable[[], None]) -> None:
    """A phase: read, work, read."""
    with session.phase(name):
        work()


def unlink(rapl: Rapl) -> None:
    os.unlink(rapl.path)


FAULTS: dict[str, Callable[[Rapl], None]] = {
    "vanishes": unlink,
    "is empty": lambda rapl: rapl.write(""),
    "holds words": lambda rapl: rapl.write("no data\n"),
    "is negative": lambda rapl: rapl.write("-5\n"),
    "is a float": lambda rapl: rapl.write("1e9\n"),
    "overflows": lambda rapl: rapl.write(f"{1 << 64}\n"),
    "is huge": lambda rapl: rapl.write(f"{(1 << 64) - 1}\n"),
    "starts anew": lambda rapl: rapl.show(0),
    "steps back": lambda rapl: rapl.show(rapl.count_uj - 1_000_000_000),
    "leaps ahead": lambda rapl: rapl.show(rapl.count_uj + 100_000_000_000),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_costs_its_own_time_and_nothing_else(fault, rapl, session):
    with session:
        stretch(session, "before", rapl.burn)
        stretch(session, "fault", lambda: (rapl.burn(), FAULTS[fault](rapl)))
        with session.phase("anew"):
            rapl.show(3_000_000_000)  # whatever it was, the counter counts again from somewhere else
        stretch(session, "after", rapl.burn)
    result = session.result
    by_name = {name: machine_uj(session, name) for name in ("before", "fault", "anew", "after")}
    assert by_name["before"] == pytest.approx(STEP_UJ)
    assert by_name["after"] == pytest.approx(STEP_UJ)
    assert by_name["fault"] is None or 0 <= by_name["fault"] <= STEP_UJ
    assert by_name["anew"] is None or by_name["anew"] == pytest.approx(0, abs=1)
    assert result.machine_j is not None
    assert result.machine_j * 1e6 + 1 >= 2 * STEP_UJ
    assert result.machine_j * 1e6 <= rapl.true_uj + 1
    assert result.coverage < 1
    assert any("rapl:0:package" in warning for warning in result.warnings)


def machine_uj(session: Session, phase: str) -> float | None:
    ids = [one.id for one in session.result.bundle.phases if one.name == phase]
    found = [
        one.figure.value * 1e6
        for one in session.result.bundle.measurements
        if one.phase_id in ids and one.component == "cpu" and one.attribution == "machine"
    ]
    return found[0] if found else None


def test_a_wrap_is_counted_to_the_microjoule(rapl, session):
    rapl.show(RANGE_UJ - 3 * STEP_UJ)
    with session:
        for number in range(8):
            stretch(session, f"p{number}", rapl.burn)
    assert session.result.machine_j * 1e6 == pytest.approx(rapl.true_uj)
    assert session.result.coverage == 1
    assert all(machine_uj(session, f"p{number}") == pytest.approx(STEP_UJ) for number in range(8))


def test_a_counter_that_is_gone_for_good_leaves_the_rest(rapl, session):
    with session:
        stretch(session, "before", rapl.burn)
        os.unlink(rapl.path)
        for _ in range(20):
            stretch(session, "blind", lambda: None)
    assert session.result.machine_j * 1e6 == pytest.approx(STEP_UJ)
    assert machine_uj(session, "blind") is None
    assert session.result.coverage < 1
    assert 1 <= sum("can't be read" in warning for warning in session.warnings) <= 2  # not once a reading


def test_a_counter_that_was_never_readable_is_unknown_and_not_zero(rapl, session):
    rapl.write("")
    with session:
        stretch(session, "blind", rapl.burn)
    assert session.result.machine_j is None
    assert session.result.energy_j is None
    assert session.result.coverage is None


def test_strict_raises_what_the_counter_did_at_the_end(rapl, tmp_path):
    settings = Settings(spool=str(tmp_path / "spool"), meters=("powercap",), strict=True)
    session = Session(Job(), settings, {"HOME": str(tmp_path)}, equipment=Equipment(settings, {}, rapl.root))
    done = []

    def work() -> None:
        with session:
            os.unlink(rapl.path)
            stretch(session, "blind", lambda: None)
            done.append(True)

    with pytest.raises(MeterUnavailable, match="energy_uj"):
        work()
    assert done  # the work itself was not cut short
    assert session.result.bundle.run.status == "finished"


def test_a_counter_that_misbehaves_while_a_session_reads_it_is_never_over_the_truth(rapl, session):
    """A thread drives the counter through all faults in turn, and nobody waits for anybody."""
    stop = threading.Event()

    def drive() -> None:
        for fault in [*FAULTS.values()] * 3:
            for _ in range(10):
                rapl.burn(20_000)
            fault(rapl)
            rapl.show(7_000_000_000 + rapl.true_uj)
        stop.set()

    thread = threading.Thread(target=drive)
    with session:
        thread.start()
        while not stop.is_set():
            stretch(session, "some", lambda: None)
        thread.join()
    result = session.result
    assert result.machine_j is not None
    assert 0 <= result.machine_j * 1e6 <= rapl.true_uj + 1
    for one in result.bundle.measurements:
        assert one.figure.value >= 0
        if one.attribution == "machine" and one.quantity == "energy_j":
            assert one.figure.value * 1e6 <= rapl.true_uj + 1
