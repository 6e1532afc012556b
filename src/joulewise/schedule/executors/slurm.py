"""Runs tasks as batch jobs of a Slurm cluster, by its own commands; Slurm itself waits, restarts and keeps the queue.

Submit: sbatch, held, or with --begin for `not_before`; without it, --begin at `latest_start`, so that the job begins
in time even if nobody is left to start it. The name of the job is that of the task: a submitter that died between
submit and noting the id finds its job again. Stop: SIGTERM to the job, which saves, exits and puts itself back into
the queue, held. Resume: release. What runs inside the job is onboard.py.

Needs:  a working folder on a disk that the nodes share, joulewise in the same place on the nodes, Slurm 21 or newer.
Traps:  a requeued job may not begin for two minutes (the life of its credential) unless its StartTime is set anew;
        a finished job vanishes from Slurm after MinJobAge (5 minutes): what became of it lies in the task's folder.
Source: Slurm 22.05 manual pages: sbatch, scontrol, squeue, scancel.
"""

from __future__ import annotations

import math
import re
import sys
from dataclasses import replace

from joulewise.core.errors import ExecutorError
from joulewise.core.plans import Task, TaskStatus
from joulewise.schedule.clock import Clock
from joulewise.schedule.executors.slurm_commands import SlurmCommands, SlurmJob, resource_arguments, script_of
from joulewise.schedule.executors.task_folder import ENDED, STOPPED, Result, TaskFolder, check

_WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT", "REQUEUE_FED", "RESV_DEL_HOLD"}
_RUNNING = {"RUNNING", "CONFIGURING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING", "COMPLETING"}
_TAKEN_AWAY = {"PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "REVOKED"}
_WHY = {"TIMEOUT": "its time limit: ask for more with time_limit_s", "OUT_OF_MEMORY": "its memory limit: memory_gb"}


class SlurmExecutor:
    """See the module. A handle is the path of the task's folder, which lies inside the folder in which it works.

    Raises ExecutorError where Slurm's commands are not installed.
    `folder`, of the tasks on this machine, is not used: the nodes might not see it. `settle_s` is how long a requeued
    job waits at least before it begins again: Slurm tells the old launch from the new one by whole seconds.
    """

    name = "slurm"

    def __init__(
        self,
        folder: str = "",
        clock: Clock | None = None,
        commands: SlurmCommands | None = None,
        *,
        python: str = sys.executable,
        settle_s: int = 3,
    ) -> None:
        self.clock = clock or Clock()
        self.commands = commands or SlurmCommands()
        if commands is None:
            self.commands.program("sbatch")
        self.python, self.settle_s = python, settle_s

    def check(self, task: Task) -> None:
        """Raise ExecutorError for a task that this place will never take."""
        check(task)
        resource_arguments(task.resources)

    def submit(self, task: Task) -> str:
        """Take the task; if Slurm knows a job of this task already, that is it."""
        arguments = self._arguments(task)
        folder = TaskFolder.create(replace(task, save_s=self.clock.real_s(task.save_s)))
        with folder.lock():
            if not self._job_id(folder):
                self._sbatch(folder, arguments)
        return str(folder.path)

    def start(self, handle: str) -> None:
        """Run it now: release it; one that was lost is submitted anew."""
        self.resume(handle)

    def stop(self, handle: str) -> None:
        """SIGTERM to a running job, which saves and goes back into the queue; a waiting one is held."""
        folder = _known(handle)
        job = self._job(folder)
        if job and job.state in _WAITING:
            self.commands.change("scontrol", "hold", job.id)
        elif job and job.state in _RUNNING - {"COMPLETING"} and folder.task.stop == "freeze":
            self.commands.change("scancel", "--signal=STOP", "--full", job.id)
        elif job and job.state in _RUNNING - {"COMPLETING"}:
            self._terminate(folder, job)

    def resume(self, handle: str) -> None:
        """Release it; a job that Slurm no longer has, but that has not come to its end, is submitted anew."""
        folder = _known(handle)
        if folder.marked("cancel"):
            return
        job = self._job(folder)
        state = self._status(folder, job).state
        if job and job.state == "STOPPED":
            self.commands.change("scancel", "--signal=CONT", "--full", job.id)
        elif job and job.state in _WAITING:
            folder.unmark("resume")
            folder.unmark("stop")
            self._release(job)
        elif state == "stopping":
            folder.mark("resume")  # the job itself goes back into the queue without a hold
        elif state in ("paused", "lost"):
            self._again(folder)

    def status(self, handle: str) -> TaskStatus:
        """How it stands, by Slurm and by what the job left in its folder."""
        folder = TaskFolder(handle)
        if not folder.exists():
            return TaskStatus(state="lost", detail=f"no task is kept in {handle}")
        return self._status(folder, self._job(folder))

    def cancel(self, handle: str) -> None:
        """End it for good; one that has ended stays as it is."""
        folder = _known(handle)
        job = self._job(folder)
        if self._status(folder, job).state in ("finished", "failed", "cancelled"):
            return
        folder.mark("cancel")
        if job:
            self.commands.change("scancel", job.id)

    def log_path(self, handle: str) -> str:
        """Where what the task printed lies."""
        return str(TaskFolder(handle).log)

    def _arguments(self, task: Task) -> list[str]:
        begin = task.not_before or task.latest_start
        wait_s = math.ceil(self.clock.real_s((begin - self.clock.now()).total_seconds())) if begin else 0
        waiting = ["--hold"] if begin is None else [f"--begin=now+{wait_s}"] if wait_s > 0 else []
        return [*resource_arguments(task.resources), *waiting]

    def _sbatch(self, folder: TaskFolder, arguments: list[str]) -> None:
        title = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.task.name)[:60] or "task"
        ours = [
            *(f"--job-name={_name(folder)}", f"--comment={title}", f"--chdir={folder.path}"),
            *("--requeue", "--output=/dev/null", "--open-mode=append"),
        ]
        try:
            job = self.commands.submit(script_of(str(folder.path), self.python), [*arguments, *ours])
        except ExecutorError:
            job = self._latest(folder, than=folder.job)  # no answer does not mean that nothing was submitted
            if not job:
                raise
        folder.note_job(job)

    def _again(self, folder: TaskFolder) -> None:
        with folder.lock():
            if self._status(folder, self._job(folder)).state in ("paused", "lost"):
                folder.unmark("stop")
                folder.clear_result()
                self._sbatch(folder, resource_arguments(folder.task.resources))

    def _latest(self, folder: TaskFolder, than: str) -> str:
        job = self.commands.find(_name(folder))
        return job if job and job != than else ""

    def _job_id(self, folder: TaskFolder) -> str:
        return folder.job or self.commands.find(_name(folder))

    def _job(self, folder: TaskFolder) -> SlurmJob | None:
        job = self._job_id(folder)
        return self.commands.show(job) if job else None

    def _terminate(self, folder: TaskFolder, job: SlurmJob) -> None:
        """SIGTERM, once: to signal a job that is on its way out can take Slurm minutes."""
        if folder.said("stop") != job.id:
            folder.mark("stop")  # before the signal: the job asks why it came
            self.commands.change("scancel", "--signal=TERM", "--batch", job.id)
            folder.mark("stop", job.id)

    def _release(self, job: SlurmJob) -> None:
        settle_s = self.settle_s if job.restarts else 0
        if job.held or job.begins_in_s > settle_s:
            self.commands.change("scontrol", "update", f"JobId={job.id}", f"StartTime=now+{settle_s}")
        if job.held:
            self.commands.change("scontrol", "release", job.id)

    def _status(self, folder: TaskFolder, job: SlurmJob | None) -> TaskStatus:
        result = folder.result
        if job is None:
            return _after(folder, result, f"Slurm has forgotten job {folder.job}")
        detail = f"Slurm job {job.id}: {job.state}" + (f" on {job.node}" if job.node else f" ({job.reason})")
        if job.state in _WAITING:
            paused = result and result.how == STOPPED and folder.marked("stop")
            return TaskStatus(state="paused" if paused else "waiting", detail=detail)
        if job.state == "STOPPED":
            return TaskStatus(state="paused", detail=detail)
        if job.state in _RUNNING:
            leaving = folder.marked("stop") or folder.marked("cancel")
            return TaskStatus(state="stopping", detail=detail) if leaving else TaskStatus(state="running")
        return _ended(folder, result, job, detail)


