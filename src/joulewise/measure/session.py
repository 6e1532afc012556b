"""A window being measured: `with joulewise.measure("train") as session: ...`.

Nothing here may harm the work that is measured: faults become warnings and gaps, except with `strict=True`.
"""

from __future__ import annotations

import atexit
import os
import sys
from _thread import allocate_lock, get_ident
from itertools import count

from joulewise.core.errors import JoulewiseError, UsageError
from joulewise.core.frozen import replaced
from joulewise.core.settings import Settings, spool_folder, spool_folders
from joulewise.core.ulid import new_ulid
from joulewise.measure.cputime import TreeClock
from joulewise.measure.equipment import Equipment
from joulewise.measure.group import Group, group_key
from joulewise.measure.header import header_of
from joulewise.measure.job import Job
from joulewise.measure.journal import SUFFIX, Journal, open_journal
from joulewise.measure.sampler import Sampler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from joulewise.measure.machine_clock import MachineClock
    from joulewise.measure.result import Result
    from joulewise.measure.sampler import CpuClock

_live: dict[int, Session] = {}
_ordinals = count()
_forked_from: str | None = None
_from_outside = os.environ.get("JOULEWISE_PARENT")


class _Window:
    """What is open while a session measures."""

    __slots__ = ("clock", "equipment", "journal", "sampler")

    def __init__(self, journal: Journal, sampler: Sampler, equipment: Equipment, clock: CpuClock) -> None:
        self.journal, self.sampler, self.equipment, self.clock = journal, sampler, equipment, clock


