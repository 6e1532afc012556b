"""Runs tasks as jobs of a Ray cluster, through its job submission server.

Ray runs a job to its end and never again, so each attempt at a task is a job of its own: TASK-1, TASK-2, ... Ray takes
each of these names once only, so that a submitter that died, or a second one, can't start an attempt twice.
Stop: SIGTERM to all processes of the job; after `save_s` SIGKILL. Resume: the next attempt.

Files:  FOLDER/<task id>/ on this machine (see task_folder.py): Ray keeps nothing of a task that has not started.
Needs:  the task's folder and Python in the same place on the cluster. `RAY_ADDRESS` or `RAY_API_SERVER_ADDRESS`
        says where the server is; http://127.0.0.1:8265 by default.
Traps:  Ray says STOPPED of a stopped job, whatever its exit code: the job prints its code last. It gives a job 3 s
        after SIGTERM, unless RAY_JOB_STOP_WAIT_TIME_S in the environment of the job says otherwise.
Source: Ray 2.60, ray.job_submission; dashboard/modules/job/job_supervisor.py.
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report to its makers

from ray.job_submission import JobDetails, JobStatus, JobSubmissionClient

from joulewise.core.errors import ExecutorError
from joulewise.core.plans import Task, TaskStatus
from joulewise.schedule.clock import Clock
from joulewise.schedule.executors import STOPPED_AT_CHECKPOINT
from joulewise.schedule.executors.onboard import FROM_OUTSIDE
from joulewise.schedule.executors.task_folder import ENDED, STOPPED, TERMINATED, Result, TaskFolder, check

DEFAULT_ADDRESS = "http://127.0.0.1:8265"
_SUPERVISOR = "JOB_SUPERVISOR_ACTOR_"
_SCRIPT = """\
trap : TERM
joulewise_task=$1
if [ -n "$2" ]; then cd -- "$2" && mkdir -p -- "$JOULEWISE_TASK_STATE" || exit 1; fi
shift 2
"$@"
code=$?
echo
echo "joulewise: $joulewise_task ended with $code"
exit $code
"""
"""Run by sh with the attempt, the folder and the command. The trap keeps sh until the command has ended."""


class RayExecutor:
    """See the module. A handle is the id of the task. `connect` gives the client, for tests."""

    name = "ray"

    def __init__(
        self,
        folder: str,
        clock: Clock | None = None,
        connect: Callable[[], JobSubmissionClient] | None = None,
    ) -> None:
        self.folder, self.clock = folder, clock or Clock()
        self._connect = connect or connected
        self._client: JobSubmissionClient | None = None

    # --- the Protocol ---

    def check(self, task: Task) -> None:
        """Raise ExecutorError for a task that this place will never take."""
        if task.stop != "checkpoint":
            raise ExecutorError(f"Ray can't {task.stop} a job", hint="let it save and stop: --pause checkpoint")
        check(task)
        job_arguments(task.resources)

    def submit(self, task: Task) -> str:
        """Keep the task here; Ray gets it when it is to start."""
        self.check(task)
        TaskFolder.create(task, self.folder)
        return task.id

    def start(self, handle: str) -> None:
        """Run it, if it waits, is paused or lost."""
        folder = self._folder(handle)
        with folder.lock():
            number, details = self._latest(folder)
            if self._status(folder, number, details).state in ("waiting", "paused", "lost") and not _queued(details):
                folder.unmark("stop")
                self._attempt(folder, number + 1)

    def stop(self, handle: str) -> None:
        """SIGTERM to a job that runs; at most `save_s` later Ray ends it."""
        folder = self._folder(handle)
        number, details = self._latest(folder)
        if details is not None and not details.status.is_terminal():
            folder.mark("stop")
            self._ask(lambda ray: ray.stop_job(_name(folder, number)))

    def resume(self, handle: str) -> None:
        """Run it again from what it saved."""
        self.start(handle)

    def status(self, handle: str) -> TaskStatus:
        """How it stands, by its latest attempt."""
        folder = TaskFolder(os.path.join(self.folder, os.path.basename(handle)))
        if not folder.exists():
            return TaskStatus(state="lost", detail=f"nothing is kept of task {handle} here")
        return self._status(folder, *self._latest(folder))

    def cancel(self, handle: str) -> None:
        """End it for good; one that has ended stays as it is."""
        folder = self._folder(handle)
        number, details = self._latest(folder)
        if self._status(folder, number, details).state not in ("finished", "failed", "cancelled"):
            folder.mark("cancel")
            if details is not None and not details.status.is_terminal():
                self._ask(lambda ray: ray.stop_job(_name(folder, number)))

    # --- attempts ---

    def _attempt(self, folder: TaskFolder, number: int) -> None:
        task, name = folder.task, _name(folder, number)
        arguments = job_arguments(task.resources)
        env = arguments.setdefault("runtime_env", {})
        env["env_vars"] = {**env.get("env_vars", {}), **self._environment(task)}
        words = [
            *(name, "" if "working_dir" in env else task.folder),
            *task.command,
        ]
        script = f"exec sh -c {shlex.quote(_SCRIPT)} joulewise {shlex.join(words)}"
        metadata = {"joulewise_task": task.id, "name": task.name}
        try:
            self._ask(lambda ray: ray.submit_job(entrypoint=script, submission_id=name, metadata=metadata, **arguments))
        except ExecutorError:
            if self._details(name) is None:  # else somebody was faster, or the answer got lost
                raise
        folder.note_job(str(number))

    def _environment(self, task: Task) -> dict[str, str]:
        return {
            "RAY_JOB_STOP_WAIT_TIME_S": str(max(1, math.ceil(self.clock.real_s(task.save_s)))),
            "JOULEWISE_TASK_ID": task.id,
            "JOULEWISE_TASK_STATE": f"{task.folder}/.joulewise/tasks/{task.id}/state",
            **task.environment,
        }

    def _latest(self, folder: TaskFolder) -> tuple[int, JobDetails | None]:
        """The number of the latest attempt and what Ray says of it; one that nobody lived to note is found, too."""
        number = int(folder.job or 0)
        later = self._details(_name(folder, number + 1))
        while later is not None:
            number += 1
            found, later = later, self._details(_name(folder, number + 1))
            if later is None:
                return number, found
        return number, self._details(_name(folder, number)) if number else None

    def _details(self, name: str) -> JobDetails | None:
        try:
            found: JobDetails = self._ask(lambda ray: ray.get_job_info(name))
        except ExecutorError as error:
            if "404" in error.message:
                return None
            raise
        return found

    def _status(self, folder: TaskFolder, number: int, details: JobDetails | None) -> TaskStatus:
        cancelled = folder.marked("cancel")
        if number == 0:
            return TaskStatus(state="cancelled" if cancelled else "waiting")
        name = _name(folder, number)
        if details is None:
            return _forgotten(folder.result, name, cancelled)
        if not details.status.is_terminal():
            return _underway(details, name, leaving=cancelled or folder.marked("stop"))
        result = folder.result
        if result is None or result.job != name:
            result = self._result(name, details)
            folder.write_result(result)
        return _after(result, cancelled)

    def _result(self, name: str, details: JobDetails) -> Result:
        """How an attempt ended. A stopped one says its code in its log only."""
        if details.status != JobStatus.STOPPED:
            return result_of(name, details)
        said = re.findall(rf"^joulewise: {name} ended with (\d+)$", self._log(name), re.MULTILINE)
        code = int(said[-1]) if said else None
        return Result(job=name, how=ENDED if code == 0 else STOPPED, exit_code=code, detail=f"Ray job {name}: STOPPED")

    def _log(self, name: str) -> str:
        text: str = self._ask(lambda ray: ray.get_job_logs(name))
        return text

    def _folder(self, handle: str) -> TaskFolder:
        folder = TaskFolder(os.path.join(self.folder, os.path.basename(handle)))
        if not folder.exists():
            raise ExecutorError(f"nothing is kept of task {handle}", hint="joulewise tasks lists those that there are")
        return folder

    def _ask(self, question: Callable[[JobSubmissionClient], Any]) -> Any:
        try:
            self._client = self._client or self._connect()
            return question(self._client)
        except (RuntimeError, OSError, ValueError) as error:
            raise refusal(error) from error


def connected() -> JobSubmissionClient:
    """A client of the server that the environment names."""
    address = os.environ.get("RAY_API_SERVER_ADDRESS") or os.environ.get("RAY_ADDRESS")
    return JobSubmissionClient(address or DEFAULT_ADDRESS)


def refusal(error: Exception) -> ExecutorError:
    """Our error for one of Ray's."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if isinstance(error, OSError):
        hint = "is the cluster up? `ray status`; RAY_ADDRESS=http://HEAD:8265 says where its job server is"
        return ExecutorError(f"Ray does not answer: {lines[0][:300]}", hint=hint)
    told = lines[0] if "404" in lines[0] else f"{lines[0]} {lines[-1]}" if len(lines) > 1 else lines[0]
    return ExecutorError(f"Ray: {told[:500]}", hint="`ray job list` shows the jobs, `ray status` the cluster")


