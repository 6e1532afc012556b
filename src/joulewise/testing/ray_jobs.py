"""Ray's job submission without Ray: the same calls and answers, each job a process group of this machine.

A real Ray needs a quarter of a minute to start and some seconds a job; what must be tried with many jobs is tried here.
Source: Ray 2.60, dashboard/modules/job: sdk.py, job_supervisor.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class RayJobs:
    """In place of a JobSubmissionClient and its cluster. `faults` are raised first, in order."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[Exception] = field(default_factory=list)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp()))

    def submit_job(self, *, entrypoint: str, submission_id: str, **arguments: Any) -> str:
        """Run it; a name is taken once."""
        self._fault()
        if submission_id in self.jobs:
            raise RuntimeError(
                "Request failed with status code 500: Traceback (most recent call last):\n  ...\n"
                f"ValueError: Job with submission_id {submission_id} already exists."
            )
        env = (arguments.get("runtime_env") or {}).get("env_vars") or {}
        with open(self.folder / submission_id, "wb") as log:
            process = subprocess.Popen(
                entrypoint,
                shell=True,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **env},
            )
        self.jobs[submission_id] = {"process": process, "env": env, "entrypoint": entrypoint, "arguments": arguments}
        return submission_id

    def stop_job(self, job_id: str) -> bool:
        """SIGTERM to all of its processes; SIGKILL some seconds later."""
        job = self._job(job_id)
        if job["process"].poll() is not None or "stopped_at_s" in job:
            return False
        job["stopped_at_s"] = time.monotonic()
        os.killpg(job["process"].pid, signal.SIGTERM)
        return True

    def get_job_info(self, job_id: str) -> Any:
        """How it stands."""
        from ray.job_submission import JobDetails

        job = self._job(job_id)
        if "stopped_at_s" in job and job["process"].poll() is None:
            wait_s = float(job["env"].get("RAY_JOB_STOP_WAIT_TIME_S", 3))
            if time.monotonic() - job["stopped_at_s"] > wait_s:
                os.killpg(job["process"].pid, signal.SIGKILL)
        told = job.get("told") or self._told(job)
        return JobDetails(type="SUBMISSION", submission_id=job_id, entrypoint=job["entrypoint"], **told)

    def get_job_logs(self, job_id: str) -> str:
        """What it printed."""
        self._job(job_id)
        return (self.folder / job_id).read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """End what still runs."""
        for job in self.jobs.values():
            if job["process"].poll() is None:
                os.killpg(job["process"].pid, signal.SIGKILL)
                job["process"].wait()

    def _told(self, job: dict[str, Any]) -> dict[str, Any]:
        code = job["process"].poll()
        if code is None:
            return {"status": "RUNNING"}
        if "stopped_at_s" in job:
            return {"status": "STOPPED", "message": "Job was intentionally stopped."}
        if code == 0:
            return {"status": "SUCCEEDED", "driver_exit_code": 0}
        return {"status": "FAILED", "error_type": "JOB_ENTRYPOINT_COMMAND_ERROR", "driver_exit_code": code}

    def _job(self, job_id: str) -> dict[str, Any]:
        self._fault()
        if job_id not in self.jobs:
            raise RuntimeError(f"Request failed with status code 404: Job {job_id} does not exist.")
        return self.jobs[job_id]

    def _fault(self) -> None:
        if self.faults:
            raise self.faults.pop(0)
