"""Which CPU this is, from samples of /proc/cpuinfo."""

from __future__ import annotations

import pytest

from joulewise.measure.cpu_identity import family_key, identify
from joulewise.measure.cpu_tables import family_keys

MILAN_VM = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 1
model name\t: AMD EPYC
stepping\t: 1
cpu MHz\t\t: 2445.428
siblings\t: 2
cpu cores\t: 2
flags\t\t: fpu vme constant_tsc hypervisor lahf_lm
bogomips\t: 4890.85

processor\t: 1
vendor_id\t: AuthenticAMD
model\t\t: 99
"""
XEON = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 85
model name\t: Intel(R) Xeon(R) Platinum 8280 CPU @ 2.70GHz
stepping\t: 7
siblings\t: 56
cpu cores\t: 28
flags\t\t: fpu vme constant_tsc lahf_lm
bogomips\t: 5400.00
"""
ALTRA = """processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1
"""


def x86(vendor: str, family: int, model: int, stepping: int = 0, brand: str = "") -> str:
    return (
        f"processor : 0\nvendor_id : {vendor}\ncpu family : {family}\nmodel : {model}\n"
        f"model name : {brand}\nstepping : {stepping}\n"
    )


def arm(implementer: int, part: int) -> str:
    return f"processor : 0\nCPU implementer : {implementer:#x}\nCPU part : {part:#x}\nCPU revision : 1\n"


def test_a_cloud_machine_is_known_in_spite_of_its_blank_brand():
    identity = identify(MILAN_VM)
    assert identity is not None
    assert identity.brand == "AMD EPYC"
    assert identity.hypervisor
    assert (identity.threads_per_chip, identity.cores_per_chip) == (2, 2)
    assert identity.nominal_ghz == pytest.approx(2.445, abs=0.001)
    assert family_key(identity) == ("milan", "Zen 3 (EPYC Milan)")


def test_a_dedicated_server_has_no_hypervisor_and_its_nominal_clock():
    identity = identify(XEON)
    assert identity is not None
    assert not identity.hypervisor
    assert identity.nominal_ghz == 2.7
    assert identity.threads_per_chip == 56
    assert family_key(identity)[0] == "cascade-lake"


def test_arm_is_known_by_midr_and_its_bogomips_are_no_clock():
    identity = identify(ALTRA)
    assert identity is not None
    assert identity.vendor == "arm-41"
    assert identity.nominal_ghz is None
    assert family_key(identity)[0] == "neoverse-n1"