class Session:
    """One window. Use it with `with`, or `start()` and `stop()`; once only.

    `run_id` is the ULID under which the ledger files it. `warnings` collects what went wrong with the measuring.
    """

    def __init__(
        self,
        job: Job,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        clock: CpuClock | None = None,
        equipment: Equipment | None = None,
        finish: Callable[[Result], Result] | None = None,
    ) -> None:
        self.job = job
        self.settings = settings
        self.run_id = ""
        self.warnings: list[str] = []
        self._environ = environ
        self._clock = clock
        self._equipment = equipment
        self._finish = finish
        self._journal: Journal | None = None
        self._open: _Window | None = None
        self._group: Group | None = None
        self._counts: dict[str, float] = {}
        self._counts_written = True
        self._counting = allocate_lock()
        self._phases: dict[int, list[str]] = {}
        self._result: Result | None = None
        self._owner = 0

    # --- the window ---

    def start(self) -> Session:
        """Open the journal, read all meters once and start ticking. Raises UsageError if it was started before."""
        if self._journal is not None:
            raise UsageError("this session was started before", hint="make a new one: joulewise.measure(...)")
        ordinal = next(_ordinals)
        self._owner = os.getpid()
        folder = self._choose_run(ordinal)
        journal = open_journal(self._folders(folder), f"{os.getpid()}-{new_ulid()}{SUFFIX}", self.warn)
        self._journal = journal
        equipment = self._equipment or Equipment(self.settings, self._environ)
        clock = self._clock or TreeClock()
        leads = self._group is None or self._group.try_to_lead()
        machine, meters = equipment.open(clock, self.warn) if leads else (None, [])
        journal.record("H", self._header(leads, machine, equipment.channels_of(meters)))
        for warning in self.warnings:
            journal.record("K", {"text": warning})
        sampler = Sampler(journal, clock, machine, meters, tick_s=self.settings.tick_s, warn=self.warn)
        sampler.before_tick = self._before_tick
        self._open = _Window(journal, sampler, equipment, clock)
        _live[id(self)] = self
        _hand_down(self._environ)
        sampler.start()
        if self.settings.strict and sampler.fault is not None:
            self.stop("failed")
        return self

    def stop(self, status: str = "finished", exit_code: int | None = None) -> None:
        """Take the last snapshot and close the journal. A second call, or one in a forked child, does nothing.

        Raises a meter's fault if the settings are strict.
        """
        fault = self._close(status, exit_code)
        if self.settings.strict and fault is not None:
            raise fault if isinstance(fault, JoulewiseError) else JoulewiseError(str(fault)) from fault

    def _close(self, status: str, exit_code: int | None = None) -> Exception | None:
        window = self._window()
        if window is None:
            return None
        del _live[id(self)]
        _hand_down(self._environ)
        self._write_counts(window)
        window.sampler.stop()
        window.journal.record("F", {"seq": window.sampler.seq, "status": status, "exit_code": exit_code})
        window.sampler.close()
        window.journal.close()
        if self._group is not None:
            self._group.leave()
        if window.journal.problem:
            self.warn(f"journal incomplete on disk ({window.journal.problem}); the result is whole in memory")
        return window.sampler.fault

    def __enter__(self) -> Session:
        return self.start()

    def fail(self) -> None:
        """End as failed although no exception passes through here, e.g. where a framework caught it."""
        self.stop("failed")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            self.stop()
        else:
            self._close(status_of(error))  # the work's own exception goes before a meter's fault

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate a function (plain, async or generator-free): each call is a session of its own."""
        name = self.job.name or getattr(function, "__qualname__", type(function).__qualname__)

        def fresh() -> Session:
            return Session(
                replaced(self.job, name=name),
                self.settings,
                self._environ,
                equipment=self._equipment,
                finish=self._finish,
            )

        def measured(*args: Any, **kwargs: Any) -> Any:
            with fresh():
                return function(*args, **kwargs)

        async def measured_coroutine(*args: Any, **kwargs: Any) -> Any:
            with fresh():
                return await function(*args, **kwargs)

        code = getattr(function, "__code__", None)  # a partial, a class, a built-in have none
        is_coroutine = code is not None and code.co_flags & 0x80  # CO_COROUTINE; `inspect` would cost the import budget
        wrapper: Callable[..., Any] = measured_coroutine if is_coroutine else measured
        for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
            if hasattr(function, attribute):
                setattr(wrapper, attribute, getattr(function, attribute))
        wrapper.__wrapped__ = function  # type: ignore[attr-defined]
        return wrapper

    # --- what the user tells ---

    def phase(self, name: str) -> _PhaseWindow:
        """A named part: `with session.phase("epoch"): ...`. Phases nest, and may run in several threads."""
        return _PhaseWindow(self, str(name))

    def count(self, unit: str, n: float = 1) -> None:
        """Count functional units done: `session.count("inference", 1797)`. Cheap enough for every request."""
        if self._window() is None:
            return
        given = n
        try:
            n = float(n)
        except (TypeError, ValueError, OverflowError):
            n = float("nan")
        with self._counting:  # threads of a server count at the same time
            counted = self._counts.get(unit, 0.0) + n
            if n >= 0 and counted < float("inf"):
                self._counts[unit] = counted
                self._counts_written = False
                return
        told = "too much" if isinstance(given, int) and given > 0 else repr(given)
        self.warn(f"count of {unit} ignored: want a finite number >= 0, got {told}")

    def log(self, **metrics: Any) -> None:
        """Log quality: `session.log(accuracy=0.97)`; with bounds `accuracy=(0.97, 0.95, 0.98)`.

        What is not a finite number becomes a warning.
        """
        window = self._window()
        if window is None:
            return
        for metric, given in metrics.items():
            try:
                parts = [float(part) for part in (given if isinstance(given, tuple | list) else (given,))]
            except (TypeError, ValueError, OverflowError):
                parts = []
            finite = all(part - part == 0 for part in parts)
            if len(parts) not in (1, 3) or not finite or (len(parts) == 3 and not parts[1] <= parts[0] <= parts[2]):
                self.warn(f"{metric} not filed: want a finite number or (value, low, high), got {given!r}")
                continue
            stack = self._phases.get(get_ident())
            phase_id = stack[-1] if stack else None
            window.journal.record("L", {"metric": metric, "figures": parts, "phase_id": phase_id})

    @property
    def result(self) -> Result:
        """Energy, time, coverage and so on of the window, up to now or as a whole; derived from the journal."""
        if self._journal is None:
            raise UsageError("this session has not started", hint="with joulewise.measure(...) as session: ...")
        if self._result is not None:
            return self._result
        from joulewise.measure.result import result_of

        result = result_of(self._journal, self._group.folder if self._group else None)
        result = self._finish(result) if self._finish else result
        if id(self) not in _live:  # whole now: it won't change any more
            self._result = result
        return result

    @property
    def journal_path(self) -> str | None:
        """The journal's file; None if it is in memory only."""
        return self._journal.path if self._journal is not None else None

    def warn(self, text: str) -> None:
        """Keep, journal and log a warning about the measuring."""
        if text in self.warnings:
            return
        self.note(text)
        import logging  # here: a session without a warning need not pay for it

        logging.getLogger("joulewise").warning("%s", text)

    def note(self, text: str) -> None:
        """Keep and journal a remark about the measuring that whoever measures tells himself."""
        self.warnings.append(text)
        window = self._window()
        if window is not None:
            window.journal.record("K", {"text": text})

    # --- inside ---

    def _window(self) -> _Window | None:
        """What is open, while this process measures; a forked child's session is inert."""
        return self._open if id(self) in _live and os.getpid() == self._owner else None

    def _enclosing(self) -> str | None:
        live = [session.run_id for session in _live.values() if session._owner == os.getpid()]
        return live[-1] if live else _forked_from

    def _choose_run(self, ordinal: int) -> str:
        """Set the run id, the ranks' common one if there are ranks; return the journal's folder below the spool."""
        key = group_key(self.settings.group, self._environ) if self.job.mode == "process" else ""
        if key:
            try:
                spool = spool_folder(self.settings, self._environ)
                self._group = Group(key, ordinal, spool, setting=bool(self.settings.group))
            except OSError as error:
                self.warn(f"ranks can't be joined ({error}): each is measured on its own")
            else:
                self.run_id = self._group.run_id
                return os.path.basename(self._group.folder)
        self.run_id = new_ulid()
        return self.run_id

    def _header(self, leads: bool, machine: MachineClock | None, channels: list[dict[str, Any]]) -> dict[str, Any]:
        identity = {
            "run_id": self.run_id,
            "parent_id": self.job.parent_id or self._enclosing() or self._environ.get("JOULEWISE_PARENT"),
            "group_key": self._group.key if self._group else None,
            "leads": leads,
        }
        return header_of(self.job, self.settings, self._environ, identity, machine, channels)

    def _folders(self, name: str) -> list[str]:
        return [os.path.join(parent, name) for parent in spool_folders(self.settings, self._environ)]

    def _before_tick(self) -> None:
        window = self._window()
        if window is None:
            return
        self._write_counts(window)
        if self._group is not None and not self._group.leads and self._group.try_to_lead():
            machine, meters = window.equipment.open(window.clock, self.warn)
            channels = window.equipment.channels_of(meters)
            window.sampler.take_over(machine, meters, lambda: window.journal.record("C", {"channels": channels}))

    def _write_counts(self, window: _Window) -> None:
        if not self._counts_written:
            self._counts_written = True
            window.journal.record("N", {"counts": dict(self._counts)})

    def _enter_phase(self, name: str) -> str:
        window = self._window()
        if window is None:
            return ""
        stack = self._phases.setdefault(get_ident(), [])
        phase_id, parent_id = new_ulid(), stack[-1] if stack else None
        stack.append(phase_id)
        begun = {"id": phase_id, "name": name, "parent_id": parent_id}
        window.sampler.snapshot(lambda seq: window.journal.record("P", {**begun, "seq": seq}))
        return phase_id

    def _leave_phase(self, phase_id: str) -> None:
        window = self._window()
        if window is None or not phase_id:
            return
        stack = self._phases.get(get_ident(), [])
        if phase_id in stack:
            stack.remove(phase_id)
        self._write_counts(window)
        window.sampler.snapshot(lambda seq: window.journal.record("E", {"id": phase_id, "seq": seq}))

    def _become_inert(self) -> None:
        if self._journal is not None:
            self._journal.forget()
        if self._group is not None:
            self._group.leave()  # closes our copy; the parent keeps the lock


