"""Starts a command and waits for it, so that it can't tell the difference: streams, signals, exit code, job control.

    reaper = become_subreaper()
    with Signals() as signals:          # before other threads start: they would take the signals
        pid = launch(argv, environ, signals.before)
        ended = wait(pid, signals.terminal)
    ended.reraise()

The command keeps our standard streams, process group, signal mask, descriptors and terminal. Signals of the terminal
(Ctrl-C, Ctrl-\\, Ctrl-Z, a new window size) reach it from the kernel, as it is in our group: we leave them to it.
Signals that somebody sends to us are passed on. As child subreaper we get the orphans of the command, reap and count
them. We wait for the command only: a daemon that it leaves behind does not hold the terminal.

Differences that remain: SIGPIPE, SIGXFSZ and SIGCHLD have their defaults in the command, even if they were ignored
before us (Python changes the first two before we could look); a signal that a program, not the terminal, sends to the
whole group reaches the command twice; orphans have us as parent, not init, until the command ends.
If we are killed (SIGKILL), the command goes on.
Source: sigwaitinfo(2), posix_spawn(3), prctl(2) PR_SET_CHILD_SUBREAPER.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn

from joulewise.core.errors import JoulewiseError
from joulewise.measure.subreaper import become_subreaper
from joulewise.measure.terminal import Terminal

__all__ = ["CommandNotStarted", "Exit", "Signals", "become_subreaper", "launch", "wait"]

_FROM_KERNEL = 0x80  # si_code SI_KERNEL: the terminal sent it, to the command as well
_PASSED_ON = (
    *(signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM),
    *(signal.SIGWINCH, signal.SIGCONT, signal.SIGIO, signal.SIGPWR, signal.SIGVTALRM, signal.SIGPROF, signal.SIGURG),
)
_TAKEN = frozenset({*_PASSED_ON, signal.SIGCHLD, *range(signal.SIGRTMIN, signal.SIGRTMAX + 1)})
_DEFAULT_IN_COMMAND = (signal.SIGPIPE, signal.SIGXFSZ)
_NO_CORE = (0, 0)
_REASONS = {
    errno.ENOENT: (127, "command not found", "check the spelling and PATH; a script here needs ./ before its name"),
    errno.ENOTDIR: (127, "command not found", "a part of the path is a file"),
    errno.EACCES: (126, "permission denied", "chmod +x, or name the interpreter: python script.py"),
    errno.ENOEXEC: (126, "not an executable format", "begin the script with a line like #!/bin/sh"),
    errno.E2BIG: (126, "arguments too long", "pass them in a file"),
}


class CommandNotStarted(JoulewiseError):
    """The command could not be started: `exit_code` is 127 if it is not there, 126 if it can't be run, as in shells."""

    code = "command"

    def __init__(self, message: str, *, exit_code: int, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How the command ended: `code` 0..255, or None if the signal `signal` ended it.

    `cpu_us` is the CPU time of the command and of all that it waited for, by the kernel's own count.
    """

    pid: int
    code: int | None
    signal: int | None
    core_dumped: bool = False
    cpu_us: int = 0

    @property
    def shell_code(self) -> int:
        """The code as a shell tells it: 128 + signal if one ended it."""
        return self.code if self.code is not None else 128 + (self.signal or 0)

    def reraise(self) -> NoReturn:
        """Leave as the command did: with its code, or by the same signal, so that our parent sees the same."""
        if self.signal is None:
            sys.exit(self.shell_code)
        sys.stdout.flush()
        sys.stderr.flush()
        resource.setrlimit(resource.RLIMIT_CORE, _NO_CORE)  # the command's core dump must not be replaced by ours
        if self.signal not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(self.signal, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {self.signal})
        os.kill(os.getpid(), self.signal)
        os._exit(self.shell_code)  # a signal that does not end a process by default can't have ended the command


class Signals:
    """Holds back, inside the block, the signals that `wait` passes on; afterwards all is as before.

    `before` is the signal mask from before, for the command; `terminal` keeps the modes of the terminal.
    """

    def __enter__(self) -> Signals:
        self.terminal = Terminal()
        # Ignored, the kernel would reap the command for us and its exit code would be lost.
        self._on_child = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.before: set[int] = set(signal.pthread_sigmask(signal.SIG_BLOCK, _TAKEN))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while signal.sigtimedwait(_TAKEN - self.before, 0):
            pass  # meant for the command, which has ended: it must not end us now
        signal.pthread_sigmask(signal.SIG_SETMASK, self.before)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL if self._on_child is None else self._on_child)


def launch(argv: Sequence[str], environ: Mapping[str, str], mask: set[int] | frozenset[int] = frozenset()) -> int:
    """Start a command without a shell and return its pid; PATH is searched. `mask` are the signals that it blocks.

    Raises: CommandNotStarted (exit code 126 or 127).
    """
    try:
        return os.posix_spawnp(argv[0], list(argv), environ, setsigmask=mask, setsigdef=_DEFAULT_IN_COMMAND)
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        code, why, hint = _REASONS.get(number or 0, (126, str(error), "run the command by itself to see what it says"))
        raise CommandNotStarted(f"{argv[0]}: {why}", exit_code=code, hint=hint) from error


def wait(pid: int, terminal: Terminal | None = None) -> Exit:
    """Pass signals on to the command and reap orphans until the command has ended; call it inside `Signals`.

    If a signal ended the command, the modes of the terminal are put back.
    """
    # With threads that were there before `Signals`, one of them may swallow the news: then we look ourselves, too.
    patience_s = 0.1 if _has_strangers() else 3600.0
    while True:
        ended = _reap(pid)
        if ended:
            if terminal and ended.signal is not None:
                terminal.restore()
            return ended
        info = signal.sigtimedwait(_TAKEN, patience_s)
        if info is None:
            continue
        passed_on = info.si_code != _FROM_KERNEL or _for_the_leader_only(info.si_signo)
        if info.si_signo != signal.SIGCHLD and passed_on and info.si_pid != pid:
            os.kill(pid, info.si_signo)


def _for_the_leader_only(number: int) -> bool:
    """True for SIGHUP if we lead the session: the kernel tells nobody else that the terminal was closed (tty_io.c)."""
    return number == signal.SIGHUP and os.getsid(0) == os.getpid()


def _has_strangers() -> bool:
    """True if a thread takes the signals that we hold back: one that did not inherit our mask."""
    for thread in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{thread}/status", encoding="ascii", errors="replace") as file:
                blocked = next((line.split()[1] for line in file if line.startswith("SigBlk:")), "0")
        except OSError:  # it has ended
            continue
        if not int(blocked, 16) >> (signal.SIGCHLD - 1) & 1:
            return True
    return False


def _reap(command: int) -> Exit | None:
    """Reap whoever has ended: orphans, and at last the command itself with what ended by then."""
    ended = None
    while True:
        try:
            pid, status, used = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        if pid == command:
            ended = _exit_of(pid, status, used)


def _exit_of(pid: int, status: int, used: resource.struct_rusage) -> Exit:
    by_signal = os.WIFSIGNALED(status)
    return Exit(
        pid=pid,
        code=None if by_signal else os.WEXITSTATUS(status),
        signal=os.WTERMSIG(status) if by_signal else None,
        core_dumped=by_signal and os.WCOREDUMP(status),
        cpu_us=round((used.ru_utime + used.ru_stime) * 1_000_000),
    )
