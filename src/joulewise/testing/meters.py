"""The contract of meters, to run over any plug-in, and the fake machine that it needs.

In your tests:

    class TestMyMeter(MeterContract):
        @pytest.fixture
        def machine(self, tmp_path):
            return FakeMachine(name="mine", discover=my_plugin.discover, context=..., advance=..., fail=..., heal=...)

Without a fake machine the suite would pass on a machine that has nothing to read: so it wants one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from joulewise.core.channels import ENERGY, QUANTITIES, MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.core.figures import METHODS
from joulewise.core.protocols import Meter, MeterPlugin

STATES = ("ready", "denied", "absent", "broken")
COMPONENTS = ("cpu", "core", "uncore", "dram", "gpu", "psys", "board", "node", "battery", "other")
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:.-_@#/")


def _nothing() -> None:
    """A step that this machine needs not take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeMachine:
    """A machine that a test can drive.

    `advance` lets time pass and energy flow. `fail` makes every reading impossible, `heal` undoes it. `settle` waits
    until a reading in the background has happened. `secrets` are texts that may appear in no finding and no channel.
    """

    name: str
    discover: MeterPlugin
    context: MeterContext
    advance: Callable[[], None]
    fail: Callable[[], None]
    heal: Callable[[], None]
    settle: Callable[[], None] = _nothing
    secrets: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(slots=True)
class Tree:
    """Files under a folder, written whole."""

    root: str
    written: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, text: str | int) -> None:
        """Create or overwrite in place: an open file sees the new content, as with sysfs."""
        full = f"{self.root}/{path.lstrip('/')}"
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8", newline="") as file:
            file.write(f"{text}\n" if isinstance(text, int) else text)

    def write_all(self, files: Mapping[str, str | int], under: str = "") -> None:
        for path, text in files.items():
            self.write(f"{under}/{path}" if under else path, text)

    def remove(self, path: str) -> None:
        os.unlink(f"{self.root}/{path.lstrip('/')}")

    def link(self, path: str, target: str) -> None:
        """A symbolic link at `path`; `target` is relative to the tree."""
        full = f"{self.root}/{path.lstrip('/')}"
        os.makedirs(os.path.dirname(full), exist_ok=True)
        os.symlink(f"{self.root}/{target.lstrip('/')}", full)


@contextmanager
def opened(machine: FakeMachine) -> Iterator[list[Meter]]:
    """The machine's meters, settled, closed afterwards."""
    meters, _ = machine.discover(machine.context)
    try:
        for meter in meters:
            _counts(meter)
        machine.settle()
        yield meters
    finally:
        for meter in meters:
            meter.close()


def _counts(meter: Meter) -> tuple[int | None, ...]:
    """What a meter reads, gaps where it can't."""
    try:
        return meter.read()
    except MeterUnavailable:
        return (None,) * len(meter.channels)


def _refusal(meter: Meter) -> str:
    """Why a meter could not be read; "" if it could."""
    try:
        meter.read()
    except MeterUnavailable as error:
        return error.message
    return ""


class MeterContract:
    """What every meter plug-in keeps. Subclass it and give a fixture `machine` that returns a FakeMachine."""

    def test_the_machine_has_something_to_read(self, machine: FakeMachine) -> None:
        with opened(machine) as meters:
            assert meters, "a fake machine must have a meter, else this suite proves nothing"
            assert any(count is not None for meter in meters for count in meter.read())

    def test_expected_channels_are_found(self, machine: FakeMachine) -> None:
        with opened(machine) as meters:
            keys = {channel.key for meter in meters for channel in meter.channels}
            assert set(machine.keys) <= keys

    def test_meters_have_the_shape(self, machine: FakeMachine) -> None:
        with opened(machine) as meters:
            assert all(isinstance(meter, Meter) for meter in meters)

    def test_a_reading_has_one_count_for_each_channel(self, machine: FakeMachine) -> None:
        with opened(machine) as meters:
            for meter in meters:
                counts = meter.read()
                assert type(counts) is tuple
                assert len(counts) == len(meter.channels)
                assert all(count is None or (type(count) is int and count >= 0) for count in counts)

    def test_channels_are_complete(self, machine: FakeMachine) -> None:
        with opened(machine) as meters:
            channels = [channel for meter in meters for channel in meter.channels]
        keys = [channel.key for channel in channels]
        assert len(set(keys)) == len(keys), "keys must be unique"
        for channel in channels:
            assert _PLAIN.issuperset(channel.key), f"{channel.key!r} would break a journal line"
            assert channel.component in COMPONENTS
            assert channel.quantity in QUANTITIES
            assert channel.method in METHODS
            assert channel.source, f"{channel.key} must say where its counts come from"
            assert channel.source.isprintable()
            assert channel.device.isprintable()
            assert channel.scale > 0
            assert 0 < channel.low_ratio <= 1 <= channel.high_ratio < float("inf")
            assert channel.wrap is None or (channel.quantity == ENERGY and channel.wrap > 0)
            assert channel.within is None or channel.within in keys or channel.within == "node"

    def test_energy_flows_and_never_falls(self, machine: FakeMachine) -> None:
        with opened(machine) as meters:
            before = [_counts(meter) for meter in meters]
            machine.advance()
            machine.settle()
            after = [_counts(meter) for meter in meters]
            moved = False
            for meter, old, new in zip(meters, before, after, strict=True):
                for channel, first, last in zip(meter.channels, old, new, strict=True):
                    if channel.quantity == ENERGY and first is not None and last is not None:
                        assert last >= first, channel.key
                    moved = moved or (first is not None and last is not None)
            assert moved

    def test_a_failing_meter_says_so_and_comes_back(self, machine: FakeMachine) -> None:
        with opened(machine) as meters:
            machine.fail()
            machine.settle()
            for meter in meters:
                assert _refusal(meter), f"{meter.channels[0].key} must raise MeterUnavailable with a reason"
            machine.heal()
            machine.advance()
            machine.settle()
            assert all(any(count is not None for count in _counts(meter)) for meter in meters)

    def test_closing_twice_is_harmless(self, machine: FakeMachine) -> None:
        with opened(machine) as meters:
            for meter in meters:
                meter.close()
                meter.close()

    def test_nothing_stays_open(self, machine: FakeMachine) -> None:
        with opened(machine):
            pass
        before = len(os.listdir("/proc/self/fd"))
        with opened(machine):
            pass
        assert len(os.listdir("/proc/self/fd")) <= before

    def test_findings_are_complete(self, machine: FakeMachine) -> None:
        meters, findings = machine.discover(machine.context)
        for meter in meters:
            meter.close()
        assert any(finding.state == "ready" for finding in findings)
        for finding in findings:
            assert finding.state in STATES
            assert finding.plugin
            assert finding.what
            assert all(text.isprintable() for text in (finding.what, finding.why, finding.cure))

    def test_secrets_stay_secret(self, machine: FakeMachine) -> None:
        meters, findings = machine.discover(machine.context)
        shown = repr(findings) + repr([channel for meter in meters for channel in meter.channels])
        for meter in meters:
            shown += _refusal(meter)
            meter.close()
        assert not any(secret in shown for secret in machine.secrets)

    def test_an_empty_machine_has_no_meters(self, machine: FakeMachine, tmp_path: object) -> None:
        empty = f"{tmp_path}/empty-machine"
        os.makedirs(empty)
        meters, findings = machine.discover(MeterContext(root=empty))
        assert meters == []
        assert all(finding.state == "absent" for finding in findings)
