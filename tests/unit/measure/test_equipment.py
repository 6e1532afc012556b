"""Finding meters through plug-ins, whatever these do."""

import os

import pytest

from joulewise.core.channels import ENERGY, Channel, Finding
from joulewise.core.settings import Settings
from joulewise.measure import idle
from joulewise.measure.equipment import Equipment, options_of
from joulewise.testing.meters import Tree

PLUGINS = """
from joulewise.core.channels import ENERGY, Channel, Finding

class Meter:
    def __init__(self, device="cpu:0"):
        self.channels = (Channel(key=f"odd:{device}", component="cpu", device=device, quantity=ENERGY, scale=1.0,
                                 method="measured", source="odd"),)
        self.closed = False
    def read(self):
        return (1,)
    def close(self):
        self.closed = True

def good(context):
    return [Meter()], [Finding(plugin="good", state="ready", what="one meter")]

def raises(context):
    raise RuntimeError("a bug")

def broken(context):
    return [], [Finding(plugin="broken", state="broken", what="half a device", why="it answers nonsense")]
"""


@pytest.fixture
def plugged(tmp_path, monkeypatch):
    """A distribution with odd plug-ins on the import path."""
    folder = tmp_path / "site"
    info = folder / "odd-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "odd_meters.py").write_text(PLUGINS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    names = "\n".join(f"{name} = odd_meters:{name}" for name in ("good", "raises", "broken"))
    (info / "entry_points.txt").write_text(f"[joulewise.meters]\n{names}\nabsent = no_such_module:discover\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}


def test_a_plugin_that_raises_or_lacks_something_is_a_finding_not_an_end(plugged):
    equipment = Equipment(Settings(meters=("good", "raises", "absent", "unknown", "broken")), plugged)
    meters, findings = equipment.discover(frozenset)
    assert [meter.channels[0].key for meter in meters] == ["odd:cpu:0"]
    states = {finding.plugin: finding.state for finding in findings}
    assert states == {"good": "ready", "raises": "broken", "absent": "absent", "unknown": "absent", "broken": "broken"}


def test_broken_plugins_are_warned_of_when_measuring(plugged):
    class Clock:
        def pids(self):
            return frozenset()

    warnings = []
    machine, meters = Equipment(Settings(meters=("raises", "broken")), plugged).open(Clock(), warnings.append)
    assert meters == []
    assert machine.cpus >= 1
    machine.close()
    assert len(warnings) == 2


def test_a_machine_without_proc_stat_is_a_warning(plugged, tmp_path):
    warnings = []
    equipment = Equipment(Settings(meters=("good",)), plugged, root=str(tmp_path / "empty"))
    machine, meters = equipment.open(object(), warnings.append)
    assert machine is None
    assert len(meters) == 1
    assert "can't be told" in warnings[0]


def test_plugins_without_a_trace_of_their_hardware_are_not_asked(plugged, tmp_path):
    Tree(tmp_path / "machine")
    quick = Equipment(Settings(), plugged, root=str(tmp_path / "machine"))
    _, findings = quick.discover(frozenset)
    assert not {finding.plugin for finding in findings} & {"powercap", "nvidia"}
    _, findings = quick.discover(frozenset, thorough=True)
    assert {finding.plugin for finding in findings} >= {"powercap", "nvidia"}


def test_a_meter_that_was_named_and_is_not_there_says_why(plugged, tmp_path):
    Tree(tmp_path / "machine")
    warnings = []
    equipment = Equipment(Settings(meters=("powercap", "rapl")), plugged, root=str(tmp_path / "machine"))
    _, meters = equipment.open(object(), warnings.append)
    assert meters == []
    assert warnings[0].startswith("the meter 'powercap' is not read: no RAPL counters (/sys/class/powercap")
    assert warnings[1].startswith("the meter 'rapl' is not read: no meters plug-in 'rapl'. Try: one of")


def test_no_meter_can_be_asked_for(plugged):
    assert Equipment(Settings(meters=("none",)), plugged).discover(frozenset) == ([], [])


def test_settings_reach_the_plugin_they_are_named_after():
    settings = Settings(redfish_url="https://bmc", redfish_user="me", cpu="milan", replay="trace.csv")
    assert options_of(settings, "redfish") == {"url": "https://bmc", "user": "me"}
    assert options_of(settings, "model") == {"cpu": "milan"}
    assert options_of(settings, "replay") == {"path": "trace.csv"}
    assert options_of(settings, "powercap") == {}


def test_learned_idle_power_stands_in_the_channel(plugged, tmp_path):
    equipment = Equipment(Settings(meters=("good",)), plugged)
    meters, _ = equipment.discover(frozenset)
    path = idle.path_in(f"{plugged['XDG_STATE_HOME']}/joulewise")
    (tmp_path / "state/joulewise").mkdir(parents=True)

    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{os.uname().nodename}\todd:cpu:0\t12.5\n")
    [listed] = equipment.channels_of(meters)
    assert listed["idle_w"] == 12.5
    assert listed["idle_source"] == idle.SOURCE
    assert "wrap" not in listed


def test_a_finding_is_plain():
    assert Finding(plugin="x", state="ready", what="y").cure == ""
    assert Channel(key="k", component="c", device="d", quantity=ENERGY, scale=1.0, method="m", source="s").wrap is None


def test_a_misspelt_meter_is_named(plugged):
    class Clock:
        def pids(self):
            return frozenset()

    warnings = []
    machine, meters = Equipment(Settings(meters=("powercaps",)), plugged).open(Clock(), warnings.append)
    machine.close()
    assert meters == []
    assert "powercaps" in warnings[0]
