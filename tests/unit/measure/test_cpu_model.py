"""Watts and joules from CPU time: the laws that the model keeps."""

from __future__ import annotations

import json
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.core.errors import OutOfRange
from joulewise.core.frozen import replaced
from joulewise.measure import cpu_tables
from joulewise.measure.cpu_model import Machine, energy_j, explain, idle_power_w, params_for, power_w

SHARED = cpu_tables.shared()
MILAN = cpu_tables.family("milan")
SERVER = Machine(cpus=256, cores=128, cores_per_chip=64, sockets=2, ghz=2.45, memory_gb=256, virtual=False)
GUEST = Machine(cpus=2, cores=2, cores_per_chip=2, sockets=1, ghz=2.45, memory_gb=2, virtual=True)


def params(machine: Machine = SERVER, key: str = "milan", *, fleet: bool = True):
    return params_for(cpu_tables.family(key), SHARED, machine, fleet=fleet)


def test_a_server_of_the_usual_size_has_the_watts_of_its_row():
    found = params()
    assert idle_power_w(found) == pytest.approx(128 * MILAN.idle_w_per_core, rel=1e-5)
    assert power_w(found, 1.0)[0] == pytest.approx(128 * MILAN.max_w_per_core, rel=1e-5)
    assert found["dram_extra_gb"] == 0


def test_the_curve_is_idle_plus_the_shape_of_the_rest():
    found = params()
    idle, full = power_w(found, 0)[0], power_w(found, 1)[0]
    assert power_w(found, 0.5)[0] == pytest.approx(idle + (full - idle) * MILAN.shape[5], rel=1e-5)
    between = (power_w(found, 0.5)[0] + power_w(found, 0.6)[0]) / 2
    assert power_w(found, 0.55)[0] == pytest.approx(between)


def test_a_guest_carries_its_share_of_the_host_in_a_straight_line():
    found = params(GUEST)
    idle, half, full = (power_w(found, load)[0] for load in (0, 0.5, 1))
    assert idle == pytest.approx(MILAN.idle_w_per_core, rel=1e-5)  # two threads are one core of the host
    assert half == pytest.approx((idle + full) / 2, rel=1e-5)
    assert found["host_ratio"] == pytest.approx(
        sum(MILAN.shape[level] / (level / 10) for level in range(2, 9)) / 7, rel=1e-9
    )


def test_a_guest_is_less_sure_than_a_whole_machine():
    for load in (0, 0.5, 1):
        value, low, high = power_w(params(GUEST), load)
        whole, whole_low, whole_high = power_w(params(), load)
        assert low / value <= 0.51 < whole_low / whole
        assert high / value >= max(2, 1.1 * whole_high / whole)


def test_a_guest_ignores_the_topology_that_its_hypervisor_invents():
    odd = replaced(GUEST, cores=2, sockets=2)
    assert params(odd)["curve_w"] == params(GUEST)["curve_w"]


def test_memory_beyond_the_baseline_adds_idle_power_with_a_wide_band():
    lean, rich = params(), params(replaced(SERVER, memory_gb=1256))
    assert rich["dram_extra_gb"] == 1000
    for load in (0, 1):
        value, low, high = power_w(rich, load)
        assert value - power_w(lean, load)[0] == pytest.approx(100, rel=1e-3)
        assert value - low >= 80
        assert high - value >= 300


def test_memory_below_the_baseline_changes_nothing():
    assert params(replaced(SERVER, memory_gb=64))["curve_w"] == params()["curve_w"]
    assert params(replaced(SERVER, memory_gb=None))["curve_w"] == params()["curve_w"]


def test_old_memory_costs_more():
    old = params(replaced(SERVER, cpus=32, cores=16, cores_per_chip=8, memory_gb=124), "sandy-bridge-ep")
    assert old["dram_extra_w"] == pytest.approx(0.375 * 100)
    assert old["dram_high_w_per_gb"] > old["dram_w_per_gb"]


def test_a_small_chip_carries_more_of_the_server_per_core():
    small = params(replaced(SERVER, cpus=32, cores=16, cores_per_chip=8))
    assert small["idle_w_per_core"] > 1.5 * MILAN.idle_w_per_core
    assert small["max_w_per_core"] > MILAN.max_w_per_core


def test_one_socket_carries_more_of_the_server_per_core():
    single = params(replaced(SERVER, cpus=128, cores=64, sockets=1))
    assert single["idle_w_per_core"] > 1.2 * MILAN.idle_w_per_core


