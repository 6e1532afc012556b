"""Raw counts to joules: wraps, resets, glitches, gaps, idle."""

import pytest

from joulewise.core.channels import BUSY, ENERGY, POWER, USE_ALL, USE_MINE, Channel
from joulewise.core.errors import JournalError
from joulewise.measure.attribution import Shares, attribute
from joulewise.measure.fold import Window, fold, total_figures, window_figures
from joulewise.measure.reading import parse
from joulewise.measure.timeline import Curve
from joulewise.testing.journals import JournalBuilder

S = 1_000_000
FULL = Shares(mine=Curve([(0, 0.0), (100 * S, 50.0)]), busy=Curve([(0, 0.0), (100 * S, 100.0)]), idle=1.0)


def channel(**changes):
    values = {
        "key": "rapl:0",
        "component": "cpu",
        "device": "cpu:0",
        "quantity": ENERGY,
        "scale": 1e-6,
        "wrap": 262_143_328_850,
        "max_power_w": 400.0,
        "method": "measured",
        "source": "test",
    }
    return Channel(**{**values, **changes})


def joules(series, **changes):
    energy = attribute(channel(**changes), series, FULL)
    return energy.part("machine", 0, 100 * S), energy


def test_a_wrap_loses_nothing():
    total, energy = joules([(0, 262_143_328_850 - 3 * S), (5 * S, 7 * S)])
    assert total == pytest.approx(10.0)
    assert energy.gaps == []


@pytest.mark.parametrize(
    ("counts", "expected_j", "covered_s"),
    [
        ([10, 20, 5, 15], 20.0, 10.0),  # a reset to a lower count: one interval lost, no wrap of 262 kJ
        ([10, 20, 0, 40], 30.0, 15.0),  # one reading of zero between good ones: dropped, nothing lost
        ([10, 20, 90_000, 40], 30.0, 15.0),  # one absurd reading: dropped
        ([10, 20, 90_000, 90_010], 20.0, 10.0),  # a jump that stays: a gap
        ([50, 40, 30, 20], 0.0, 0.0),  # backwards all the way: nothing
    ],
)
def test_resets_and_glitches_are_gaps_never_jumps(counts, expected_j, covered_s):
    series = [(index * 5 * S, count * S) for index, count in enumerate(counts)]
    total, energy = joules(series)
    assert total == pytest.approx(expected_j)
    assert energy.part("covered_s", 0, 100 * S) == pytest.approx(covered_s)
    assert energy.gaps


def test_a_counter_without_a_range_is_reset_by_any_fall():
    total, _ = joules([(0, 10 * S), (S, 20 * S), (2 * S, 1 * S), (3 * S, 2 * S)], wrap=None, max_power_w=None)
    assert total == pytest.approx(11.0)


def test_without_a_known_maximum_a_fall_of_more_than_half_the_range_is_a_wrap():
    assert joules([(0, 900), (S, 100)], wrap=1000, scale=1.0, max_power_w=None)[0] == pytest.approx(200.0)
    assert joules([(0, 600), (S, 500)], wrap=1000, scale=1.0, max_power_w=None)[0] == 0.0


def test_an_interval_in_which_the_counter_may_wrap_twice_is_a_gap():
    total, energy = joules([(0, 0), (1000 * S, 5 * S)], wrap=65_000 * S, max_power_w=100.0)
    assert total == 0.0
    assert "wrapped unseen" in energy.gaps[0]


def test_a_missing_reading_in_the_middle_loses_nothing():
    total, energy = joules([(0, 0), (10 * S, 100 * S)])
    assert total == pytest.approx(100.0)
    assert energy.part("machine", 0, 5 * S) == pytest.approx(50.0)


def test_momentary_power_is_not_stretched_over_a_long_hole():
    total, energy = joules(
        [(0, 1000), (S, 1000), (60 * S, 1000), (61 * S, 1000)], quantity=POWER, scale=1e-3, wrap=None
    )
    assert total == pytest.approx(2.0)
    assert "no power reading for 59 s" in energy.gaps[0]


def test_known_idle_power_is_split_from_the_rest():
    _, energy = joules([(0, 0), (100 * S, 3000 * S)], idle_w=10.0)
    assert energy.part("mine_idle", 0, 100 * S) == pytest.approx(1000.0)
    assert energy.part("mine_dynamic", 0, 100 * S) == pytest.approx(1000.0)
    assert energy.part("others", 0, 100 * S) == pytest.approx(1000.0)


def test_a_device_below_its_known_idle_power_has_no_negative_dynamic_part():
    _, energy = joules([(0, 0), (100 * S, 500 * S)], idle_w=10.0)
    assert energy.part("mine_dynamic", 0, 100 * S) == 0.0
    assert energy.part("machine", 0, 100 * S) == pytest.approx(500.0)


def test_unknown_idle_power_widens_the_dynamic_figure_only():
    def figures(**changes):
        built = JournalBuilder([channel(**changes)])
        for second in range(0, 101, 5):
            built.tick(second, second / 2, second, [second * 30 * S])
        folded = fold([parse(built.end().content())])
        return window_figures(folded, folded.energies[0], Window(folded.start_us, folded.end_us))

    known, unknown = figures(idle_w=10.0), figures()
    assert unknown["machine"] == known["machine"]
    assert unknown["dynamic"].high - unknown["dynamic"].low > known["dynamic"].high - known["dynamic"].low
    assert unknown["dynamic"].low <= known["dynamic"].value <= unknown["dynamic"].high
    assert "idle power unknown" in unknown["dynamic"].source


