"""Who runs a part of a local task, as its files and /proc say it."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from joulewise.measure.facts import boot_id, start_ticks
from joulewise.measure.meters.sysfs import entries, text_of
from joulewise.schedule.executors import local_part


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One execution of a task's command: how it ended, or who runs it (pid 0: of that nothing is known).

    `oom`: in how many executions in a row, this one the last, the kernel most likely killed it for want of memory.
    """

    number: int
    pid: int = 0
    ticks: int = 0
    boot: str = ""
    supervisor: int = 0
    ended: bool = False
    code: int | None = None
    by_signal: int | None = None
    oom: int = 0

    def alive(self, task_id: str, root: str = "") -> bool:
        """True while its first process runs, or anything else of its group after that one was killed."""
        if not self.pid or self.boot != boot_id(root):
            return False
        if start_ticks(self.pid, root) == self.ticks:
            return True
        return any(_fields(pid, root)[2] == str(self.pid) for pid in processes_of(task_id, root))

    def signal(self, number: int) -> None:
        """Signal its group; call it only while it is alive."""
        local_part.send(self.pid, number)

    def wake(self, root: str = "") -> None:
        """Let the process that watches look at the files: it is the parent of the part's first process."""
        if self.supervisor and _fields(self.pid, root)[1] == str(self.supervisor):
            os.kill(self.supervisor, signal.SIGUSR1)


def last_part(folder: str, root: str = "") -> Part | None:
    """The latest part of which there is a file in `folder`; None if none ever ran."""
    names = [name for name in entries(folder) if name.startswith("part-") and name.endswith((".run", ".end"))]
    if not names:
        return None
    number = max(int(name[5:-4]) for name in names)
    run = text_of(f"{folder}/part-{number}.run").split()
    end = text_of(f"{folder}/part-{number}.end").split()
    code, by_signal = (None if word == "-" else int(word) for word in (end or ["-", "-"])[:2])
    who = {"pid": int(run[0]), "ticks": int(run[1]), "supervisor": int(run[3])} if len(run) > 3 else {}
    boot = run[2] if run else ""
    oom = _oom_in_a_row(folder, number)
    return Part(number=number, boot=boot, ended=bool(end), code=code, by_signal=by_signal, oom=oom, **who)


def _oom_in_a_row(folder: str, number: int) -> int:
    last = number
    while last > 0 and text_of(f"{folder}/part-{last}.end").split()[3:] == ["oom"]:
        last -= 1
    return number - last


def processes_of(task_id: str, root: str = "") -> list[int]:
    """Living processes of ours that carry the task's id in their environment: sure, whatever happened to its files.

    The one that only watches is left out: it is known by its file.
    """
    wanted = f"JOULEWISE_TASK_ID={task_id}".encode()
    found = []
    for name in entries(f"{root}/proc"):
        if name.isdigit() and start_ticks(int(name), root) is not None:
            words = _bytes(f"{root}/proc/{name}/environ").split(b"\0")
            if wanted in words and local_part.__file__.encode() not in _bytes(f"{root}/proc/{name}/cmdline"):
                found.append(int(name))
    return found


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:  # it has ended, or belongs to another user
        return b""


def _fields(pid: int, root: str) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, group, ...; blanks if it has ended."""
    return text_of(f"{root}/proc/{pid}/stat").rpartition(")")[2].split() or [""] * 3
