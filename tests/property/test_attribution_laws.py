"""Laws of the fold: conservation, additivity, and no raw count, however odd, that makes a wrong figure."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.core.channels import ENERGY, POWER, Channel
from joulewise.measure.attribution import PARTS, Shares, attribute
from joulewise.measure.fold import Window, fold, window_figures
from joulewise.measure.reading import parse
from joulewise.measure.timeline import Curve
from joulewise.testing.journals import JournalBuilder

WRAP = 1_000_000


def rapl(**changes):
    values = {
        "key": "rapl:0",
        "component": "cpu",
        "device": "cpu:0",
        "quantity": ENERGY,
        "scale": 1e-3,
        "wrap": WRAP,
        "max_power_w": 500.0,
        "method": "measured",
        "source": "test",
        "low_ratio": 0.94,
        "high_ratio": 1.06,
    }
    return Channel(**{**values, **changes})


def clocks(duration_us, mine_s, busy_s, idle=0.5):
    return Shares(
        mine=Curve([(0, 0.0), (duration_us, mine_s)]), busy=Curve([(0, 0.0), (duration_us, busy_s)]), idle=idle
    )


intervals = st.lists(
    st.tuples(st.floats(0.01, 20), st.floats(0, 400), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30
)


@given(intervals, st.floats(0, 100), st.sampled_from([0.0, 0.3, 1.0, None]))
def test_mine_others_and_unattributed_sum_to_the_machine(steps, idle_w, idle_share):
    series, mine, busy = [(0, 0)], [(0, 0.0)], [(0, 0.0)]
    energy_j = 0.0
    for duration_s, power_w, busy_part, mine_part in steps:
        now = series[-1][0] + round(duration_s * 1e6)
        energy_j += power_w * duration_s
        series.append((now, round(energy_j * 1e3) % WRAP))
        busy.append((now, busy[-1][1] + busy_part * duration_s))
        mine.append((now, mine[-1][1] + busy_part * mine_part * duration_s))
    shares = Shares(mine=Curve(mine), busy=Curve(busy), idle=idle_share)
    energy = attribute(rapl(idle_w=idle_w), series, shares)
    end = series[-1][0]
    parts = {part: energy.part(part, 0, end) for part in PARTS}
    split = parts["mine_dynamic"] + parts["mine_idle"] + parts["others"] + parts["unattributed"]
    assert split == pytest.approx(parts["machine"], abs=1e-6)
    assert all(value >= -1e-6 for value in parts.values())
    assert parts["machine"] <= energy_j + 1e-3 * len(steps)
    # 500 W can wrap this counter twice in more than 1 s, and such an interval is a gap
    if all(duration_s < 1 for duration_s, *_ in steps):
        assert parts["machine"] == pytest.approx(energy_j, abs=2e-3 * len(steps))


@given(st.lists(st.integers(0, WRAP - 1), min_size=2, max_size=40), st.floats(0.05, 5), st.data())
def test_a_window_is_the_sum_of_its_parts(counts, step_s, data):
    series = [(round(index * step_s * 1e6), count) for index, count in enumerate(counts)]
    end = series[-1][0]
    energy = attribute(rapl(), series, clocks(end, 1.0, 2.0))
    cut = data.draw(st.integers(0, end))
    for part in PARTS:
        whole = energy.part(part, 0, end)
        assert energy.part(part, 0, cut) + energy.part(part, cut, end) == pytest.approx(whole, abs=1e-6)


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**64)), min_size=1, max_size=40))
def test_no_counter_however_hostile_gives_more_than_the_machine_can_draw(counts):
    series = [(index * 1_000_000, count) for index, count in enumerate(counts) if count is not None]
    energy = attribute(rapl(), series, clocks(10**9, 1.0, 2.0))
    duration_s = len(counts)
    joules = energy.part("machine", 0, 10**9)
    assert 0 <= joules <= 1.5 * 500 * (duration_s + 0.2 * duration_s) + 1
    assert 0 <= energy.part("covered_s", 0, 10**9) <= duration_s


@given(st.lists(st.integers(-10, 10**7), min_size=2, max_size=40))
def test_power_integrates_by_trapezoid_and_never_below_zero(milliwatts):
    series = [(index * 1_000_000, count) for index, count in enumerate(milliwatts)]
    channel = rapl(quantity=POWER, wrap=None, max_power_w=None)
    joules = attribute(channel, series, clocks(10**9, 1.0, 2.0)).part("machine", 0, 10**9)
    pairs = itertools.pairwise(milliwatts)
    assert joules == pytest.approx(sum((a + b) / 2e3 for a, b in pairs if a >= 0 and b >= 0))


@given(
    st.lists(st.tuples(st.floats(0.3, 6), st.floats(0, 300), st.floats(0, 1)), min_size=2, max_size=20),
    st.floats(0, 1),
)
def test_figures_are_ordered_and_bounded(steps, mine_part):
    built = JournalBuilder([rapl()]).tick(0, 0, 0, [0])
    at_s = energy_j = busy_s = 0.0
    for duration_s, power_w, busy in steps:
        at_s, energy_j, busy_s = at_s + duration_s, energy_j + power_w * duration_s, busy_s + busy * duration_s
        built.tick(at_s, busy_s * mine_part, busy_s, [round(energy_j * 1e3) % WRAP])
    folded = fold([parse(built.end().content())])
    figures = window_figures(folded, folded.energies[0], Window(folded.start_us, folded.end_us))
    if figures is None:
        return
    dynamic, with_idle, machine = figures["dynamic"], figures["with_idle_share"], figures["machine"]
    assert dynamic.value <= with_idle.value + 1e-9 <= machine.value + 2e-9
    for figure in figures.values():
        assert 0 <= figure.low <= figure.value <= figure.high <= machine.high + 1e-9
        assert math.isfinite(figure.high)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 4)), min_size=1, max_size=4))
def test_ranks_add_their_cpu_time_and_the_node_is_counted_once(ranks):
    leader = JournalBuilder([rapl(idle_w=0.0, max_power_w=50.0)], share=0.0).tick(0, 0, 0, [0])
    busy_s = sum(mine_s for _, mine_s in ranks) + 1.0
    leader.tick(10, ranks[0][1], busy_s, [100_000]).end()
    journals = [parse(leader.content())]
    for _, mine_s in ranks[1:]:
        follower = JournalBuilder(leads=False).tick(0.0, 0, None).tick(10.0, mine_s, None).end()
        journals.append(parse(follower.content()))
    folded = fold(journals)
    energy = folded.energies[0]
    assert energy.part("machine", folded.start_us, folded.end_us) == pytest.approx(100.0)
    mine = sum(mine_s for _, mine_s in ranks)
    assert energy.part("mine_dynamic", folded.start_us, folded.end_us) == pytest.approx(100 * mine / busy_s, abs=1e-3)
