"""Does it fit? At the bad end yes, at the good end no, between it is open, and elsewhere measured it is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from joulewise.compare.edge import EdgeProfile, check_edge, edge_profile, edge_profiles
from joulewise.core.errors import DataError, NotFound, UsageError
from joulewise.core.figures import DEFAULT, MEASURED, Figure, exact
from joulewise.core.variants import Observation
from joulewise.testing.variants import small_model


def seen(quantity: str, value: float, unit: str, share: float = 0.1) -> Observation:
    figure = Figure(value=value, low=value * (1 - share), high=value * (1 + share), unit=unit, method=MEASURED)
    return Observation(quantity=quantity, figure=figure, batch=1, threads=1, load="saturated")


MEASURED_HERE = [
    seen("memory_bytes_peak", 100e6, "bytes"),
    seen("latency_s_p99", 0.01, "s"),
    seen("energy_j_per_inference", 0.02, "J"),
    seen("throughput_per_s", 100.0, "1/s", 0.0),
]
DRONE = EdgeProfile(
    name="drone",
    memory=exact(1e9, "bytes"),
    storage=exact(1e6, "bytes"),
    power=exact(3.0, "W"),
    battery=exact(10_000.0, "J"),
    latency=exact(0.02, "s"),
    least_inferences=exact(100_000.0, "1"),
    measured_here=True,
)


def checks(verdict):
    return {one.what: one for one in verdict.checks}


def test_what_was_measured_there_fits_with_what_is_left():
    verdict = check_edge(DRONE, MEASURED_HERE, small_model(), name="net")

    assert verdict.fits is True
    assert checks(verdict)["memory"].share.value == pytest.approx(0.1)
    assert checks(verdict)["power"].need.value == pytest.approx(2.0)
    assert verdict.inferences_per_charge.value == pytest.approx(500_000)
    assert checks(verdict)["battery"].share.value == pytest.approx(0.2)


def test_one_limit_that_breaks_is_enough():
    verdict = check_edge(DRONE, [*MEASURED_HERE[1:], seen("memory_bytes_peak", 2e9, "bytes")], small_model())

    assert verdict.fits is False
    assert "does not fit" in checks(verdict)["memory"].text


def test_between_the_ends_it_is_open():
    verdict = check_edge(DRONE, [*MEASURED_HERE[1:], seen("memory_bytes_peak", 1e9, "bytes")], small_model())

    assert verdict.fits is None
    assert "overlap" in checks(verdict)["memory"].text


def test_another_machine_s_time_and_energy_say_nothing():
    verdict = check_edge("raspberry pi 5", MEASURED_HERE, small_model())

    assert checks(verdict)["memory"].fits is True
    assert checks(verdict)["power"].fits is None
    assert "not measured on Raspberry Pi 5" in checks(verdict)["power"].text
    assert verdict.fits is None
    assert verdict.inferences_per_charge is None


def test_what_nobody_measured_is_unknown():
    verdict = check_edge(DRONE, [])

    assert {one.fits for one in verdict.checks} == {None}
    assert all(one.text.startswith("unknown") for one in verdict.checks)


def test_no_battery_is_no_endless_one():
    wired = EdgeProfile(name="wired", least_inferences=exact(10.0, "1"), measured_here=True)
    (battery,) = check_edge(wired, MEASURED_HERE).checks

    assert battery.fits is None
    assert "no battery" in battery.text


def test_an_energy_that_may_be_zero_promises_no_count():
    unsure = Observation(
        quantity="energy_j_per_inference", figure=Figure(value=0.01, low=0.0, high=0.02, unit="J", method=MEASURED)
    )

    assert check_edge(DRONE, [unsure]).inferences_per_charge is None


def test_a_profile_without_limits_decides_nothing():
    assert check_edge(EdgeProfile(name="anything"), MEASURED_HERE).fits is None


def test_built_in_profiles_are_defaults_with_a_source():
    names = [one.name for one in edge_profiles()]

    assert names == ["microcontroller", "raspberry-pi-4", "raspberry-pi-5", "jetson-orin-nano", "phone", "laptop"]
    for one in edge_profiles():
        assert one.source
        assert one.checked
        assert one.memory.method == DEFAULT
        assert one.memory.low <= one.memory.value
        assert one.power.low < one.power.high
    assert edge_profile("RPi4").name == "raspberry-pi-4"
    assert edge_profile("raspberry-pi-4").battery is None


def test_a_profile_of_one_s_own(tmp_path: Path):
    path = tmp_path / "camera.toml"
    path.write_text(
        'title = "A camera"\nmemory_bytes = 256e6\npower_w = [1.5, 2, 2.5]\nlatency_s = 0.1\nmeasured_here = true\n'
    )
    found = edge_profile(path)

    assert (found.name, found.title, found.measured_here) == ("camera", "A camera", True)
    assert (found.power.low, found.power.value, found.power.high) == (1.5, 2.0, 2.5)
    assert found.battery is None
    assert edge_profile(str(path)) == found


@pytest.mark.parametrize(
    ("text", "error", "why"),
    [
        ("memory = 1", UsageError, "says memory"),
        ("memory_bytes = 'much'", DataError, "no number"),
        ("memory_bytes = true", DataError, "no number"),
        ("power_w = [1, 2]", DataError, "no number"),
        ("power_w = 0", DataError, "not above zero"),
        ("power_w = ", DataError, "can't read"),
    ],
)
def test_a_bad_profile_is_refused(tmp_path: Path, text, error, why):
    path = tmp_path / "bad.toml"
    path.write_text(text)

    with pytest.raises(error, match=why):
        edge_profile(path)


def test_an_unknown_profile_names_the_known_ones(tmp_path: Path):
    with pytest.raises(NotFound, match="raspberry-pi-4"):
        edge_profile("raspbery-pi-4")
    with pytest.raises(NotFound, match="microcontroller"):
        edge_profile("toaster")
    with pytest.raises(DataError, match="can't read the profile"):
        edge_profile(tmp_path / "none.toml")