def _known(handle: str) -> TaskFolder:
    folder = TaskFolder(handle)
    if not folder.exists():
        raise ExecutorError(f"no task is kept in {handle}", hint="joulewise tasks lists those that there are")
    return folder


def _name(folder: TaskFolder) -> str:
    return f"joulewise-{folder.task_id}"


def _ended(folder: TaskFolder, result: Result | None, job: SlurmJob, detail: str) -> TaskStatus:
    """Slurm says that the job has come to an end, one way or the other."""
    if result and (result.exit_code == 0 or (result.how == ENDED and not folder.marked("cancel"))):
        return _after(folder, result, detail)
    if job.state == "CANCELLED" or folder.marked("cancel"):
        return TaskStatus(state="cancelled", detail=detail)
    if folder.marked("stop") or (result and result.how == STOPPED):  # it could not put itself back into the queue
        return TaskStatus(state="paused", detail=detail)
    if job.state in _TAKEN_AWAY or (result and job.state not in _WHY):
        return TaskStatus(state="lost", exit_code=result.exit_code if result else None, detail=detail)
    why = f"; it reached {_WHY[job.state]}" if job.state in _WHY else ""
    return TaskStatus(state="failed", exit_code=job.exit_code or None, detail=detail + why)


def _after(folder: TaskFolder, result: Result | None, detail: str) -> TaskStatus:
    """What the folder tells when Slurm tells nothing."""
    if result and (result.exit_code == 0 or (result.how == ENDED and not folder.marked("cancel"))):
        state = "finished" if result.exit_code == 0 else "failed"
        return TaskStatus(state=state, exit_code=result.exit_code, detail=result.detail or detail)
    if folder.marked("cancel"):
        return TaskStatus(state="cancelled", detail=detail)
    paused = folder.marked("stop") or (result and result.how == STOPPED)
    return TaskStatus(state="paused" if paused else "lost", detail=detail)