def _name(folder: TaskFolder, number: int) -> str:
    return f"{folder.task_id}-{number}"


def _queued(details: JobDetails | None) -> bool:
    return details is not None and not details.status.is_terminal()


def _forgotten(result: Result | None, name: str, cancelled: bool) -> TaskStatus:
    if result is not None and result.job == name:
        return _after(result, cancelled)
    return TaskStatus(state="cancelled" if cancelled else "lost", detail=f"Ray has forgotten job {name}")


def _underway(details: JobDetails, name: str, *, leaving: bool) -> TaskStatus:
    if details.status == JobStatus.RUNNING and not leaving:
        return TaskStatus(state="running")
    return TaskStatus(state="stopping" if leaving else "waiting", detail=f"Ray job {name}: {details.status.value}")


def result_of(name: str, details: JobDetails) -> Result:
    """How an attempt ended that nobody stopped. Without an exit code the command never ran, or its node went away."""
    code = 0 if details.status == JobStatus.SUCCEEDED else details.driver_exit_code
    how = ENDED
    if code == STOPPED_AT_CHECKPOINT:
        how = STOPPED
    elif code in FROM_OUTSIDE or (code is None and str(details.error_type).startswith(_SUPERVISOR)):
        how = TERMINATED
    said = f": {details.message[:300]}" if code is None and details.message else ""
    return Result(job=name, how=how, exit_code=code, detail=f"Ray job {name}: {details.status.value}{said}")


