"""Find and load plug-ins by entry point; whatever is missing comes back as PluginMissing with its cure.

`importlib.metadata` alone costs more time than a tracker may take to be ready, so the list of our entry points is kept
in the user's cache, one small file an environment, and made anew when a folder with distributions has changed (an
install or removal touches it).
"""

from __future__ import annotations

import os
import sys
from zlib import crc32

from joulewise.core.errors import NotFound, PluginMissing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Found = dict[str, dict[str, str]]
    Places = dict[str, tuple[int, bool]]

KINDS = ("meters", "intensity", "runtimes", "transforms", "executors", "exporters", "trackers")
_memory: dict[tuple[str, ...], Found] = {}


def names(kind: str) -> list[str]:
    """The names of all plug-ins of a kind ("meters"), sorted."""
    return sorted(_found(sure=True).get(f"joulewise.{kind}", {}))


def load(kind: str, name: str) -> Any:
    """Import one plug-in. Raises NotFound for an unknown name, PluginMissing if something that it imports is absent."""
    targets = _found().get(f"joulewise.{kind}", {})
    if name not in targets:
        targets = _found(sure=True).get(f"joulewise.{kind}", {})
    if name not in targets:
        raise NotFound(f"no {kind} plug-in {name!r}", hint=f"one of {', '.join(sorted(targets)) or 'none installed'}")
    module_name, _, attribute = targets[name].partition(":")
    try:
        __import__(module_name)
    except ImportError as error:
        raise PluginMissing(
            f"the {kind} plug-in {name!r} needs {error.name or error}", hint=f"pip install 'joulewise[{name}]'"
        ) from error
    found: Any = sys.modules[module_name]
    try:
        for part in attribute.split(".") if attribute else ():
            found = getattr(found, part)
    except AttributeError as error:
        raise PluginMissing(f"the {kind} plug-in {name!r} is broken: {error}", hint="reinstall it") from error
    return found


def _found(*, sure: bool = False) -> Found:
    """All entry points by group; `sure` looks whether something was installed since this process looked."""
    path = tuple(sys.path)
    if not sure and path in _memory:
        return _memory[path]
    kept, found = _read_cache()
    places = _places(kept)
    if found is None or _holding(places) != _holding(kept):
        found = _scan()
        _write_cache(places, found)
    _memory.clear()
    _memory[path] = found
    return found


def _places(kept: Places) -> Places:
    """The folders of the import path: when each changed last, and whether it holds distributions.

    Listing a folder costs a millisecond, so one that has not changed since the list was kept is not listed again.
    """
    places: Places = {}
    for folder in sys.path:
        try:
            changed_ns = os.stat(folder or ".").st_mtime_ns
            if folder in kept and kept[folder][0] == changed_ns:
                places[folder] = kept[folder]
            else:
                holds = any(entry.endswith((".dist-info", ".egg-info")) for entry in os.listdir(folder or "."))
                places[folder] = changed_ns, holds
        except OSError:  # an archive, or a folder that is not there
            continue
    return places


def _holding(places: Places) -> Places:
    """Those that count: the folder of the user's script, without a distribution in it, changes all the time."""
    return {folder: place for folder, place in places.items() if place[1]}


def _scan() -> Found:
    from importlib.metadata import entry_points

    found: Found = {}
    for kind in KINDS:
        group = f"joulewise.{kind}"
        found[group] = {entry.name: entry.value for entry in entry_points(group=group)}
    return found


def _cache_path() -> str:
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    environment = f"{sys.prefix}|{sys.version}|{os.environ.get('PYTHONPATH', '')}".encode("utf-8", "surrogateescape")
    return os.path.join(root, "joulewise", f"plugins-{crc32(environment):08x}.tsv")


def _read_cache() -> tuple[Places, Found | None]:
    places: Places = {}
    found: Found = {}
    try:
        with open(_cache_path(), encoding="utf-8", errors="surrogateescape") as file:
            *lines, end = file.read().split("\n")
        for line in lines:
            kind, first, second, third = line.split("\t")
            if kind == "folder":
                places[first] = int(second), third == "1"
            else:
                found.setdefault(first, {})[second] = third
    except (OSError, ValueError):  # absent, unreadable or of another make: the scan gives the truth
        return {}, None
    return (places, found) if end == "end" else ({}, None)  # torn


def _write_cache(places: Places, found: Found) -> None:
    path = _cache_path()
    scratch = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(scratch, "w", encoding="utf-8", errors="surrogateescape") as file:
            for folder, (changed_ns, holds) in places.items():
                file.write(f"folder\t{folder}\t{changed_ns}\t{int(holds)}\n")
            for group, targets in found.items():
                for name, target in targets.items():
                    file.write(f"plugin\t{group}\t{name}\t{target}\n")
            file.write("end")
        os.replace(scratch, path)
    except OSError:  # a read-only home: every start scans, and nothing else changes
        return
