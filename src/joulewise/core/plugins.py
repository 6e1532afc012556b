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
    Places = tuple[tuple[str, int], ...]

KINDS = ("meters", "intensity", "runtimes", "transforms", "executors", "exporters", "trackers")
_memory: dict[Places, Found] = {}


def names(kind: str) -> list[str]:
    """The names of all plug-ins of a kind ("meters"), sorted."""
    return sorted(_found().get(f"joulewise.{kind}", {}))


def load(kind: str, name: str) -> Any:
    """Import one plug-in. Raises NotFound for an unknown name, PluginMissing if something that it imports is absent."""
    targets = _found().get(f"joulewise.{kind}", {})
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


def _found() -> Found:
    places = _places()
    if places not in _memory:
        cached = _read_cache(places)
        if cached is None:
            cached = _scan()
            _write_cache(places, cached)
        _memory.clear()
        _memory[places] = cached
    return _memory[places]


def _places() -> Places:
    """The folders on the import path that hold distributions, each with the time of its last change.

    A folder without any, such as that of the user's script, plays no part: it changes all the time.
    """
    places = []
    for folder in sys.path:
        try:
            if any(entry.endswith((".dist-info", ".egg-info")) for entry in os.listdir(folder or ".")):
                places.append((folder, os.stat(folder or ".").st_mtime_ns))
        except OSError:  # an archive, or a folder that is not there
            continue
    return tuple(places)


def _scan() -> Found:
    from importlib.metadata import entry_points

    found: Found = {}
    for kind in KINDS:
        group = f"joulewise.{kind}"
        found[group] = {entry.name: entry.value for entry in entry_points(group=group)}
    return found


def _cache_path(places: Places) -> str:
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    which = crc32("|".join([sys.prefix, *(folder for folder, _ in places)]).encode("utf-8", "surrogateescape"))
    return os.path.join(root, "joulewise", f"plugins-{which:08x}.tsv")


def _stamp(places: Places) -> str:
    return " ".join(str(changed_ns) for _, changed_ns in places)


def _read_cache(places: Places) -> Found | None:
    found: Found = {}
    try:
        with open(_cache_path(places), encoding="utf-8") as file:
            lines = file.read().split("\n")
    except (OSError, UnicodeDecodeError):  # absent or unreadable: the scan gives the truth
        return None
    if lines[0] != _stamp(places) or lines[-1] != "end":  # outdated, or torn
        return None
    for line in lines[1:-1]:
        group, _, rest = line.partition("\t")
        name, _, target = rest.partition("\t")
        found.setdefault(group, {})[name] = target
    return found


def _write_cache(places: Places, found: Found) -> None:
    path = _cache_path(places)
    scratch = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(scratch, "w", encoding="utf-8") as file:
            file.write(f"{_stamp(places)}\n")
            for group, targets in found.items():
                for name, target in targets.items():
                    file.write(f"{group}\t{name}\t{target}\n")
            file.write("end")
        os.replace(scratch, path)
    except OSError:  # a read-only home: every start scans, and nothing else changes
        return
