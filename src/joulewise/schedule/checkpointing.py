"""The contract between a job and whoever pauses it, in three lines:

    checkpoint = joulewise.checkpointing("train.ckpt")
    state = checkpoint.resume({"epoch": 0, ...})          # what was saved last, else this
    ... in the loop: checkpoint.step(state)               # saves when it is time; if asked to stop, saves and exits

Asked to stop is SIGTERM, or a file `stop` in the folder that JOULEWISE_TASK_STATE names. The exit code is then 75:
stopped at a checkpoint, start me again. Under a plain `python train.py` nobody asks, and all works as before.
What saving and restoring cost, and what work was lost, is written to `checkpoints.jnl` in that folder, or beside the
checkpoint. Importing this costs little: no NumPy, no framework.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FunctionType, MethodType

from joulewise.core.errors import UsageError
from joulewise.measure.journal import Journal, as_json, line_of
from joulewise.schedule.checkpoint_files import CheckpointFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, NoReturn, Protocol

    class Format(Protocol):
        """How a state becomes a file and comes back."""

        def write(self, state: Any, path: str) -> None: ...

        def read(self, path: str) -> Any: ...


STOPPED_AT_CHECKPOINT = 75
STATE_VARIABLE = "JOULEWISE_TASK_STATE"
LOOK_EVERY_S = 0.2
ALIVE_EVERY_S = 10.0


class Pickle:
    """Any state, by pickle. Load only what you saved yourself: a pickle can run code."""

    def write(self, state: Any, path: str) -> None:
        """Save."""
        import pickle

        with open(path, "wb") as file:
            pickle.dump(state, file, protocol=pickle.HIGHEST_PROTOCOL)

    def read(self, path: str) -> Any:
        """Load."""
        import pickle

        with open(path, "rb") as file:
            return pickle.load(file)


class Checkpointing:
    """See the module; make it by `joulewise.checkpointing`. One of a process catches the signal."""

    def __init__(
        self,
        path: str,
        *,
        format: Format,
        every_s: float | None,
        agree: Callable[[bool], bool] | None,
        writes: bool,
        environ: Mapping[str, str],
    ) -> None:
        self.path = path
        self.lost_s: float | None = None
        """Work that was lost before this start, s: from the last save to the last sign of life; None if unknown."""
        self.saves = 0
        self.alive_every_s = ALIVE_EVERY_S
        self._files = CheckpointFiles(path)
        self._format = format
        self._every_s = every_s
        self._agree = agree
        self._writes = writes
        self._folder = environ.get(STATE_VARIABLE, "")
        self._journal: Journal | None = None
        self._signalled = False
        self._asked_at_s: float | None = None
        self._looked_s = self._alive_s = self._saved_s = time.monotonic()
        self._owner = os.getpid()
        self._listen()

    # --- the three lines ---

    def resume(self, default: Any = None) -> Any:
        """The state of the newest checkpoint that is whole; `default` if there is none.

        Raises UsageError if there are checkpoints, and none can be read: starting anew would overwrite them.
        """
        started_s = time.monotonic()
        whole, refused = self._files.whole()
        problems = [f"{os.path.basename(name)} is damaged" for name in refused]
        for name in whole:
            try:
                state = self._format.read(name)
            except Exception as error:  # noqa: BLE001 - pickle and frameworks raise what they like; the older one is next
                problems.append(f"{os.path.basename(name)}: {type(error).__name__}: {error}")
                continue
            self._resumed(name, time.monotonic() - started_s, problems)
            return state
        if problems:
            raise UsageError(f"no checkpoint can be read: {'; '.join(problems)}", hint=f"move {self.path}* away")
        self.lost_s = lost_in(self._log_path())
        if self.lost_s is not None:
            self._note("anew", lost_s=self.lost_s)
        self._saved_s = time.monotonic()
        return default

    def step(self, state: Any) -> None:
        """Call it where the state is consistent, e.g. after each epoch. `state` may be a function that gives it.

        Saves if `every_s` have passed or if asked to stop; then it exits with code 75. If it can't be saved (a full
        disk), the work goes on, with a warning, and the next step tries again.
        """
        asked = self.asked
        if self._agree is not None:
            asked = self._agree(asked)
        now_s = time.monotonic()
        if asked or (self._every_s is not None and now_s - self._saved_s >= self._every_s):
            if self._saved(state) and asked:
                self.exit()
        elif now_s - self._alive_s >= self.alive_every_s:
            self._alive_s = now_s
            self._note("alive", since_save_s=now_s - self._saved_s)

    # --- its parts ---

    @property
    def asked(self) -> bool:
        """True once somebody wants us to save and stop."""
        now_s = time.monotonic()
        if not self._signalled and self._folder and now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            self._signalled = os.path.exists(os.path.join(self._folder, "stop"))
            self._asked_at_s = now_s if self._signalled else None
        return self._signalled

    def save(self, state: Any) -> None:
        """Save now. Ranks that don't write do nothing."""
        started_s = time.monotonic()
        worked_s = started_s - self._saved_s
        if self._writes and os.getpid() == self._owner:
            found = state() if isinstance(state, FunctionType | MethodType) else state
            size = self._files.write(lambda path: self._format.write(found, path))
            self.saves += 1
            self._note("saved", took_s=time.monotonic() - started_s, worked_s=worked_s, bytes=size)
        self._saved_s = self._alive_s = time.monotonic()

    def exit(self) -> NoReturn:
        """End with the code that says: saved, start me again."""
        asked_at_s = self._asked_at_s
        self._note("stopped", asked_s=None if asked_at_s is None else time.monotonic() - asked_at_s)
        if self._journal is not None:
            self._journal.close()
        raise SystemExit(STOPPED_AT_CHECKPOINT)

    # --- inside ---

    def _saved(self, state: Any) -> bool:
        try:
            self.save(state)
        except (OSError, RuntimeError) as error:  # torch.save raises RuntimeError on a full disk
            from logging import getLogger

            getLogger(__name__).warning("the checkpoint %s can't be written, the work goes on: %s", self.path, error)
            return False
        return True

    def _listen(self) -> None:
        """Take SIGTERM; outside the main thread, where Python forbids it, the file has to do."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, number: int, frame: object) -> None:
        """Only remembered: the state may be half-way between two steps. A child that was forked ends as it would."""
        if os.getpid() == self._owner:
            self._signalled = True
            self._asked_at_s = self._asked_at_s or time.monotonic()
            return
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _resumed(self, name: str, took_s: float, problems: Sequence[str]) -> None:
        self.lost_s = lost_in(self._log_path())
        self._saved_s = self._alive_s = time.monotonic()
        told = {"problems": list(problems)} if problems else {}
        self._note("resumed", took_s=took_s, lost_s=self.lost_s, older=name != self._files.path, **told)
        if problems:
            from logging import getLogger

            getLogger(__name__).warning("took an older checkpoint: %s", "; ".join(problems))

    def _log_path(self) -> str:
        return os.path.join(self._folder, "checkpoints.jnl") if self._folder else f"{self._files.path}.jnl"

    def _note(self, what: str, **values: Any) -> None:
        """A line in the journal. Where it can't be written, the work goes on without it."""
        if not self._writes or os.getpid() != self._owner:
            return
        if self._journal is None:
            path = self._log_path()
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            except OSError as error:
                self._journal = Journal(None, None, str(error))
                return
            self._journal = Journal(path, fd)
        self._journal.append(line_of("C", as_json({"what": what, "at_s": time.time(), **values})))


