"""Real distributions in a folder on sys.path, seen by a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from joulewise.core import plugins
from joulewise.core.errors import NotFound, PluginMissing

SOURCES = {
    "fake_meter.py": "def discover(context): return [], []\nclass Kit:\n    answer = 42\n",
    "needs_more.py": "import a_package_that_is_not_there\n",
    "bare_failure.py": "raise ImportError('libfake.so is too old')\n",
}
ENTRY_POINTS = """\
[joulewise.meters]
fake = fake_meter:discover
kit = fake_meter:Kit.answer
whole = fake_meter
needy = needs_more:discover
bare = bare_failure:discover
typo = fake_meter:discovr
[joulewise.exporters]
fake = fake_meter:discover
"""


def distribution(folder: Path, name: str, entry_points: str) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on sys.path that holds a distribution with plug-ins, and a cache of its own."""
    folder = tmp_path / "site"
    distribution(folder, "fake", ENTRY_POINTS)
    for name, source in SOURCES.items():
        (folder / name).write_text(source)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def caches(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "joulewise").iterdir())


def forget() -> None:
    """Start as a new process would, with nothing in memory."""
    plugins._memory.clear()


@pytest.mark.usefixtures("installed")
def test_built_ins_and_strangers_are_listed_alike():
    assert {"fake", "powercap", "replay"} <= set(plugins.names("meters"))
    assert plugins.names("meters") == sorted(plugins.names("meters"))
    assert plugins.names("trackers") == []


@pytest.mark.usefixtures("installed")
def test_a_plugin_is_a_function_an_attribute_or_a_module():
    assert plugins.load("meters", "fake")(None) == ([], [])
    assert plugins.load("meters", "kit") == 42
    assert plugins.load("meters", "whole").__name__ == "fake_meter"


@pytest.mark.usefixtures("installed")
def test_an_unknown_plugin_is_not_found_and_the_known_are_named():
    with pytest.raises(NotFound, match=r"no meters plug-in 'fak'\nTry: one of .*fake"):
        plugins.load("meters", "fak")
    with pytest.raises(NotFound, match="none installed"):
        plugins.load("trackers", "mlflow")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("needy", r"needs a_package_that_is_not_there\nTry: pip install 'joulewise\[needy\]'"),
        ("bare", "needs libfake.so is too old"),
        ("typo", "is broken: .*discovr"),
    ],
)
def test_whatever_is_missing_comes_with_its_cure(name, message):
    with pytest.raises(PluginMissing, match=message):
        plugins.load("meters", name)


def test_the_list_is_kept_and_made_anew_after_an_install(installed, tmp_path):
    before = plugins.names("exporters")
    [cache] = caches(tmp_path)
    distribution(installed, "late", "[joulewise.exporters]\nlate = fake_meter:discover\n")

    assert sorted({*before, "late"}) == plugins.names("exporters")
    assert caches(tmp_path) == [cache]  # one file an environment, however often it changes


@pytest.mark.usefixtures("installed")
def test_a_second_process_reads_the_list_of_the_first(tmp_path):
    first = plugins.names("meters")
    [cache] = caches(tmp_path)
    cache.write_text(cache.read_text().replace("joulewise.meters\tfake\t", "joulewise.meters\tcached\t"))
    forget()

    assert set(plugins.names("meters")) ^ set(first) == {"cached", "fake"}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("damage", [lambda raw: raw[: len(raw) // 2], lambda raw: b"\xff\xfe" + raw, lambda raw: b""])
def test_a_damaged_list_is_made_anew(tmp_path, damage):
    before = plugins.names("meters")
    [cache] = caches(tmp_path)
    whole = cache.read_bytes()
    cache.write_bytes(damage(whole))
    forget()

    assert plugins.names("meters") == before
    assert cache.read_bytes() == whole


@pytest.mark.usefixtures("installed")
def test_a_home_that_cannot_be_written_changes_nothing(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    forget()

    assert "fake" in plugins.names("meters")


def test_a_script_s_own_folder_plays_no_part(installed, tmp_path, monkeypatch):
    script = tmp_path / "script"
    script.mkdir()
    monkeypatch.syspath_prepend(str(script))
    monkeypatch.syspath_prepend(str(tmp_path / "not-there"))
    plugins.names("meters")
    [cache] = caches(tmp_path)
    was = cache.stat().st_mtime_ns
    (script / "output.txt").write_text("changes all the time")
    forget()
    plugins.names("meters")

    assert [one.stat().st_mtime_ns for one in caches(tmp_path)] == [was]
    assert str(installed) in plugins._holding(plugins._places({}))
    assert str(script) not in plugins._holding(plugins._places({}))


def test_a_cached_list_spares_importlib_metadata(installed, tmp_path):
    code = (
        "import json, sys; from joulewise.core import plugins; names = plugins.names('meters');"
        "print(json.dumps([names, 'importlib.metadata' in sys.modules]))"
    )
    environ = {**os.environ, "PYTHONPATH": str(installed), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", code], env=environ, check=True, capture_output=True).stdout)
        for _ in range(2)
    ]

    assert runs[0][0] == runs[1][0]
    assert [loaded for _, loaded in runs] == [True, False]
