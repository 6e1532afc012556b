"""Measure a command from outside: start it (`joulewise run`) or attach to a running one (`joulewise watch`)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from joulewise.core.frozen import replaced
from joulewise.core.settings import Settings
from joulewise.core.ulid import new_ulid
from joulewise.measure.cgroups import CommandGroup, make_group
from joulewise.measure.cputime import TreeClock
from joulewise.measure.job import Job
from joulewise.measure.launch import CommandNotStarted, Exit, Signals, become_subreaper, launch, wait
from joulewise.measure.meters.sysfs import text_of
from joulewise.measure.result import Result
from joulewise.measure.session import Session
from joulewise.measure.watch_target import Target
from joulewise.measure.watch_target import watch as wait_for

_AT_CHECKPOINT = 75
_RUNNERS = ("env", "nice", "nohup", "time", "python", "uv", "poetry", "bash", "sh")


@dataclass(frozen=True, slots=True)
class Measured:
    """A command's end and what it cost. `exit` is None for a watched process: its exit code is its parent's to know."""

    exit: Exit | None
    result: Result


def run_command(argv: Sequence[str], job: Job, settings: Settings, environ: Mapping[str, str]) -> Measured:
    """Run argv as a child, measured, with its streams, signals and exit code untouched.

    A session inside the command becomes a child run of this one. Raises CommandNotStarted (126, 127).
    """
    check_command(argv, environ)
    job = replaced(job, mode="command", command=tuple(argv), name=job.name or name_of(argv))
    reaper = become_subreaper()
    group = make_group(f"joulewise-{new_ulid()}")
    try:
        with Signals() as signals:  # before the sampler's thread starts: it would take the signals
            clock = TreeClock(count_root=False, reaper=reaper, usage=group)
            session = Session(job, settings, environ, clock=clock).start()
            try:
                pid = _started(argv, {**environ, "JOULEWISE_PARENT": session.run_id}, signals.before, group)
                ended = wait(pid, signals.terminal)
            except BaseException:  # whatever ends us, Ctrl-C too, ends the session and goes on
                session.stop("failed")
                raise
            session.stop(status_of(ended, in_task="JOULEWISE_TASK_ID" in environ), ended.shell_code)
    finally:
        if group is not None:
            group.remove()
    return Measured(ended, session.result)


def watch(pid: int, job: Job, settings: Settings, environ: Mapping[str, str]) -> Measured:
    """Measure the tree of a running process until it ends or we get Ctrl-C. Raises NotFound if there is none."""
    with Target(pid) as target:  # before all else: from here on its end is an end, however soon it comes
        clock = TreeClock(pid)
        command = tuple(text_of(f"/proc/{pid}/cmdline", 1 << 16).rstrip("\0").split("\0"))
        job = replaced(job, mode="watch", command=command, name=job.name or name_of(command))
        session = Session(job, settings, environ, clock=clock).start()
        try:
            wait_for(target, clock.pids)
            status = "finished"
        except KeyboardInterrupt:
            session.warn(f"stopped by Ctrl-C while process {pid} went on: the figures end there")
            status = "killed"
        except BaseException:
            session.stop("failed")
            raise
        session.stop(status)
    return Measured(None, session.result)


def status_of(ended: Exit, *, in_task: bool = False) -> str:
    """finished (code 0; as part of a task also 75: stopped at a checkpoint), killed (by a signal) or failed."""
    if ended.signal is not None:
        return "killed"
    return "finished" if ended.code == 0 or (in_task and ended.code == _AT_CHECKPOINT) else "failed"


def name_of(argv: Sequence[str]) -> str:
    """A name for a command that has none: the script, rather than what runs it."""
    words = [os.path.basename(word) for word in argv if word and not word.startswith("-") and "=" not in word]
    named = [word for word in words if word.rstrip("0123456789.") not in _RUNNERS]
    return (named or words or ["command"])[0][:80]


def check_command(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """Find out before measuring that there is no such command; the kernel says the rest. Raises CommandNotStarted."""
    if not argv or not argv[0]:
        raise CommandNotStarted("no command was given", exit_code=2, hint="joulewise run -- python train.py")
    if shutil.which(argv[0], os.F_OK, environ.get("PATH")) is None:
        hint = "check the spelling and PATH; a script here needs ./ before its name"
        raise CommandNotStarted(f"{argv[0]}: command not found", exit_code=127, hint=hint)


def _started(argv: Sequence[str], environ: Mapping[str, str], mask: set[int], group: CommandGroup | None) -> int:
    """Start the command inside its control group, if it has one."""
    entered = group is not None and group.enter()
    try:
        return launch(argv, environ, mask)
    finally:
        if entered and group is not None:
            group.leave()