def checkpointing(
    path: str,
    *,
    format: Format | None = None,
    every_s: float | None = None,
    agree: Callable[[bool], bool] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Checkpointing:
    """Let whoever runs this job pause it: see the module, and the how-to on checkpoints.

    Args:
        path: Where the checkpoint lies. Its folder is made if need be.
        format: How a state becomes a file: pickle by default; `checkpoint_formats` has those of PyTorch and joblib.
        every_s: Save this often even if nobody asks, so that a crash loses no more than that. None: only when asked.
        agree: With several ranks, what they agree on (see `checkpoint_formats.torch_agreement`): all must stop at the
            same step. Only rank 0 (RANK, SLURM_PROCID) writes.
    Raises: UsageError if `every_s` is not above zero.
    """
    environ = os.environ if environ is None else environ
    if every_s is not None and not every_s > 0:
        raise UsageError(f"every_s must be above zero, got {every_s}", hint="every_s=600 saves every ten minutes")
    rank = environ.get("RANK") or environ.get("SLURM_PROCID") or "0"
    return Checkpointing(
        path, format=format or Pickle(), every_s=every_s, agree=agree, writes=rank == "0", environ=environ
    )


def events_in(path: str) -> list[dict[str, Any]]:
    """What a journal of checkpoints tells, oldest first; [] without one. Damaged lines are left out."""
    import json
    from zlib import crc32

    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except OSError:
        return []
    found = []
    for line in lines:
        body, _, crc = line.rpartition(b" ")
        if len(crc) == 8 and b"%08x" % crc32(body) == crc:
            found.append(json.loads(body.decode("ascii").partition(" ")[2]))
    return found


def lost_in(path: str) -> float | None:
    """Seconds of work that the last part did after its last save, as far as it told; 0 if it stopped at a checkpoint.

    A lower bound: after its last sign of life it may have worked up to ALIVE_EVERY_S and one step more.
    """
    events = events_in(path)
    if not events:
        return None
    last = events[-1]
    return float(last["since_save_s"]) if last["what"] == "alive" else 0.0
