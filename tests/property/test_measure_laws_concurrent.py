"""Laws over whole runs: two programs on one machine share what it used, and phases never exceed their run."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.core.channels import ENERGY
from joulewise.measure.fold import Window, fold, window_figures
from joulewise.measure.journal import as_json, line_of
from joulewise.measure.reading import JournalData, parse

SCALE = 1e-6
SECOND_US = 1_000_000


def journal(name: str, ticks: list[tuple[int, int, int]], *, share: float, idle_w: float | None, cpus: int) -> bytes:
    """A journal of (cpu µs of ours, busy µs of the machine, µJ of the machine) per second."""
    channel = {
        "key": "fake:cpu",
        "component": "cpu",
        "device": "cpu:0",
        "quantity": ENERGY,
        "scale": SCALE,
        "method": "measured",
        "source": "fake",
        "max_power_w": 1000.0,
    }
    header = {
        "format": 1,
        "joulewise": "0",
        "run_id": name,
        "leads": True,
        "settings": {"idle_share": "allocation"},
        "host": {"name": "here"},
        "cpus": cpus,
        "boot_id": "b",
        "share": share,
        "wall_us": 0,
        "monotonic_us": 0,
        "channels": [channel if idle_w is None else {**channel, "idle_w": idle_w}],
    }
    lines = [line_of("H", as_json(header))]
    for seq, (cpu_us, busy_us, energy_uj) in enumerate(ticks):
        fields = (seq, seq * SECOND_US, 0, seq * SECOND_US, cpu_us, busy_us, 0, energy_uj)
        lines.append(line_of("T", " ".join(map(str, fields))))
    return b"".join(lines)


def cumulative(steps: list[int]) -> list[int]:
    return [0, *itertools.accumulate(steps)]


CPUS = 4
SECONDS = st.lists(
    st.tuples(
        st.integers(0, SECOND_US),  # the first program's CPU time in this second
        st.integers(0, SECOND_US),  # the second one's
        st.integers(0, SECOND_US),  # everybody else's
        st.integers(0, 300_000_000),  # what the machine drew, µJ
    ),
    min_size=1,
    max_size=12,
)


def two_programs(
    seconds: list[tuple[int, int, int, int]], first_share: float, idle_w: float | None
) -> tuple[JournalData, JournalData]:
    busy = cumulative([first + second + other for first, second, other, _ in seconds])
    energy = cumulative([energy for *_, energy in seconds])
    found = []
    for place, share in ((0, first_share), (1, 1 - first_share)):
        cpu = cumulative([second[place] for second in seconds])
        ticks = list(zip(cpu, busy, energy, strict=True))
        found.append(parse(journal(f"run{place}", ticks, share=share, idle_w=idle_w, cpus=CPUS)))
    return found[0], found[1]


@given(SECONDS, st.floats(0, 1), st.one_of(st.none(), st.floats(0, 100)))
def test_two_programs_at_the_same_time_never_get_more_than_the_machine(seconds, first_share, idle_w):
    folds = [fold([one]) for one in two_programs(seconds, first_share, idle_w)]
    whole = Window(0, len(seconds) * SECOND_US)
    parts = [window_figures(folded, folded.energies[0], whole) for folded in folds]
    true_j = sum(energy for *_, energy in seconds) * SCALE
    for figures in parts:
        assert figures is not None
        assert figures["machine"].value == pytest.approx(true_j)
    for attribution in ("dynamic", "with_idle_share"):
        shared_j = sum(figures[attribution].value for figures in parts if figures)
        assert shared_j <= true_j * (1 + 1e-9) + 1e-9


@given(SECONDS, st.floats(0, 1), st.floats(0, 100), st.data())
def test_windows_side_by_side_sum_to_the_run(seconds, share, idle_w, data):
    [folded] = [fold([two_programs(seconds, share, idle_w)[0]])]
    end_us = len(seconds) * SECOND_US
    cuts = sorted(data.draw(st.lists(st.integers(1, end_us - 1), max_size=5, unique=True)))
    edges = [0, *cuts, end_us]
    parts = [
        window_figures(folded, folded.energies[0], Window(start, stop)) for start, stop in itertools.pairwise(edges)
    ]
    run = window_figures(folded, folded.energies[0], Window(0, end_us))
    assert run is not None
    for attribution, figure in run.items():
        summed = sum(part[attribution].value for part in parts if part)
        assert summed == pytest.approx(figure.value, rel=1e-6, abs=1e-6)


@given(SECONDS, st.floats(0, 1), st.floats(0, 100), st.data())
def test_a_damaged_line_never_adds_energy(seconds, share, idle_w, data):
    """Without any of its snapshots a journal tells at most what it told with them."""
    whole = two_programs(seconds, share, idle_w)[0]
    ticks = list(
        zip(
            [count for _, count in whole.cpu_us],
            [count for _, count in whole.busy_us],
            [count for _, count in whole.counts["fake:cpu"]],
            strict=True,
        )
    )
    lines = journal("run0", ticks, share=share, idle_w=idle_w, cpus=CPUS).split(b"\n")
    struck = data.draw(st.sets(st.integers(1, len(ticks)), max_size=len(ticks) - 1))
    damaged = parse(b"\n".join(b"?" + line if at in struck else line for at, line in enumerate(lines)))
    assert len(damaged.problems) == len(struck)
    assert len(damaged.moments_us) == len(ticks) - len(struck)
    machine_j = fold([damaged]).energies[0].curves["machine"]
    true_j = fold([whole]).energies[0].curves["machine"]
    ends = damaged.start_us, damaged.end_us
    assert 0 <= machine_j.between(*ends) <= true_j.between(*ends) * (1 + 1e-9) + 1e-9


@given(SECONDS, st.integers(-(10**12), 10**12))
def test_the_wall_clock_has_no_say_in_energy(seconds, step_us):
    one = two_programs(seconds, 0.5, 10.0)[0]
    stepped = replace(one, header={**one.header, "wall_us": step_us})
    assert fold([one]).energies[0].curves["machine"].points == fold([stepped]).energies[0].curves["machine"].points