def _after(result: Result, cancelled: bool) -> TaskStatus:
    state = "lost" if result.how == TERMINATED else "paused"
    if result.exit_code == 0 or (result.how == ENDED and not cancelled):
        state = "finished" if result.exit_code == 0 else "failed"
    elif cancelled:
        state = "cancelled"
    return TaskStatus(state=state, exit_code=result.exit_code, detail=result.detail)


def job_arguments(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Ray's words for {"cpus": 4, "gpus": 1, "memory_gb": 16, "runtime_env": {...}, "resources": {"name": 1}}.

    Raises ExecutorError for a word or a value that Ray doesn't know.
    """
    words: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
        "cpus": ("entrypoint_num_cpus", float),
        "gpus": ("entrypoint_num_gpus", float),
        "memory_gb": ("entrypoint_memory", lambda size_gb: round(float(size_gb) * 2**30)),
        "resources": ("entrypoint_resources", _table),
        "runtime_env": ("runtime_env", _table),
    }
    arguments = {}
    for word, value in resources.items():
        if word not in words:
            raise ExecutorError(f"Ray jobs have no resource {word!r}", hint=f"one of {', '.join(words)}")
        try:
            arguments[words[word][0]] = words[word][1](value)
        except (TypeError, ValueError) as error:
            raise ExecutorError(f"{word}={value!r}: {error}", hint="a number; a JSON table for the last two") from error
    return arguments


def _table(value: Any) -> dict[str, Any]:
    return dict(json.loads(value) if isinstance(value, str) else value)
