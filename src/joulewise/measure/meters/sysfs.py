"""Counts from one-line kernel files, kept open between readings.

Reads:  any file that holds one non-negative integer: energy_uj, power1_average, energy_now.
Traps:  a file may vanish, come back, be empty, torn or hold garbage: each is a gap, and the next reading opens anew.
Source: Linux kernel documentation, "sysfs - The filesystem for exporting kernel objects".
"""

from __future__ import annotations

import os

from joulewise.core.channels import Channel, Finding
from joulewise.core.errors import MeterUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Opener = Callable[[str, int], int]

_FLAGS = os.O_RDONLY | os.O_CLOEXEC
_LONGEST = 24  # a 64-bit number has 20 digits
ABSENT, BROKEN, DENIED, READY = "absent", "broken", "denied", "ready"


def whole(raw: bytes) -> int | None:
    """A non-negative 64-bit integer, or None for anything else: empty, negative, torn, "1e6", "1_000"."""
    text = raw.strip()
    if not text.isdigit() or len(text) > _LONGEST:
        return None
    count = int(text)
    return count if count < 1 << 64 else None


def text_of(path: str, limit: int = 4096) -> str:
    """The start of a small file without blanks at its ends; "" if it can't be read."""
    try:
        fd = os.open(path, _FLAGS)
    except OSError:
        return ""
    try:
        return os.read(fd, limit).decode("utf-8", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(fd)


def number_of(path: str) -> int | None:
    """The integer in a small file, or None."""
    return whole(text_of(path, _LONGEST + 2).encode())


def entries(folder: str) -> list[str]:
    """The sorted names in a folder; none if it can't be read."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def label(text: str, fallback: str = "unnamed") -> str:
    """A name fit for a key: lower-case ASCII letters, digits, dot, dash and underscore, at most 40 characters."""
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in text)
    return kept.strip("-").lower()[:40] or fallback


class CountFile:
    """One integer file, kept open. A reading that fails closes it, so that the next one opens it anew.

    A program that closes all descriptors closes this one, too; its number may then be a file of the program's own,
    which must be neither read nor closed.
    """

    __slots__ = ("_fd", "_file", "_opener", "error", "path")
    patient = False

    def __init__(self, path: str, opener: Opener = os.open) -> None:
        self.path = path
        self.error: OSError | None = None
        self._opener = opener
        self._fd = -1
        self._file: tuple[int, int] | None = None

    def read(self) -> int | None:
        """The count, or None for a gap; `error` then says why, or is None for a content that is no count."""
        try:
            if self._fd < 0:
                self._fd = self._opener(self.path, _FLAGS)
                self._file = _identity(os.fstat(self._fd))
            count = whole(os.pread(self._fd, 64, 0))
            stat = os.fstat(self._fd)
            # A file that was replaced or unlinked still reads as it was: sysfs says ENODEV, other file systems don't.
            if count is not None and stat.st_nlink and _identity(stat) == self._file:
                return count
            self.error = None
        except OSError as error:
            self.error = error
        self.close()
        return None

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        try:
            ours = _identity(os.fstat(fd)) == self._file
        except OSError:  # closed under us
            return
        if ours:
            os.close(fd)


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


class ProductFile:
    """The product of one or two integer files: millivolts times milliamperes, say.

    `patient` means that a gap at the start is no fault.
    """

    patient = False

    def __init__(self, paths: tuple[str, ...], opener: Opener = os.open) -> None:
        self._files = tuple(CountFile(path, opener) for path in paths)
        self.path = paths[0]

    @property
    def error(self) -> OSError | None:
        return next((file.error for file in self._files if file.error), None)

    def read(self) -> int | None:
        product = 1
        for file in self._files:
            count = file.read()
            if count is None:
                return None
            product *= count
        return product

    def close(self) -> None:
        for file in self._files:
            file.close()


class FileMeter:
    """Channels that are one file, or a product of files, each."""

    def __init__(self, parts: Iterable[tuple[Channel, CountFile | ProductFile]]) -> None:
        pairs = list(parts)
        self.channels: tuple[Channel, ...] = tuple(channel for channel, _ in pairs)
        self._files = tuple(file for _, file in pairs)

    def read(self) -> tuple[int | None, ...]:
        counts = tuple([file.read() for file in self._files])
        if all(count is None for count in counts):
            raise MeterUnavailable(f"no count from {self._files[0].path}: {self._files[0].error or 'not a count'}")
        return counts

    def close(self) -> None:
        for file in self._files:
            file.close()


def state_of(file: CountFile | ProductFile) -> str:
    """ready, denied or broken, by trying once; the file stays open if it is ready."""
    if file.read() is not None:
        return READY
    return DENIED if isinstance(file.error, PermissionError) else BROKEN


def finding(plugin: str, state: str, what: str, why: str = "", cure: str = "") -> Finding:
    """A finding of a few words."""
    return Finding(plugin=plugin, state=state, what=what, why=why, cure=cure)
