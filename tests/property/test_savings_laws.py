"""Laws of what was saved: it is a difference, nothing comes of nothing, hindsight is best, sums are sums."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from joulewise.core.figures import MEASURED, REPORTED, Figure
from joulewise.core.plans import Segment
from joulewise.schedule import Terms, decide, sum_savings
from joulewise.schedule.emitting import covariance
from joulewise.schedule.laying import begun_at, laid_in, overheads_of, pauses_of, work_of
from joulewise.testing.ledgers import FIRST, store_id
from joulewise.testing.plans import HOUR, hourly, small_job, small_plan

SLOTS = 24
QUARTER = HOUR / 4
intensities = st.lists(st.floats(0, 1_000), min_size=SLOTS, max_size=SLOTS)
NEXT_TO_NOTHING = [5e-324, 5e-324, *[1_000.0] * (SLOTS - 2)]
UP_TO_TWO = st.integers(0, 2)
powers_j = st.lists(st.floats(1.0, 1e7), min_size=8, max_size=8)


@st.composite
def segments_of_a_job(draw, pauses=UP_TO_TWO):
    """Two hours of work in up to three runs, in quarters of an hour, anywhere in the window of a day."""
    cuts = sorted(draw(st.lists(st.integers(1, 7), min_size=(n := draw(pauses)), max_size=n, unique=True)))
    lengths = [last - first for first, last in zip([0, *cuts], [*cuts, 8], strict=True)]
    waits = draw(st.lists(st.integers(1, 20), min_size=len(lengths), max_size=len(lengths)))
    waits[0] -= 1
    start, found = FIRST, []
    for wait, length in zip(waits, lengths, strict=True):
        start += wait * QUARTER
        found.append(Segment(region="DE", start=start, end=start + length * QUARTER))
        start += length * QUARTER
    return found


def metered(segments, energies_j):
    """A piece a quarter of an hour, cut nowhere else."""
    moments = [one.start + n * QUARTER for one in segments for n in range(int((one.end - one.start) / QUARTER))]
    return [(moment, moment + QUARTER, joules) for moment, joules in zip(moments, energies_j, strict=True)]


def decided(segments, energies_j, values, *, job=None, number=1, **words):
    terms = Terms(
        energy=Figure(value=sum(energies_j), low=sum(energies_j) * 0.8, high=sum(energies_j) * 1.3, unit="J",
                      method=MEASURED),
        pue={"DE": Figure(value=1.2, low=1.1, high=1.5, unit="1", method=REPORTED)},
    )  # fmt: skip
    job = job or small_job(deadline=FIRST + SLOTS * HOUR, max_runs=3)
    signals = {"DE": hourly("DE", *values, band=words.pop("band", 0.3), **words)}
    at = FIRST + timedelta(days=2, seconds=number)
    return decide(small_plan(job=job), store_id(number), metered(segments, energies_j), segments, signals, terms,
                  decided_at=at)  # fmt: skip


@given(segments_of_a_job(), powers_j, intensities)
def test_saved_is_the_difference_and_hindsight_is_best(segments, energies_j, values):
    found = decided(segments, energies_j, values)

    assert found.saved.value == found.counterfactual.value - found.realised.value
    assert found.oracle.value <= found.realised.value
    assert found.oracle.value <= found.counterfactual.value
    for figure in (found.realised, found.counterfactual, found.saved):
        assert figure.low <= figure.value <= figure.high
    assert found.realised.low >= 0


@given(powers_j, intensities, st.sampled_from(["measured", "climatology", "annual", "forecast"]))
def test_the_same_hours_save_nothing_without_a_doubt(energies_j, values, status):
    home = [Segment(region="DE", start=FIRST, end=FIRST + 2 * HOUR)]
    found = decided(home, energies_j, values, status=status)

    assert (found.saved.low, found.saved.value, found.saved.high) == (0.0, 0.0, 0.0)


@given(segments_of_a_job(), powers_j, intensities)
def test_the_counterfactual_takes_the_same_energy(segments, energies_j, values):
    """With a flat grid nothing can be saved, whatever the job did, and without overhead nothing is lost."""
    flat = decided(segments, energies_j, [250.0] * SLOTS)

    assert flat.counterfactual.value == pytest.approx(flat.realised.value, rel=1e-9)
    assert flat.details["energy_j"] == pytest.approx(sum(energies_j))
    assert flat.details["overhead_j"] == 0


@given(segments_of_a_job(pauses=st.integers(1, 2)), powers_j, st.integers(0, 600), st.integers(0, 600))
def test_overhead_and_work_add_up_to_what_was_measured(segments, energies_j, save_s, restore_s):
    job = small_job(save_s=float(save_s), restore_s=float(restore_s), max_runs=3)
    removed = (*pauses_of(segments), *overheads_of(job, segments))
    work = work_of(metered(segments, energies_j), segments[0].start, removed)

    assert work.energy_j + work.overhead_j == pytest.approx(sum(energies_j))
    placed = begun_at(work, FIRST, "DE")
    assert sum(energy_j for *_, energy_j in placed) == pytest.approx(work.energy_j)
    again = laid_in(work, segments, job)
    assert sum(energy_j for *_, energy_j in again) >= work.energy_j * (1 - 1e-9)


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(0, 5)), max_size=8))
def test_the_sum_over_neighbours_is_the_double_sum(rows):
    starts, moment = [], 0.0
    for *_, step in rows:
        moment += step
        starts.append(moment)
    one, other = [row[0] for row in rows], [row[1] for row in rows]
    double = sum(
        a * b * 0.88 ** abs(t - u) for a, t in zip(one, starts, strict=True) for b, u in zip(other, starts, strict=True)
    )

    assert covariance(one, other, starts) == pytest.approx(double, abs=1e-3)
    assert covariance(one, one, starts) >= -1e-6


@given(st.lists(st.tuples(segments_of_a_job(), powers_j, intensities), min_size=1, max_size=4))
@example([([Segment(region="DE", start=FIRST + 3 * HOUR, end=FIRST + 5 * HOUR)], [1e7] * 8, NEXT_TO_NOTHING)])
def test_the_ledger_of_savings_adds_up(cases):
    decisions = [decided(*case, number=number) for number, case in enumerate(cases)]
    found = sum_savings(decisions)

    assert found.realised.value == pytest.approx(sum(one.realised.value for one in decisions))
    assert found.saved.value == found.counterfactual.value - found.realised.value
    if found.ratio is not None:
        assert found.ratio.value == pytest.approx(found.saved.value / found.counterfactual.value)
        assert found.ratio.low <= found.ratio.value <= found.ratio.high <= 1
    assert found.saved.high - found.saved.low <= sum(one.saved.high - one.saved.low for one in decisions) * 1.000001
    assert sum(month.count for month in found.months) == found.count == len(decisions)
