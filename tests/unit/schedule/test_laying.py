"""Measured energy laid out anew: nothing is lost between work and overhead, and gaps stay gaps."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

from joulewise.core.errors import OutOfRange, UndefinedFigure
from joulewise.core.plans import Segment
from joulewise.schedule.laying import begun_at, laid_in, overheads_of, pauses_of, work_of
from joulewise.testing.ledgers import FIRST
from joulewise.testing.plans import HOUR, small_job


def at(hour: float, hours: float, region: str = "DE") -> Segment:
    return Segment(region=region, start=FIRST + hour * HOUR, end=FIRST + (hour + hours) * HOUR)


def piece(hour: float, hours: float, energy_j: float):
    return FIRST + hour * HOUR, FIRST + (hour + hours) * HOUR, energy_j


def test_pauses_lie_between_segments():
    assert pauses_of([at(0, 1), at(1, 1), at(3, 1)]) == ((FIRST + 2 * HOUR, FIRST + 3 * HOUR),)
    assert pauses_of([at(0, 1)]) == ()
    with pytest.raises(OutOfRange, match="overlap"):
        pauses_of([at(0, 2), at(1, 1)])


def test_overheads_never_leave_their_segment():
    job = small_job(save_s=7_200.0, restore_s=1_800.0)

    assert overheads_of(job, [at(0, 1), at(3, 1)]) == (
        (FIRST, FIRST + HOUR),
        (FIRST + 3 * HOUR, FIRST + 3.5 * HOUR),
    )
    assert overheads_of(small_job(), [at(0, 1), at(3, 1)]) == ()


def test_overlapping_overheads_count_once():
    out = [(FIRST, FIRST + HOUR), (FIRST + 0.5 * HOUR, FIRST + 1.5 * HOUR)]
    work = work_of([piece(0, 2, 100.0)], FIRST, out)

    assert (work.energy_j, work.overhead_j) == (25.0, 75.0)
    assert work.duration == 0.5 * HOUR


def test_a_gap_in_the_measurement_stays_a_gap():
    work = work_of([piece(0, 1, 10.0), piece(2, 1, 20.0)], FIRST, ())

    assert begun_at(work, FIRST + 5 * HOUR, "SE") == [
        ("SE", FIRST + 5 * HOUR, FIRST + 6 * HOUR, 10.0),
        ("SE", FIRST + 7 * HOUR, FIRST + 8 * HOUR, 20.0),
    ]


def test_an_instant_is_work_unless_it_lies_in_a_pause():
    pieces = [piece(0, 1, 10.0), piece(1.5, 0, 1.0), piece(2, 0, 2.0), piece(2, 1, 10.0)]
    work = work_of(pieces, FIRST, [(FIRST + HOUR, FIRST + 2 * HOUR)])

    assert (work.energy_j, work.overhead_j) == (22.0, 1.0)
    placed = laid_in(work, [at(4, 1), at(6, 1)], small_job())
    assert sum(energy_j for *_, energy_j in placed) == pytest.approx(22.0)


def test_other_segments_hold_the_work_and_what_pausing_costs():
    job = small_job(save_s=360.0, restore_s=720.0, idle_power_w=10.0)
    work = work_of([piece(0, 2, 7_200.0)], FIRST, ())
    placed = laid_in(work, [at(0, 1.1), at(3, 1.2), at(5, 1.0, "SE")], job)

    assert sum(energy_j for *_, energy_j in placed) == pytest.approx(7_200 + 2 * 1_080 + 1.9 * 36_000)
    assert {region for region, *_ in placed} == {"DE", "SE"}
    held = [one for one in placed if one[1] == FIRST + 1.1 * HOUR]
    assert held == [("DE", FIRST + 1.1 * HOUR, FIRST + 3 * HOUR, pytest.approx(1.9 * 36_000))]


def test_what_does_not_fit_runs_on_at_the_end():
    work = work_of([piece(0, 2, 100.0)], FIRST, ())
    placed = laid_in(work, [at(4, 1)], small_job())

    assert placed == [("DE", FIRST + 4 * HOUR, FIRST + 6 * HOUR, 100.0)]


def test_all_in_a_pause_is_no_work():
    with pytest.raises(UndefinedFigure, match="while the job ran"):
        work_of([piece(0, 1, 10.0)], FIRST, [(FIRST - HOUR, FIRST + timedelta(days=1))])


WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = None
from joulewise.core.plans import Segment
from joulewise.schedule import decide
from joulewise.testing.ledgers import FIRST, store_id
from joulewise.testing.plans import HOUR, hourly, small_plan
ran = Segment(region="DE", start=FIRST, end=FIRST + HOUR)
signals = {"DE": hourly("DE", *[100.0] * 8)}
found = decide(small_plan(), store_id(1), [(ran.start, ran.end, 3.6e6)], [ran], signals, decided_at=FIRST + 2 * HOUR)
print(found.realised.value, found.oracle)
"""


def test_without_numpy_there_is_no_hindsight_and_all_the_rest():
    done = subprocess.run([sys.executable, "-c", WITHOUT_NUMPY], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("100.0 None\n", "")
