"""Keeps the terminal's modes, to put them back after a command that died half-way with echo off or in raw mode."""

from __future__ import annotations

import os
import termios


class Terminal:
    """The modes of standard input's terminal as they are now; nothing, if it is no terminal."""

    def __init__(self, fd: int = 0) -> None:
        self._fd = fd
        self._modes = self._read()

    def restore(self) -> None:
        """Put the modes back, if we are in the foreground (else the kernel would stop us)."""
        if self._modes is not None and self._in_foreground():
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._modes)

    def _read(self) -> list[int | list[bytes | int]] | None:
        try:
            return termios.tcgetattr(self._fd)
        except termios.error:  # a file, a pipe, closed
            return None

    def _in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:
            return False
