"""Find and load plug-ins by entry point; whatever is missing comes back as PluginMissing with its cure.

`importlib.metadata` alone costs more time than a tracker may take to be ready, so the list of our entry points is kept
in the user's cache and made anew when a folder of `sys.path` has changed (an install or removal touches it).
"""

from __future__ import annotations

import os
import sys
from zlib import crc32

from joulewise.core.errors import NotFound, PluginMissing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Found = dict[str, dict[str, str]]

KINDS = ("meters", "intensity", "runtimes", "transforms", "executors", "exporters", "trackers")
_memory: dict[str, Found] = {}


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
            f"the {kind} plug-in {name!r} needs {error.name}", hint=f"pip install 'joulewise[{name}]'"
        ) from error
    found: Any = sys.modules[module_name]
    for part in attribute.split(".") if attribute else ():
        found = getattr(found, part)
    return found


def _found() -> Found:
    stamp = _stamp()
    if stamp not in _memory:
        cached = _read_cache(stamp)
        if cached is None:
            cached = _scan()
            _write_cache(stamp, cached)
        _memory.clear()
        _memory[stamp] = cached
    return _memory[stamp]


def _stamp() -> str:
    """Changes whenever a folder on the import path gains or loses an entry."""
    parts = [sys.prefix]
    for folder in sys.path:
        try:
            parts.append(f"{folder}:{os.stat(folder or '.').st_mtime_ns}")
        except OSError:
            continue
    return f"{crc32('|'.join(parts).encode()):08x}"


def _scan() -> Found:
    from importlib.metadata import entry_points

    found: Found = {}
    for kind in KINDS:
        group = f"joulewise.{kind}"
        found[group] = {entry.name: entry.value for entry in entry_points(group=group)}
    return found


def _cache_path(environ: Mapping[str, str], stamp: str) -> str:
    folder = environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(folder, "joulewise", f"plugins-{stamp}.tsv")


def _read_cache(stamp: str) -> Found | None:
    found: Found = {}
    try:
        with open(_cache_path(os.environ, stamp), encoding="utf-8") as file:
            lines = file.read().split("\n")
    except (OSError, UnicodeDecodeError):  # absent or unreadable: the scan gives the truth
        return None
    if lines[-1] != "end":  # torn
        return None
    for line in lines[:-1]:
        group, _, rest = line.partition("\t")
        name, _, target = rest.partition("\t")
        found.setdefault(group, {})[name] = target
    return found


def _write_cache(stamp: str, found: Found) -> None:
    path = _cache_path(os.environ, stamp)
    scratch = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(scratch, "w", encoding="utf-8") as file:
            for group, targets in found.items():
                for name, target in targets.items():
                    file.write(f"{group}\t{name}\t{target}\n")
            file.write("end")
        os.replace(scratch, path)
    except OSError:  # a read-only home: every start scans, and nothing else changes
        return
