"""CPU time of a whole control group: exact, and it keeps what daemonised and un-waited processes used.

Used where the job owns its group: `joulewise run` makes one for the command if it may, and a container whose every
process is ours is one already. In library mode no process is ever moved.

Reads:  cpu.stat usage_usec (version 2, also without the cpu controller), cpuacct.usage in nanoseconds (version 1).

Traps:  the path in /proc/PID/cgroup counts from the root of the namespace or of the mount, not from the mount point;
        in version 1 the cpu controller often shares the mount of cpuacct: a new group there would change the
        command's weight in scheduling, so none is made; a group with processes of others measures theirs, too.
Source: cgroups(7), Linux Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import os
from resource import RUSAGE_SELF, getrusage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

V2 = "cgroup2"


class Mount:
    """One mounted hierarchy; `controllers` is {"cgroup2"} for version 2."""

    __slots__ = ("controllers", "inner", "point")

    def __init__(self, point: str, inner: str, controllers: frozenset[str]) -> None:
        self.point, self.inner, self.controllers = point, inner, controllers


def mounts(root: str = "") -> list[Mount]:
    """The hierarchies that are mounted, from /proc/self/mountinfo; none if it can't be read."""
    found = []
    for line in read_text(f"{root}/proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, rest = after.partition(" ")
        if kind in ("cgroup", V2):
            fields = before.split()
            options = rest.split()[-1].split(",") if kind == "cgroup" else [V2]
            found.append(Mount(root + _unescaped(fields[4]), _unescaped(fields[3]), frozenset(options)))
    return found


def folder_of(mount: Mount, pid: int | str = "self", root: str = "") -> str | None:
    """Where the group of `pid` lies in this hierarchy; None if it is not visible from here."""
    for line in read_text(f"{root}/proc/{pid}/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if (number == "0") if V2 in mount.controllers else bool(mount.controllers.intersection(controllers.split(","))):
            inside = path[len(mount.inner) :] if mount.inner != "/" and path.startswith(mount.inner) else path
            folder = f"{mount.point}/{inside.strip('/')}".rstrip("/")
            if os.path.isdir(folder):
                return folder
            return mount.point if mount.inner != "/" else None
    return None


class GroupUsage:
    """The usage counter of one group, through a descriptor that is kept open."""

    def __init__(self, folder: str) -> None:
        path = f"{folder}/cpu.stat"
        self._version_2 = read_text(path).startswith("usage_usec ")
        self._fd = os.open(path if self._version_2 else f"{folder}/cpuacct.usage", os.O_RDONLY | os.O_CLOEXEC)

    def read_us(self) -> int | None:
        """Microseconds that all processes of the group and of the groups below it have used; None if it is gone."""
        try:
            line = os.pread(self._fd, 64, 0).split(b"\n", 1)[0]
            return int(line[11:]) if self._version_2 else int(line) // 1000
        except (OSError, ValueError):
            return None

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class CommandGroup:
    """A group made for one command. `enter` before the command is started, `leave` after, `remove` at the end."""

    def __init__(self, folder: str, home: str) -> None:
        self.folder, self._home = folder, home
        self._usage = GroupUsage(folder)

    def enter(self) -> bool:
        """Move ourselves in, so that what we start is born inside. False if the kernel refuses."""
        return _write(f"{self.folder}/cgroup.procs", "0")

    def leave(self) -> None:
        """Move ourselves back out."""
        _write(f"{self._home}/cgroup.procs", "0")

    def read_us(self) -> int | None:
        """CPU time of the command and all that came of it, microseconds."""
        return self._usage.read_us()

    def pids(self) -> frozenset[int]:
        """The processes inside, also in groups below."""
        return pids_below(self.folder) - {0}

    def close(self) -> None:
        """Close the counter; the group stays until `remove`."""
        self._usage.close()

    def remove(self) -> None:
        """Give what is still alive inside (daemons) back to the group that we came from, and remove ours."""
        self.close()
        for pid in self.pids():
            _write(f"{self._home}/cgroup.procs", str(pid))
        for folder, _, _ in os.walk(self.folder, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:  # zombies still hold it: an empty group costs nothing and goes with its parent
                return


def make_group(name: str, root: str = "") -> CommandGroup | None:
    """A new group below our own, or None where that is not possible or would change how the command is scheduled."""
    usable = [mount for mount in mounts(root) if V2 in mount.controllers or _only_accounts(mount)]
    for mount in sorted(usable, key=lambda mount: V2 not in mount.controllers):
        home = folder_of(mount, root=root)
        if home is None:
            continue
        folder = f"{home}/{name}"
        try:
            os.mkdir(folder)
        except OSError:  # no permission, read-only: the tree of processes is followed instead
            continue
        try:
            return CommandGroup(folder, home)
        except OSError:
            os.rmdir(folder)
    return None


class OwnGroup:
    """The group that we live in, while all processes in it are ours; checked at each reading."""

    def __init__(self, folder: str, ours: Callable[[], frozenset[int]], subtract_self: bool = False) -> None:
        self._folder, self._ours, self._subtract_self = folder, ours, subtract_self
        self._usage = GroupUsage(folder)

    def read_us(self) -> int | None:
        """CPU time of the group; None if somebody is inside who did not come of us, or if we are not."""
        inside = pids_below(self._folder)
        if os.getpid() not in inside or not inside <= self._ours():
            return None
        used_us = self._usage.read_us()
        if used_us is None or not self._subtract_self:
            return used_us
        own = getrusage(RUSAGE_SELF)
        return used_us - round((own.ru_utime + own.ru_stime) * 1_000_000)

    def pids(self) -> frozenset[int]:
        """The processes inside."""
        return pids_below(self._folder)

    def close(self) -> None:
        """Close the counter."""
        self._usage.close()


def own_group(ours: Callable[[], frozenset[int]], subtract_self: bool = False, root: str = "") -> OwnGroup | None:
    """Our own group, if every process in it is ours: the case in a container that runs one program."""
    if read_text(f"{root}/proc/{os.getppid()}/cgroup") == read_text(f"{root}/proc/self/cgroup"):
        return None  # our parent lives there, too: the usual case on a desktop, found out in 50 us
    for mount in mounts(root):
        folder = folder_of(mount, root=root) if mount.controllers & {V2, "cpuacct"} else None
        if folder is None or not pids_below(folder) <= ours():
            continue
        try:
            group = OwnGroup(folder, ours, subtract_self)
        except OSError:  # the root of a hierarchy has no counter on some kernels
            continue
        if group.read_us() is not None:
            return group
        group.close()
    return None


def pids_below(folder: str) -> frozenset[int]:
    """The processes of a group and of the groups below it; 0 stands for those of a namespace that we can't see."""
    places = [place for place, _, _ in os.walk(folder)]
    return frozenset(int(pid) for place in places for pid in read_text(f"{place}/cgroup.procs").split())


def read_text(path: str) -> str:
    """A small file, or "" if it can't be read."""
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _only_accounts(mount: Mount) -> bool:
    return "cpuacct" in mount.controllers and "cpu" not in mount.controllers


def _write(path: str, text: str) -> bool:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.write(fd, text.encode()) > 0
    except OSError:  # a thread-only group, a process that has just ended, no permission
        return False
    finally:
        os.close(fd)


def _unescaped(path: str) -> str:
    """Blanks and the like stand as octal escapes in mountinfo."""
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        path = path.replace(code, char)
    return path