class _PhaseWindow:
    """The context manager of one phase."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name
        self._id = ""

    def __enter__(self) -> _PhaseWindow:
        self._id = self._session._enter_phase(self._name)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._session._leave_phase(self._id)


def status_of(error: BaseException | None) -> str:
    """finished, failed (an exception) or killed (Ctrl-C, or a signal that became SystemExit with a shell's code)."""
    if error is None or isinstance(error, GeneratorExit):
        return "finished"
    if isinstance(error, SystemExit):
        if isinstance(error.code, int) and 128 < error.code <= 192:
            return "killed"
        return "finished" if error.code in (None, 0) else "failed"
    return "killed" if isinstance(error, KeyboardInterrupt) else "failed"


def _hand_down(environ: Mapping[str, str]) -> None:
    """Tell the programs that we start whose energy holds theirs: their runs become children of ours."""
    if environ is not os.environ:
        return
    parent = next((session.run_id for session in reversed(_live.values())), _from_outside)
    if parent is None:
        os.environ.pop("JOULEWISE_PARENT", None)
    else:
        os.environ["JOULEWISE_PARENT"] = parent


def _stop_all() -> None:
    """At interpreter exit: sessions that nobody stopped end here, as failed if an exception ended the program."""
    for session in list(_live.values()):
        if session._window() is not None:
            session.stop("failed" if hasattr(sys, "last_value") else "finished")


def _in_child() -> None:
    global _forked_from
    for session in _live.values():
        session._become_inert()
        _forked_from = session.run_id  # its clock counts us, too: our runs are its children
    _live.clear()


atexit.register(_stop_all)
os.register_at_fork(after_in_child=_in_child)
