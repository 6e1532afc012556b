"""A guard over a process that runs foreign code: `python -m joulewise.compare.guard LIFE_FD HARNESS_PID MODULE ...`.

The process that was started is the guard; MODULE's `main` gets the other words, in a child of it. The guard waits for
the end of the work, or of the pipe LIFE_FD whose other end only the harness holds, whatever ended the harness. Then
it ends every process below it: as child subreaper it gets the orphans, those with a session of their own, too. It
removes what they left in TMPDIR, a folder of their own, and leaves as the work left: with its exit code, or by the same
signal.

Nothing here imports more than the interpreter has loaded anyway: this comes before the work's own libraries.
"""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_SIGKILL = 9
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 1, 4, 36
LOOK_S = 5.0
"""So often the guard looks whether the harness is there: a fork of it that lives on would hold the pipe open."""
ENDING_S = 5.0


def guarded(life_fd: int, harness_pid: int) -> None:
    """Returns in the process that does the work; the one that called stays behind as its guard and never returns."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    guard_pid = os.getpid()
    folder = _own_folder()
    worker_pid = os.fork()
    if worker_pid == 0:
        _prctl(_PR_SET_PDEATHSIG, _SIGKILL)  # by the guard's only thread
        if os.getppid() != guard_pid:
            os._exit(1)
        os.close(life_fd)
        return
    os.closerange(3, life_fd)
    os.closerange(life_fd + 1, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 1 << 16 else 1 << 16)
    status = _wait(worker_pid, life_fd, harness_pid)
    _end_all()
    _remove(folder)
    _leave_as(status)


def _own_folder() -> str:
    """A place for temporary files, made and handed down; "" where none can be made, and all stays as it was."""
    place = os.environ.get("TMPDIR") or "/tmp"
    folder = os.path.join(place, f"joulewise-{os.getpid()}-{time.monotonic_ns():x}")
    try:
        os.mkdir(folder, 0o700)
    except OSError:  # full, or read only: the work will say so if it minds
        return ""
    os.environ["TMPDIR"] = folder
    # what PyTorch has compiled is meant to be found again by the next process
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.join(place, f"torchinductor_{os.getuid()}"))
    return folder


def _remove(folder: str) -> None:
    """Remove a folder with all that is in it, as far as we may."""
    for place, folders, files in os.walk(folder, topdown=False) if folder else ():
        for name in files:
            _try(os.unlink, os.path.join(place, name))
        for name in folders:
            path = os.path.join(place, name)
            _try(os.unlink if os.path.islink(path) else os.rmdir, path)
        if place == folder:
            _try(os.rmdir, folder)


def _try(remove: Callable[[str], None], path: str) -> None:
    try:
        remove(path)
    except OSError as error:
        os.write(2, f"left behind: {error}\n".encode())


def _wait(worker_pid: int, life_fd: int, harness_pid: int) -> int | None:
    """The worker's status when it ended; None where the harness is gone, or wants us to end."""
    import _signal  # type: ignore[import-not-found]
    import select

    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.set_blocking(reading, False)
    _signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    _signal.signal(_signal.SIGCHLD, lambda _number, _frame: None)
    poll = select.poll()
    poll.register(life_fd, select.POLLIN | select.POLLHUP)
    poll.register(reading, select.POLLIN)
    while True:
        status = _reap(worker_pid)
        if status is not None:
            return status
        ready = [fd for fd, _ in poll.poll(LOOK_S * 1000)]
        if life_fd in ready or os.getppid() != harness_pid:
            return None
        if reading in ready:
            os.read(reading, 4096)


def _reap(worker_pid: int) -> int | None:
    """Reap whoever has ended; the worker's status if it is among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == worker_pid:
            found = status


def _end_all() -> None:
    """End our children, then those that we inherit from them, until there are none."""
    ends = time.monotonic() + ENDING_S
    while time.monotonic() < ends:
        children = children_of(os.getpid())
        for pid in children:
            os.kill(pid, _SIGKILL)  # it is ours and not reaped, so its number is nobody else's
        try:
            os.waitpid(-1, 0 if children else os.WNOHANG)
        except ChildProcessError:
            return


def children_of(pid: int) -> list[int]:
    """The pids of the children of all threads of a process; none once it is gone."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:  # it has ended meanwhile
        return found
    return found


def _leave_as(status: int | None) -> NoReturn:
    if status is None:
        os._exit(0)
    if os.WIFSIGNALED(status):
        import _signal

        _prctl(_PR_SET_DUMPABLE, 0)  # one core dump is enough
        number = os.WTERMSIG(status)
        if number != _SIGKILL:
            _signal.signal(number, _signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(128 + number)
    os._exit(os.WEXITSTATUS(status))


def _prctl(option: int, value: int) -> None:
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    guarded(int(sys.argv[1]), int(sys.argv[2]))
    import_module(sys.argv[3]).main(sys.argv[4:])