def gpu(quantity, key, **changes):
    return channel(key=key, component="gpu", device="GPU-1", quantity=quantity, wrap=None, idle_w=50.0, **changes)


def test_a_gpu_is_split_by_its_own_busy_time():
    channels = [gpu(ENERGY, "nvml:1"), gpu(USE_MINE, "nvml:1:mine"), gpu(USE_ALL, "nvml:1:all")]
    built = JournalBuilder(channels, share=0.1).tick(0, 0, 0, [0, 0, 0]).tick(10, 0, 0, [2000 * S, 2 * S, 8 * S]).end()
    folded = fold([parse(built.content())])
    [energy] = folded.energies
    window = folded.start_us, folded.end_us
    assert energy.part("mine_dynamic", *window) == pytest.approx(1500 * 2 / 8)
    assert energy.part("mine_idle", *window) == pytest.approx(500.0), "an allocated GPU idles for its holder"


def test_a_gpu_that_tells_no_processes_is_ours():
    built = JournalBuilder([gpu(ENERGY, "nvml:1")]).tick(0, 0, 0, [0]).tick(10, 0, 0, [2000 * S]).end()
    folded = fold([parse(built.content())])
    [energy] = folded.energies
    assert energy.part("mine_dynamic", folded.start_us, folded.end_us) == pytest.approx(1500.0)


def test_contained_and_whole_machine_channels_are_shown_but_not_added():
    channels = [
        channel(key="rapl:psys", component="psys", device="psys"),
        channel(),
        channel(key="rapl:0:core", component="core", within="rapl:0"),
        channel(key="rapl:0:dram", component="dram", device="dram:0"),
    ]
    built = JournalBuilder(channels).tick(0, 0, 0, [0] * 4).tick(10, 5, 10, [900 * S, 600 * S, 500 * S, 100 * S]).end()
    folded = fold([parse(built.content())])
    assert [one.channel.key for one in folded.added_up()] == ["rapl:0", "rapl:0:dram"]
    parts = [window_figures(folded, one, Window(folded.start_us, folded.end_us)) for one in folded.added_up()]
    assert total_figures(parts)["machine"].value == pytest.approx(700.0)


def test_a_real_meter_of_the_whole_goes_before_a_model_of_a_part():
    params = {"cpus": 4}
    model = channel(key="model:cpu", quantity=BUSY, method="modelled", params=params, wrap=None)
    plug = channel(key="prometheus:plug", component="node", device="node", method="reported", wrap=None)
    folded = fold([parse(JournalBuilder([plug]).tick(0, 0, 0, [0]).tick(9, 0, 0, [S]).content())])
    assert [one.channel.key for one in folded.added_up()] == ["prometheus:plug"]
    both = JournalBuilder([model, plug]).tick(0, 0, 0, [None, 0]).tick(9, 0, 0, [None, S]).content()
    assert [one.channel.key for one in fold([parse(both)]).added_up()] == ["prometheus:plug"]


def test_mirrored_dies_are_counted_once():
    channels = [channel(), channel(key="rapl:1", device="cpu:1")]
    built = JournalBuilder(channels)
    for step in range(8):
        built.tick(step * 5, 0, 0, [step * 300 * S, 77 + step * 300 * S])
    folded = fold([parse(built.end().content())])
    assert [one.channel.key for one in folded.energies] == ["rapl:0"]
    assert "counted once" in folded.notes[0]


def test_a_gap_raises_the_upper_bound_and_lowers_the_coverage():
    built = JournalBuilder([channel(idle_w=0.0)]).tick(0, 0, 0, [None])
    built.tick(10, 10, 10, [0]).tick(20, 20, 20, [1000 * S]).tick(40, 40, 40, [None]).end()
    folded = fold([parse(built.content())])
    machine = window_figures(folded, folded.energies[0], Window(folded.start_us, folded.end_us))["machine"]
    assert machine.value == machine.low == pytest.approx(1000.0)
    assert machine.high == pytest.approx(1000.0 + 30 * 100)


def test_a_window_without_a_reading_has_no_figure():
    built = JournalBuilder([channel()]).tick(0, 0, 0, [None]).tick(10, 0, 0, [None]).end()
    folded = fold([parse(built.content())])
    assert window_figures(folded, folded.energies[0], Window(folded.start_us, folded.end_us)) is None
    assert total_figures([]) is None


def test_a_leader_that_dies_is_followed_without_a_hole():
    first = JournalBuilder([channel(idle_w=0.0)]).tick(0, 0, 0, [0]).tick(10, 1, 10, [100 * S])
    second = JournalBuilder(leads=False).tick(0, 0, None).tick(10, 1, None)
    second.record("C", {"channels": first.header["channels"]}).tick(20, 2, 20, [200 * S]).end()
    folded = fold([parse(first.content()), parse(second.content())])
    assert folded.energies[0].part("machine", folded.start_us, folded.end_us) == pytest.approx(200.0)


def test_journals_of_two_boots_do_not_fold():
    one, two = parse(JournalBuilder().tick(0).content()), parse(JournalBuilder(boot_id="x").tick(0).content())
    with pytest.raises(JournalError, match="different boots"):
        fold([one, two])
    with pytest.raises(JournalError, match="no journal"):
        fold([])
