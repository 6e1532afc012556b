"""Stands over one part of a local task: starts its command, waits, and writes down how it ended.

    python -I -S local_part.py FOLDER NUMBER LOCK_FD OUTPUT GRACE_S COMMAND ...

Started by path, without joulewise and site-packages, so that it takes little memory for as long as the job runs. It is
the leader of a session of its own: whoever started it may die. The lock that it inherits says that the task runs; the
command's process writes who it is before it becomes the command, under the same lock, so that there is no instant in
which the task runs and nobody could know.

If this process is killed, the kernel sends SIGTERM to the command (PR_SET_PDEATHSIG): a job that checkpoints saves and
ends, and is started again. If the command's first process is killed, what is left of its group gets SIGTERM, too.
"""

from __future__ import annotations

import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

TERMINATE_ON_DEATH, SUBREAPER = 1, 36  # prctl(2)
NOT_FOUND, NOT_RUNNABLE = 127, 126  # as shells say it
HELD = {signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1}
AGAIN_S = 1.0


def control(option: int, value: int) -> None:
    """prctl(2), where the system has it."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return


def put(path: str, text: str) -> None:
    """Write a file whole or not at all."""
    scratch = f"{path}.{os.getpid()}"
    fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, text.encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(scratch, path)


def identity(pid: int) -> str:
    """pid, start in ticks since boot, boot id: together they name a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        ticks = file.read().rpartition(")")[2].split()[19]
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return f"{pid} {ticks} {file.read().strip()}"


def become(  # pragma: no cover - it becomes another program
    command: list[str], part: str, folder: str, lock_fd: int, output: str
) -> NoReturn:
    """In the child: say who we are, then become the command."""
    parent = os.getppid()
    with_group(0)
    control(TERMINATE_ON_DEATH, signal.SIGTERM)
    if os.path.exists(f"{folder}/cancel") or os.getppid() != parent:
        os._exit(128 + signal.SIGTERM)
    try:
        put(f"{part}.run", f"{identity(os.getpid())} {parent} {time.time():.6f}\n")
    except OSError:  # the disk is full: then the job itself holds the lock
        os.set_inheritable(lock_fd, True)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    if output != "-":
        log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execvp(command[0], command)


def with_group(pid: int) -> None:
    """Give a process a group of its own; parent and child both do, whoever comes first."""
    try:
        os.setpgid(pid, pid)
    except OSError:  # it has become the command, or has ended, by now
        return


def start(command: list[str], part: str, folder: str, lock_fd: int, output: str) -> int:
    """Fork; the child's pid."""
    pid = os.fork()
    if pid:
        with_group(pid)
        return pid
    try:
        become(command, part, folder, lock_fd, output)
    except OSError as error:
        os.write(2, f"joulewise: {command[0]}: {error.strerror}\n".encode(errors="replace"))
        os._exit(NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUNNABLE)
    finally:
        os._exit(NOT_RUNNABLE)


def reap(pid: int) -> int | None:
    """Reap all that has ended; the status of `pid` if it is among them."""
    found = None
    while True:
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if ended == 0:
            return found
        if ended == pid:
            found = status


def send(pid: int, number: int) -> bool:
    """Signal the group; False if nobody is left in it."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody is there, and not ours to signal
        return True
    return True


def watch(pid: int, folder: str, grace_s: float) -> int:
    """Wait until the command, and what a signal left of its group, have ended; the command's status."""
    status = kill_at = None
    while True:
        ended = reap(pid)
        if ended is not None:
            status = ended
            if not os.WIFSIGNALED(status):
                return status
            if os.WTERMSIG(status) == signal.SIGKILL:
                send(pid, signal.SIGTERM)
        if status is not None and not send(pid, 0):
            return status
        if kill_at is None and os.path.exists(f"{folder}/cancel"):
            kill_at = time.monotonic() + grace_s
        if kill_at is not None and time.monotonic() >= kill_at:
            send(pid, signal.SIGKILL)
        calm = status is None and kill_at is None
        found = signal.sigtimedwait(HELD, 3600.0 if calm else 0.1)
        if found is not None and found.si_signo == signal.SIGTERM:  # the machine shuts down, say
            send(pid, signal.SIGTERM)


def told(status: int) -> str:
    """The exit code and the signal of a status, one of them "-"."""
    if os.WIFSIGNALED(status):
        return f"- {os.WTERMSIG(status)}"
    return f"{os.WEXITSTATUS(status)} -"


def oom_kills(root: str = "") -> list[int]:
    """How many processes the kernel has killed for want of memory: of our control group, of the machine."""
    found = []
    for path in (*_memory_files(root), f"{root}/proc/vmstat"):
        try:
            with open(path, encoding="ascii", errors="replace") as file:
                found += [int(line.split()[1]) for line in file if line.startswith("oom_kill ")][:1]
        except OSError:
            continue
    return found


def _memory_files(root: str) -> list[str]:
    """Where control groups (v2, v1) count these kills; see cgroups(7)."""
    try:
        with open(f"{root}/proc/self/cgroup", encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return []
    two = [f"{root}/sys/fs/cgroup{one[2]}/memory.events" for one in lines if one[:2] == ["0", ""]]
    one = [f"{root}/sys/fs/cgroup/memory{one[2]}/memory.oom_control" for one in lines if one[1] == "memory"]
    return two + one


def out_of_memory(end: str, before: list[int], after: list[int]) -> bool:
    """True if it ended by SIGKILL while the kernel killed somebody for want of memory: most likely, that was it."""
    killed = end in (f"- {int(signal.SIGKILL)}", f"{128 + signal.SIGKILL} -")
    return killed and len(before) == len(after) and any(map(int.__gt__, after, before))


def main(arguments: list[str]) -> None:  # pragma: no cover - a process of its own, without site-packages
    """Run one part."""
    folder, number, lock, output, grace_s, *command = arguments
    part = f"{folder}/part-{number}"
    os.set_inheritable(int(lock), False)
    if os.fork():  # whoever started us need not reap us
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    control(SUBREAPER, 1)
    kills = oom_kills()
    pid = start(command, part, folder, int(lock), output)
    end = told(watch(pid, folder, float(grace_s)))
    why = " oom" if out_of_memory(end, kills, oom_kills()) else ""
    while os.path.isdir(folder):
        try:
            put(f"{part}.end", f"{end} {time.time():.6f}{why}\n")
            return
        except OSError:  # a full disk: how it ended must not get lost
            time.sleep(AGAIN_S)


if __name__ == "__main__":  # pragma: no cover
    main(sys.argv[1:])
