"""What runs inside a batch job: `python -m joulewise.schedule.executors.onboard FOLDER`.

It starts the task's command, hands SIGTERM on to it, keeps its exit code on the shared disk, and, if the
task was asked to stop, puts the job back into Slurm's queue, held, until it is resumed. It needs nobody outside the
job: a submitter that dies changes nothing.

Traps:  a job that was cancelled must not requeue itself: Slurm would bring it back to life. Slurm sends SIGTERM for a
        time limit, a preemption and a cancel, too: only the file `stop` tells that a pause is wanted. The signal may
        come before there is a command to hand it to: the file is looked at once more before the start.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType

from joulewise.core.errors import ExecutorError
from joulewise.schedule.executors import STOPPED_AT_CHECKPOINT
from joulewise.schedule.executors.task_folder import ENDED, STOPPED, TERMINATED, Result, TaskFolder

Requeue = Callable[[str, bool], None]
_POLL_S = 0.1
FROM_OUTSIDE = tuple(128 + number for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP))
"""Exit codes of a command that somebody else ended: it is lost, not failed, and may run again."""


class Onboard:
    """One attempt at a task inside a job. `requeue(job, hold)` puts the job back into the queue."""

    def __init__(self, folder: TaskFolder, job: str, environ: dict[str, str], requeue: Requeue) -> None:
        self.folder, self.job, self.environ, self.requeue = folder, job, environ, requeue
        self.child: subprocess.Popen[bytes] | None = None
        self.told_at_s: float | None = None

    def run(self) -> int:
        """Start the command, wait for it and say how it ended; the exit code of the job."""
        earlier = self.folder.result
        if earlier and earlier.how == ENDED:
            return earlier.exit_code or 0  # it has run already: a second job of the same task has nothing to do
        self.folder.note_job(self.job)
        self.folder.clear_result()
        if self.folder.marked("resume"):  # it came while the last attempt was stopping
            self.folder.unmark("stop")
            self.folder.unmark("resume")
        code, detail = (STOPPED_AT_CHECKPOINT, "stopped before it began") if self._asked() else self._attempt()
        return self._end(code, detail)

    def told_to_stop(self, _signal: int, _frame: FrameType | None) -> None:
        """SIGTERM: hand it on once; what Slurm sends again while it ends the job is no news."""
        if self.told_at_s is None:
            self.told_at_s = time.monotonic()
            self._hand_on()

    def _hand_on(self) -> None:
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)

    def _attempt(self) -> tuple[int, str]:
        task = self.folder.task
        environ = self.environ | dict(task.environment)
        environ |= {"JOULEWISE_TASK_ID": task.id, "JOULEWISE_TASK_STATE": str(self.folder.state)}
        try:
            self.child = subprocess.Popen(task.command, cwd=task.folder, env=environ, stdin=subprocess.DEVNULL)
        except OSError as error:
            return 127, f"can't start: {error}"
        if self.told_at_s is not None:  # the signal came between
            self._hand_on()
        return self._wait(self.child, task.save_s)

    def _wait(self, child: subprocess.Popen[bytes], save_s: float) -> tuple[int, str]:
        while True:
            try:
                code = child.wait(_POLL_S)
            except subprocess.TimeoutExpired:
                if self._asked() and self.told_at_s is not None and time.monotonic() - self.told_at_s > save_s:
                    child.kill()  # what it has started goes when Slurm takes the job off the node
                    child.wait()
                    return 128 + signal.SIGKILL, f"did not stop within {save_s:g} s: ended, with what it had saved"
                continue
            return (code if code >= 0 else 128 - code), ""

    def _asked(self) -> bool:
        return self.folder.marked("stop") and not self.folder.marked("cancel")

    def _end(self, code: int, detail: str) -> int:
        asked = self._asked()
        how = ENDED
        if code == STOPPED_AT_CHECKPOINT or (asked and code != 0):
            how = STOPPED
        elif code in FROM_OUTSIDE:
            how = TERMINATED
        self.folder.write_result(Result(job=self.job, how=how, exit_code=code, detail=detail))
        # Told without being asked, Slurm has its own plans with the job: a time limit, a preemption, a cancel.
        if how == STOPPED and (asked or self.told_at_s is None) and not self.folder.marked("cancel"):
            if not asked:
                self.folder.mark("stop")
            self.requeue(self.job, not self.folder.marked("resume"))
        return code


def requeue_in_slurm(job: str, hold: bool) -> None:
    """Put our own job back into the queue; Slurm then ends us. If that fails the job ends, and is submitted anew."""
    subprocess.run(["scontrol", "requeuehold" if hold else "requeue", job], check=False)


def main(arguments: Sequence[str]) -> int:
    """Run the task whose folder is the one argument; its exit code."""
    environ = dict(os.environ)
    onboard = Onboard(TaskFolder(arguments[0]), environ.get("SLURM_JOB_ID", ""), environ, requeue_in_slurm)
    signal.signal(signal.SIGTERM, onboard.told_to_stop)
    try:
        return onboard.run()
    except ExecutorError as error:
        sys.stderr.write(f"joulewise: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
