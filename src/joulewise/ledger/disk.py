"""What can be wrong with the place of an SQLite ledger, found before SQLite says so in its own words."""

from __future__ import annotations

import os

from joulewise.core.errors import LedgerError

_MAGIC = b"SQLite format 3\x00"
_NETWORK = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs"),
        *("panfs", "pvfs2", "orangefs", "ocfs2", "gfs2", "davfs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph-fuse"),
        *("fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.davfs2"),
    )
)
_ELSEWHERE = "--ledger sqlite:////PATH/ON/A/LOCAL/DISK/ledger.db, or --ledger postgresql://HOST/DATABASE"


def check_place(path: str, *, create: bool, mounts: str = "/proc/self/mountinfo") -> None:
    """Make the folder if need be and refuse a place where a ledger can't be.

    Raises LedgerError for a network file system (write-ahead logging needs shared memory, so that writers on two hosts
    would destroy the file), a folder that can't be written, a file that is no SQLite database, or, unless `create`,
    no file at all.
    """
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.exists(path):
        if not create:
            raise LedgerError(f"there is no ledger at {path}", hint="joulewise run -- COMMAND makes one")
        _make(folder)
    _check_readable(path)
    kind = file_system(folder, mounts)
    if kind in _NETWORK:
        raise LedgerError(f"{path} lies on a network file system ({kind}), where SQLite loses data", hint=_ELSEWHERE)
    if not os.access(folder, os.W_OK) or (os.path.exists(path) and not os.access(path, os.W_OK)):
        raise LedgerError(f"{path} can't be written", hint=f"chmod u+w {folder}, or {_ELSEWHERE}")


def _make(folder: str) -> None:
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise LedgerError(f"can't make the folder {folder}: {error.strerror}", hint=_ELSEWHERE) from error


def _check_readable(path: str) -> None:
    try:
        with open(path, "rb") as file:
            start = file.read(len(_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise LedgerError(f"can't read {path}: {error.strerror}", hint=_ELSEWHERE) from error
    if start and start != _MAGIC:
        raise LedgerError(f"{path} is not an SQLite database", hint=_ELSEWHERE)


def file_system(folder: str, mounts: str = "/proc/self/mountinfo") -> str:
    """The type of the file system that holds a folder, "" where the kernel doesn't tell.

    Source: Linux kernel documentation, proc(5): field 5 of a line is the mount point, octal escapes and all, and the
    type follows the lone hyphen.
    """
    folder = os.path.realpath(folder)
    best, kind = "", ""
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:  # no /proc: another system, or a sandbox; then SQLite's own checks must do
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = _unescaped(before.split(" ")[4]) if after else ""
        if point and len(point) >= len(best) and _holds(point, folder):
            best, kind = point, after.split(" ")[0]
    return kind


def _holds(point: str, folder: str) -> bool:
    return folder == point or folder.startswith(point.rstrip("/") + "/")


def _unescaped(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
