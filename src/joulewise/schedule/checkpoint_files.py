"""A checkpoint on disk, whole or not at all, with the one before it.

    train.ckpt            the newest          train.ckpt.previous  the one before
    train.ckpt.sums       size and CRC-32 of both
    train.ckpt.new        being written; left over after a kill, then overwritten

Order of a save: write `new`, bring it to the disk; write its sum beside those that hold; rename the newest to
`previous`; rename `new` to the newest. Killed at any instant, one of the two is whole and its sum is known. A file
whose sum does not match is refused. The files are as their format wrote them: other programs can load them.
"""

from __future__ import annotations

import os
from zlib import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK = 1 << 22


class CheckpointFiles:
    """The files of one checkpoint. `replace` is os.replace, for tests that kill between two steps."""

    def __init__(self, path: str, *, replace: Callable[[str, str], None] = os.replace) -> None:
        self.path = os.path.abspath(path)
        self._replace = replace

    @property
    def previous(self) -> str:
        """The checkpoint before the newest."""
        return f"{self.path}.previous"

    def write(self, put: Callable[[str], None]) -> int:
        """Save by `put(path)`; the size in bytes. Whatever it raises, what was saved before stays."""
        scratch = f"{self.path}.new"
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        try:
            put(scratch)
            self._to_disk(scratch)
        except BaseException:  # whatever `put` raises, a signal's exit too, goes on
            _remove(scratch)  # a half of it would fill the disk
            raise
        sums = self._sums()
        kept = [sums[name] for name in (self.path, self.previous) if name in sums]
        new = _sum_of(scratch)
        self._write_sums([new, *kept])
        if os.path.exists(self.path):
            self._replace(self.path, self.previous)
        self._replace(scratch, self.path)
        self._to_disk(os.path.dirname(self.path))
        return new[0]

    def whole(self) -> tuple[list[str], list[str]]:
        """The files to load, best first, and those that are refused because they are damaged."""
        sums = self._known_sums()
        found: list[str] = []
        refused: list[str] = []
        for name in (self.path, self.previous):
            if os.path.exists(name):
                (found if sums is None or _sum_of(name) in sums else refused).append(name)
        return found, refused

    def _sums(self) -> dict[str, tuple[int, int]]:
        return {name: _sum_of(name) for name in (self.path, self.previous) if os.path.exists(name)}

    def _known_sums(self) -> set[tuple[int, int]] | None:
        """None if there is no list, or none that can be read: then the format has to find out what is damaged."""
        try:
            with open(f"{self.path}.sums", encoding="ascii") as file:
                pairs = [line.split() for line in file]
            return {(int(size), int(crc, 16)) for size, crc in pairs}
        except (OSError, ValueError):
            return None

    def _write_sums(self, sums: list[tuple[int, int]]) -> None:
        scratch = f"{self.path}.sums.new"
        with open(scratch, "w", encoding="ascii") as file:
            file.writelines(f"{size} {crc:08x}\n" for size, crc in sums)
        self._to_disk(scratch)
        self._replace(scratch, f"{self.path}.sums")

    @staticmethod
    def _to_disk(path: str) -> None:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _sum_of(path: str) -> tuple[int, int]:
    """Size and CRC-32 of a file."""
    size = crc = 0
    with open(path, "rb") as file:
        while part := file.read(_CHUNK):
            size += len(part)
            crc = crc32(part, crc)
    return size, crc