INTEL, AMD = "GenuineIntel", "AuthenticAMD"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (x86(AMD, 0x17, 0x01, 2), "naples"),
        (x86(AMD, 0x17, 0x01, 1), "client"),  # Ryzen 1000 and Threadripper: the same die, stepping 1
        (x86(AMD, 0x17, 0x31), "rome"),
        (x86(AMD, 0x17, 0x31, 0, "AMD Ryzen Threadripper 3990X"), "client"),
        (x86(AMD, 0x17, 0x71), "client"),
        (x86(AMD, 0x19, 0x00), "milan"),
        (x86(AMD, 0x19, 0x01, 2), "milan"),  # Milan-X
        (x86(AMD, 0x19, 0x08), "client"),
        (x86(AMD, 0x19, 0x11), "genoa"),
        (x86(AMD, 0x19, 0x1F), "genoa"),
        (x86(AMD, 0x19, 0x18), "client"),
        (x86(AMD, 0x19, 0x21), "client"),
        (x86(AMD, 0x19, 0x61), "client"),  # EPYC 4004 is a desktop part
        (x86(AMD, 0x19, 0xA0), "bergamo-siena"),
        (x86(AMD, 0x19, 0xAF), "bergamo-siena"),
        (x86(AMD, 0x1A, 0x02), "turin"),
        (x86(AMD, 0x1A, 0x11), "turin-dense"),
        (x86(AMD, 0x1A, 0x44), "client"),
        (x86(AMD, 0x1A, 0x50), "generic"),
        (x86(AMD, 0x15, 0x02), "opteron-bulldozer"),
        (x86(AMD, 0x15, 0x60), "client"),
        (x86(INTEL, 6, 0x55, 3), "skylake-sp"),
        (x86(INTEL, 6, 0x55, 4), "skylake-sp"),
        (x86(INTEL, 6, 0x55, 5), "cascade-lake"),
        (x86(INTEL, 6, 0x55, 7), "cascade-lake"),
        (x86(INTEL, 6, 0x55, 10), "cooper-lake"),
        (x86(INTEL, 6, 0x55, 11), "cooper-lake"),
        (x86(INTEL, 6, 0x6A), "ice-lake-sp"),
        (x86(INTEL, 6, 0x6C), "ice-lake-sp"),
        (x86(INTEL, 6, 0x8F), "sapphire-rapids"),
        (x86(INTEL, 6, 0xCF), "emerald-rapids"),
        (x86(INTEL, 6, 0xAD), "granite-rapids"),
        (x86(INTEL, 6, 0xAE), "granite-rapids"),
        (x86(INTEL, 6, 0xAF), "sierra-forest"),
        (x86(INTEL, 6, 0x4F), "broadwell-ep"),
        (x86(INTEL, 6, 0x56), "broadwell-ep"),
        (x86(INTEL, 6, 0x3F), "haswell-ep"),
        (x86(INTEL, 6, 0x3C), "haswell-client"),
        (x86(INTEL, 6, 0x3E), "ivy-bridge-ep"),
        (x86(INTEL, 6, 0x3A), "ivy-bridge-client"),
        (x86(INTEL, 6, 0x2D), "sandy-bridge-ep"),
        (x86(INTEL, 6, 0x2A), "sandy-bridge-client"),
        (x86(INTEL, 6, 0x2C), "nehalem-westmere"),
        (x86(INTEL, 6, 0x17), "core-xeon"),
        (x86(INTEL, 6, 0x5E), "skylake-client"),
        (x86(INTEL, 6, 0x9E, 9), "kaby-lake"),
        (x86(INTEL, 6, 0x9E, 10), "coffee-lake"),
        (x86(INTEL, 6, 0xA7), "rocket-lake"),
        (x86(INTEL, 6, 0x97), "client"),  # a hybrid: no published watts
        (x86(INTEL, 6, 0xB7), "client"),
        (x86(INTEL, 6, 0xDD), "generic"),
        (x86(INTEL, 15, 6), "generic"),
        (x86("HygonGenuine", 0x18, 0), "generic"),
        (arm(0x41, 0xD40), "neoverse-later"),
        (arm(0x41, 0xD4F), "neoverse-later"),
        (arm(0x41, 0xD49), "neoverse-later"),
        (arm(0x6D, 0xD49), "neoverse-later"),
        (arm(0xC0, 0xAC3), "neoverse-later"),
        (arm(0x41, 0xD08), "arm-cortex"),
        (arm(0x48, 0xD01), "generic"),
    ],
)
def test_family_of(text: str, key: str):
    identity = identify(text)
    assert identity is not None
    assert family_key(identity)[0] == key
    assert key in family_keys()


def test_a_stepping_beyond_four_bits_is_the_last_one():
    identity = identify(x86(INTEL, 6, 0x55, 99))
    assert identity is not None
    assert family_key(identity)[0] == "cooper-lake"


def test_without_a_stepping_the_first_one_counts():
    identity = identify("vendor_id : GenuineIntel\ncpu family : 6\nmodel : 85\n")
    assert identity is not None
    assert family_key(identity)[0] == "skylake-sp"


def test_without_a_model_the_family_is_unknown():
    identity = identify("vendor_id : GenuineIntel\ncpu family : 6\n")
    assert identity is not None
    assert family_key(identity) == ("generic", "")


def test_an_unknown_desktop_brand_is_a_desktop():
    identity = identify(x86(AMD, 0x1B, 0x01, 0, "AMD Ryzen 11"))
    assert identity is not None
    assert family_key(identity) == ("client", "")


@pytest.mark.parametrize("text", ["", "\n\n", "processor : 0\n", "\x00\xff:", "garbage without a colon", ":" * 500])
def test_nothing_that_names_a_cpu_is_no_identity(text: str):
    assert identify(text) is None


def test_hostile_numbers_are_absent_not_wrong():
    text = (
        "processor : 0\nvendor_id : GenuineIntel\ncpu family : six\nmodel : -85\nstepping : 1e3\n"
        "siblings : \ncpu cores : 99999x\nbogomips : nan\nflags : constant_tsc\n"
    )
    identity = identify(text)
    assert identity is not None
    assert (identity.family, identity.model, identity.stepping) == (None, None, None)
    assert (identity.threads_per_chip, identity.cores_per_chip, identity.nominal_ghz) == (None, None, None)
    assert family_key(identity) == ("generic", "")


@pytest.mark.parametrize("bogomips", ["", "fast", "1e9", "3.0"])
def test_an_absurd_clock_is_no_clock(bogomips: str):
    identity = identify(f"vendor_id : x\nflags : constant_tsc\nbogomips : {bogomips}\n")
    assert identity is not None
    assert identity.nominal_ghz is None


def test_bogomips_of_a_changing_tsc_are_no_clock():
    identity = identify("vendor_id : x\nflags : fpu\nbogomips : 4000\n")
    assert identity is not None
    assert identity.nominal_ghz is None