def test_a_faster_clock_costs_more_at_full_load():
    fast = params(replaced(SERVER, ghz=3.5))
    assert fast["max_w_per_core"] > MILAN.max_w_per_core
    assert params(replaced(SERVER, ghz=None))["max_w_per_core"] == pytest.approx(MILAN.max_w_per_core)


def test_an_absurd_clock_or_size_stays_within_the_range_that_was_seen():
    assert params(replaced(SERVER, ghz=100.0))["curve_w"] == params(replaced(SERVER, ghz=1000.0))["curve_w"]
    assert params(replaced(SERVER, ghz=-1.0))["curve_w"] == params(replaced(SERVER, ghz=None))["curve_w"]
    tiny = params(replaced(SERVER, cpus=2, cores=1, cores_per_chip=1, sockets=1))
    assert tiny["idle_w_per_core"] < 6 * MILAN.idle_w_per_core


def test_the_field_is_less_tuned_than_a_benchmark():
    tuned, field = params(fleet=False), params()
    assert tuned["curve_w"] == field["curve_w"]
    assert tuned["low_w"] == field["low_w"]
    assert all(f > t for f, t in zip(field["high_w"], tuned["high_w"], strict=True))


@pytest.mark.parametrize("key", cpu_tables.family_keys())
def test_bounds_hold_the_value_and_power_grows_with_load(key: str):
    for machine in (SERVER, GUEST):
        found = params(machine, key)
        points = [power_w(found, load / 20) for load in range(21)]
        assert all(0 <= low <= value <= high for value, low, high in points)
        values = [value for value, _, _ in points]
        assert values == sorted(values)
        assert values[-1] > values[0] > 0


def test_params_survive_a_journal():
    found = params()
    assert json.loads(json.dumps(found)) == found


def test_params_name_machine_and_table():
    found = params(GUEST)
    assert found["family"] == "milan"
    assert found["method"] == "modelled"
    assert found["virtual"] is True
    assert found["cpus"] == 2
    assert found["table"] == SHARED.version


@given(
    busy=st.lists(st.floats(0, 1), min_size=1, max_size=20),
    duration_s=st.floats(0.01, 3600),
    key=st.sampled_from(cpu_tables.family_keys()),
)
def test_energy_lies_within_its_bounds_and_the_machine_s_range(busy: list[float], duration_s: float, key: str):
    found = params(GUEST, key)
    for load in busy:
        value, low, high = energy_j(found, load * duration_s * 2, duration_s)
        assert 0 <= low <= value <= high
        floor, ceiling = power_w(found, 0)[0], power_w(found, 1)[0]
        assert floor * duration_s * (1 - 1e-9) <= value <= ceiling * duration_s * (1 + 1e-9)


@given(load=st.floats(0, 1), cut=st.floats(0.01, 0.99))
def test_an_interval_of_steady_load_equals_the_sum_of_its_parts(load: float, cut: float):
    found = params()
    whole = energy_j(found, load * 256 * 100, 100)
    first = energy_j(found, load * 256 * 100 * cut, 100 * cut)
    second = energy_j(found, load * 256 * 100 * (1 - cut), 100 * (1 - cut))
    assert whole == pytest.approx([a + b for a, b in zip(first, second, strict=True)], rel=1e-9)


def test_a_load_above_one_is_one():
    assert energy_j(params(), 1e6, 1) == energy_j(params(), 256, 1)


def test_an_interval_of_no_length_has_no_energy():
    assert energy_j(params(), 0, 0) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("times", [(-1, 1), (1, -1), (nan, 1), (1, nan), (float("inf"), 1), (1, float("inf"))])
def test_impossible_times_are_refused(times: tuple[float, float]):
    with pytest.raises(OutOfRange):
        energy_j(params(), *times)


@pytest.mark.parametrize("wrong", [{"cpus": 0}, {"cores": 0}, {"sockets": 0}, {"cores_per_chip": 0}, {"cores": nan}])
def test_an_impossible_machine_is_refused(wrong: dict[str, float]):
    with pytest.raises(OutOfRange):
        replaced(SERVER, **wrong)


def test_explain_leads_from_the_row_to_the_watts():
    steps = {name: (value, unit, source) for name, value, unit, source in explain(params(GUEST))}
    assert steps["CPU family"][0] == MILAN.name
    assert "SPECpower" in steps["basis"][2]
    assert steps["idle power per core"] == (
        pytest.approx(MILAN.idle_w_per_core),
        "W",
        f"joulewise cpu table {SHARED.version}",
    )
    assert "dynamic power of an average host" in steps
    assert steps["power at full load"][0] == power_w(params(GUEST), 1)[0]
    assert all(source or unit == "" for _, unit, source in steps.values())
    assert "dynamic power of an average host" not in {name for name, *_ in explain(params())}
