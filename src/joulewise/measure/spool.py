"""The spool: one folder a run, with the journals of its ranks; taken into the ledger when all writers have ended.

A folder is ready when each of its journals has its final line, or its process is dead (a crash, a kill, a power cut).
What is filed moves to `filed/`, so that every figure can still be traced to its raw counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from joulewise.core.errors import JoulewiseError, JournalError
from joulewise.measure import idle
from joulewise.measure.facts import boot_id
from joulewise.measure.fold import Folded, fold
from joulewise.measure.reading import JournalData, is_alive, journals_in, read
from joulewise.measure.result import Result, result_of_fold

FILED = "filed"
YOUNG_NS = 60_000_000_000
"""So long may a process take from making its journal to its first line."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A run found in the spool. `result` is None and `problem` says why where nothing can be made of it."""

    folder: str
    result: Result | None
    problem: str = ""


def take_in(spool: str, *, only: str | None = None, state_folder: str | None = None) -> Iterator[Taken]:
    """The runs that are ready, oldest first; `only` names one run's id. Runs that still measure are left alone.

    With a `state_folder`, what the runs saw of the machine's idle power is kept there for later ones.
    """
    for folder in run_folders(spool):
        if only is None or os.path.basename(folder) == only or only in _run_ids(folder):
            taken = _take(folder, state_folder)
            if taken is not None:
                yield taken


def run_folders(spool: str) -> list[str]:
    """Folders of runs that are not filed yet, oldest first."""
    try:
        with os.scandir(spool) as entries:
            found = [entry.path for entry in entries if entry.is_dir() and entry.name != FILED]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise JournalError(f"can't look into the spool {spool}: {error.strerror}") from error
    return sorted(found, key=lambda path: (_changed_ns(path), path))


def _is_empty(path: str) -> bool:
    try:
        return os.stat(path).st_size == 0
    except FileNotFoundError:  # another command filed it in this moment
        return True


def _is_young(path: str) -> bool:
    return abs(time.time_ns() - _changed_ns(path)) < YOUNG_NS


def _changed_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:  # another command filed it in this moment, or it is hidden from us
        return 0


def mark_filed(folder: str) -> str:
    """Move a run's folder to those that are filed; its journals stay as evidence. Returns the new place."""
    spool, name = os.path.split(folder)
    parent = os.path.join(spool, FILED)
    os.makedirs(parent, mode=0o700, exist_ok=True)
    target = os.path.join(parent, name)
    number = 1
    while os.path.exists(target):
        number += 1
        target = os.path.join(parent, f"{name}.{number}")
    try:
        os.rename(folder, target)
    except FileNotFoundError:  # another command filed it in this moment
        return target
    return target


def filed_folder(spool: str, run_id: str) -> str | None:
    """Where a filed run's journals lie; None if they are gone."""
    direct = os.path.join(spool, FILED, run_id)
    if os.path.isdir(direct):
        return direct
    for folder in run_folders(os.path.join(spool, FILED)):
        if run_id in _run_ids(folder):
            return folder
    return None


def running(spool: str) -> list[JournalData]:
    """The journals of processes that measure now."""
    found = []
    for folder in run_folders(spool):
        for path in _journals(folder):
            try:
                data = read(path)
            except JournalError:  # it will be named when the folder is taken in
                continue
            if data.final is None and is_alive(data):
                found.append(data)
    return found


def _run_ids(folder: str) -> set[str]:
    found = set()
    for path in _journals(folder):
        try:
            found.add(str(read(path).header["run_id"]))
        except (JournalError, LookupError):  # nothing in it that could have an id
            continue
    return found


def _journals(folder: str) -> list[str]:
    try:
        return journals_in(folder)
    except OSError:  # moved in this moment, or hidden: it is named when the folder is taken in
        return []


def _take(folder: str, state_folder: str | None) -> Taken | None:
    """One folder; whatever is in it, the other ones must not wait for it."""
    try:
        return _made_of(folder, state_folder)
    except FileNotFoundError:  # another command filed it in this moment
        return None
    except OSError as error:
        return Taken(folder, None, f"can't look into {folder}: {error.strerror}")
    except JoulewiseError as error:
        return Taken(folder, None, error.message)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return Taken(folder, None, f"no figures can be made of the journals in {folder} ({error!r})")


def _made_of(folder: str, state_folder: str | None) -> Taken | None:
    journals: list[JournalData] = []
    problems: list[str] = []
    for path in journals_in(folder):
        try:
            journals.append(read(path))
        except JournalError as error:
            if _is_empty(path) and _is_young(path):  # its process has made it and writes its first line now
                return None
            problems.append(error.message)
    if not journals and not problems and _is_young(folder):
        return None
    if any(one.final is None and is_alive(one) for one in journals):
        return None
    if journals and len(journals) < max(map(_ranks_here, journals)) and _is_young(folder):
        return None  # a rank that starts late: its journal may come yet
    whole = [one for one in journals if one.moments_us]
    problems += [f"{one.path} ended before its first snapshot" for one in journals if not one.moments_us]
    if not whole:
        return Taken(folder, None, "; ".join(problems) or "no journal in the folder")
    if not any(one.channels for one in whole) and len(whole) > 1:
        problems.append("the rank that read the meters left no journal")
    whole[0].warnings.extend(problems)
    folded = fold(whole)
    if state_folder is not None:
        _learn(folded, state_folder)
    return Taken(folder, result_of_fold(folded))


def _ranks_here(journal: JournalData) -> int:
    """How many ranks the launcher started on this node; 1 for a process on its own."""
    told = journal.header["process"]["environment"].get("LOCAL_WORLD_SIZE", "1")
    return int(told) if journal.header["group_key"] and told.isdigit() else 1


def _learn(folded: Folded, state_folder: str) -> None:
    header = folded.main.header
    try:
        if header["boot_id"] == boot_id():  # another machine's journals teach nothing about this one
            idle.learn(idle.path_in(state_folder), header["host"]["name"], folded)
    except OSError as error:
        folded.main.warnings.append(f"what was learned of idle power can't be kept: {error.strerror}")
