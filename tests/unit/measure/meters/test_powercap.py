"""RAPL by powercap: zones, twins, mirrors, wraps, faults, hostile names."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.core.channels import Channel, MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.core.protocols import Meter
from joulewise.measure.meters import powercap
from joulewise.measure.meters.rapl import is_amd, mirrors
from joulewise.measure.meters.select import added
from joulewise.measure.meters.sysfs import CountFile, label, whole
from joulewise.testing.cpu_machines import LAPTOP_ZONES, POWERCAP, RANGE_UJ, powercap_machine, rapl_zone
from joulewise.testing.meters import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(str(tmp_path))


def found(tree: Tree, **options: object) -> dict[str, tuple[Channel, Meter]]:
    meters, _ = powercap.discover(MeterContext(root=tree.root, options=options))
    return {channel.key: (channel, meter) for meter in meters for channel in meter.channels}


def test_a_server_has_two_packages_and_their_dram(tmp_path: Path) -> None:
    machine = powercap_machine(str(tmp_path))
    meters, findings = machine.discover(machine.context)
    channels = [channel for meter in meters for channel in meter.channels]
    assert added(channels) == ("rapl:0:package", "rapl:0:dram", "rapl:1:package", "rapl:1:dram")
    assert {channel.device for channel in channels} == {"cpu:0", "cpu:1"}
    assert all(channel.wrap == RANGE_UJ + 1 for channel in channels)
    assert [finding.state for finding in findings] == ["ready"]


def test_what_contains_is_shown_and_not_added(tmp_path: Path) -> None:
    machine = powercap_machine(str(tmp_path), LAPTOP_ZONES)
    channels = [channel for meter in machine.discover(machine.context)[0] for channel in meter.channels]
    assert added(channels) == ("rapl:0:package",)
    by_key = {channel.key: channel for channel in channels}
    assert by_key["rapl:0:core"].within == by_key["rapl:0:uncore"].within == "rapl:0:package"
    assert by_key["rapl:platform:psys"].component == "psys"


def test_the_mmio_twin_is_dropped_but_not_a_lone_mmio(tree: Tree) -> None:
    rapl_zone(tree, "intel-rapl-mmio:0", "package-0", 7)
    assert found(tree)["rapl:0:package"][1].read() == (7,)
    rapl_zone(tree, "intel-rapl:0", "package-0", 5)
    assert {key: meter.read() for key, (_, meter) in found(tree).items()} == {"rapl:0:package": (5,)}


def test_an_amd_machine_has_wider_bounds(tree: Tree) -> None:
    rapl_zone(tree, "intel-rapl:0", "package-0")
    intel = found(tree)["rapl:0:package"][0]
    tree.write("sys/devices/system/cpu/modalias", "cpu:type:x86,ven0002fam0019mod0001:feature:,0000\n")
    amd = found(tree)["rapl:0:package"][0]
    assert is_amd(tree.root)
    assert amd.low_ratio < intel.low_ratio
    assert amd.high_ratio > intel.high_ratio


def test_dies_are_devices_of_their_own(tree: Tree) -> None:
    for number in (0, 1):
        rapl_zone(tree, f"intel-rapl:{number}", f"package-0-die-{number}")
    assert {channel.device for channel, _ in found(tree).values()} == {"cpu:0-die-0", "cpu:0-die-1"}


def test_one_name_twice_stays_two_channels(tree: Tree) -> None:
    for number in (0, 1):
        rapl_zone(tree, f"intel-rapl:{number}", "package-0")
        rapl_zone(tree, f"intel-rapl:{number}:0", "dram")
    assert len({channel.device for channel, _ in found(tree).values()}) == 2
    assert len(found(tree)) == 4


def test_ten_packages_in_order(tree: Tree) -> None:
    for number in range(11):
        rapl_zone(tree, f"intel-rapl:{number}", f"package-{number}")
    assert list(found(tree)) == [f"rapl:{number}:package" for number in range(11)]


@pytest.mark.parametrize("content", ["", "-5\n", "nonsense", "1e6", "9" * 30, "1_000", "\x00\x00", "٣", "12 13"])
def test_what_is_no_count_is_broken(tree: Tree, content: str) -> None:
    rapl_zone(tree, "intel-rapl:0", "package-0", content)
    meters, findings = powercap.discover(MeterContext(root=tree.root))
    assert meters == []
    assert [finding.state for finding in findings] == ["broken"]


@pytest.mark.parametrize("range_uj", [None, "", "-1", "0", "garbage"])
def test_an_unreadable_range_means_no_wrap(tree: Tree, range_uj: str | None) -> None:
    rapl_zone(tree, "intel-rapl:0", "package-0", range_uj=range_uj)
    assert found(tree)["rapl:0:package"][0].wrap is None


@pytest.mark.parametrize("name", ["pack\nage-0", "../../etc", "päckage", "", "x" * 500, "dram\x1b[2J"])
def test_hostile_names_make_plain_keys(tree: Tree, name: str) -> None:
    rapl_zone(tree, "intel-rapl:0", name)
    [(key, (channel, _))] = found(tree).items()
    assert key.isascii()
    assert key.isprintable()
    assert " " not in key
    assert channel.source.isprintable()


def test_strange_zone_names_do_no_harm(tree: Tree) -> None:
    rapl_zone(tree, "intel-rapl:x", "package-0")
    tree.write("sys/class/powercap/intel-rapl:0\n/energy_uj", 5)
    tree.write("sys/class/powercap/dtpm/energy_uj", 5)
    assert "rapl:0:package" in found(tree)


def test_denied_comes_with_the_cure(tree: Tree) -> None:
    rapl_zone(tree, "intel-rapl:0", "package-0")

    def denying(path: str, flags: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    meters, [told] = powercap.discover(MeterContext(root=tree.root, options={"open": denying}))
    assert meters == []
    assert told.state == "denied"
    assert "tmpfiles" in told.cure
    assert told.cure.startswith("sudo sh -c '")


def test_a_reading_that_fails_once_opens_anew(tree: Tree) -> None:
    path = rapl_zone(tree, "intel-rapl:0", "package-0", 5)
    opened: list[str] = []

    def opener(name: str, flags: int) -> int:
        opened.append(name)
        return os.open(name, flags)

    meter = found(tree, open=opener)["rapl:0:package"][1]
    assert meter.read() == meter.read() == (5,)
    assert len(opened) == 1
    tree.write(path, "")
    with pytest.raises(MeterUnavailable):
        meter.read()
    tree.write(path, 9)
    assert meter.read() == (9,)
    assert len(opened) == 2
    meter.close()


def test_a_file_may_vanish_and_come_back(tree: Tree) -> None:
    path = rapl_zone(tree, "intel-rapl:0", "package-0", 5)
    meter = found(tree)["rapl:0:package"][1]
    tree.remove(path)
    for _ in range(2):
        with pytest.raises(MeterUnavailable):
            meter.read()
    tree.write(path, 8)
    assert meter.read() == (8,)
    meter.close()


@pytest.mark.parametrize(
    ("limits_uw", "want_w"),
    [
        ({}, 1000.0),
        ({"0_max": 350_000_000}, 700.0),
        ({"0_max": 15_000_000}, 250.0),
        ({"1_limit": 4_095_000_000}, 1000.0),
    ],
)
def test_the_highest_plausible_power(tree: Tree, limits_uw: dict[str, int], want_w: float) -> None:
    rapl_zone(tree, "intel-rapl:0", "package-0")
    names = {"0_max": "constraint_0_max_power_uw", "1_limit": "constraint_1_power_limit_uw"}
    for name, limit_uw in limits_uw.items():
        tree.write(f"{POWERCAP}/intel-rapl/intel-rapl:0/{names[name]}", limit_uw)
    assert found(tree)["rapl:0:package"][0].max_power_w == want_w


def test_a_counter_that_wraps_or_goes_back_is_passed_on_raw(tree: Tree) -> None:
    path = rapl_zone(tree, "intel-rapl:0", "package-0", RANGE_UJ)
    meter = found(tree)["rapl:0:package"][1]
    assert meter.read() == (RANGE_UJ,)
    tree.write(path, 0)
    assert meter.read() == (0,)
    meter.close()


SERIES = [0, 6_000_000, 12_500_061, 17_000_000, 30_000_000]


def test_a_mirror_is_known_by_equal_deltas() -> None:
    shifted = [count + 77 for count in SERIES]
    assert mirrors(SERIES, shifted)
    assert mirrors([SERIES[0], None, *SERIES[1:]], [shifted[0], 5, *shifted[1:]])


@pytest.mark.parametrize(
    ("series_a", "series_b"),
    [
        (SERIES[:3], SERIES[:3]),
        ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
        ([5_000_000] * 9, [5_000_000] * 9),
        (SERIES, [0, 6_000_100, 12_500_361, 17_000_500, 30_000_900]),
        (SERIES, [0, 6_000_000, 12_500_061, 17_000_000, 39_000_000]),
        ([], []),
    ],
    ids=["too few", "too little", "stand still", "two dies", "parts ways", "nothing"],
)
def test_no_mirror(series_a: list[int], series_b: list[int]) -> None:
    assert not mirrors(series_a, series_b)


def test_a_mirror_survives_a_wrap_and_an_update_between_two_reads() -> None:
    series = [*SERIES, 36_000_000, 2_000_000, 9_000_000]
    late = [*series[:5], 36_500_000, *series[6:]]
    assert mirrors(series, series)
    assert mirrors(
        [*series, 15_000_000, 22_000_000, 30_000_000, 41_000_000],
        [*late, 15_000_000, 22_000_000, 30_000_000, 41_000_000],
    )


@given(st.binary(max_size=80))
def test_whole_never_guesses(raw: bytes) -> None:
    count = whole(raw)
    assert count is None or raw.strip().decode() == str(count).zfill(len(raw.strip()))


@given(st.text(max_size=80))
def test_labels_are_plain(text: str) -> None:
    plain = label(text)
    assert 0 < len(plain) <= 40
    assert plain.isascii()
    assert plain.isprintable()


def test_a_folder_is_no_count(tmp_path: Path) -> None:
    file = CountFile(str(tmp_path))
    assert file.read() is None
    assert isinstance(file.error, IsADirectoryError)
