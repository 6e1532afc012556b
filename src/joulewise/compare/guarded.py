"""The harness's side of a guarded process: start it, watch what it holds, end it with all that it started.

    process = Guarded("joulewise.compare.worker_process", [str(reply_fd)], environ, log=log, pass_fds=(reply_fd,))
    ...
    process.end()

The module's `main` gets the arguments.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from joulewise.compare.guard import ENDING_S, children_of
from joulewise.compare.worker_watch import resident_bytes

_GUARD = "joulewise.compare.guard"


class Guarded:
    """A process of foreign code below its guard. `pid` is the guard's; it leads the process group of all of them."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        *,
        log: IO[bytes],
        stdin: int = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
    ) -> None:
        life_read, self._life = os.pipe()
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-m", _GUARD, str(life_read), str(os.getpid()), module, *arguments],
                stdin=stdin,
                stdout=log,
                stderr=log,
                env=environ,
                pass_fds=(*pass_fds, life_read),
                process_group=0,
            )
        except BaseException:
            os.close(self._life)
            raise
        finally:
            os.close(life_read)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stdin(self) -> IO[Any] | None:
        return self._process.stdin

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self, timeout_s: float) -> int | None:
        """The exit code, as subprocess tells it; None if it still runs after so long."""
        try:
            return self._process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def held_bytes(self) -> int:
        """Resident memory of the work and of its children, the guard left out; 0 once they are gone."""
        return sum(resident_bytes(child) for child in children_of(self.pid))

    def end(self) -> None:
        """End it and everything that it started, now; may be called twice."""
        if self._life >= 0:
            os.close(self._life)  # the guard's sign to end them all
            self._life = -1
        if self.wait(2 * ENDING_S) in (None, -signal.SIGKILL):  # somebody stopped the guard, or killed it
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.close()


def cause_of(code: int) -> str:
    """ "exit code 3", or "SIGKILL (out of memory?)"."""
    if code >= 0:
        return f"exit code {code}"
    name = {one.value: one.name for one in signal.Signals}.get(-code, f"signal {-code}")
    return f"{name}{' (out of memory?)' if -code == signal.SIGKILL else ''}"
