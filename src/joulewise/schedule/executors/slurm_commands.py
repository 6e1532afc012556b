"""Slurm's own commands: what we ask and how we read the answers. No accounting storage is needed.

Traps:  a lookup by name must not be believed to be empty when the controller did not answer; free text in the answer
        of `scontrol show job` (the comment, paths) comes after the fields that we read, so the first match is Slurm's.
        Names of files given to sbatch are patterns (%j), so paths go in by --chdir and inside the script.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joulewise.core.errors import ExecutorError

_TIMEOUT_S = 90.0
"""Slurm's commands try again by themselves for up to a minute."""
_SIGNAL_S = 15.0
"""scancel tries again for minutes to signal a job that is on its way out."""
_UNKNOWN_JOB = "Invalid job id"
_OUR_SLURM = ("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS")
_HINTS = (
    ("Unable to contact slurm controller", "`scontrol ping` says which controller is down; ask your cluster's admins"),
    ("configuration", "set SLURM_CONF to your cluster's slurm.conf"),
    ("ccount", "`sacctmgr show associations user=$USER` lists your accounts: --resource account=NAME"),
    ("artition", "`sinfo` lists the partitions: --resource partition=NAME"),
    ("node configuration is not available", "ask for less: `sinfo -o '%c %m %G'` lists what the nodes have"),
    ("time limit", "ask for less time: --resource time_limit_s=SECONDS"),
)
Run = Callable[[Sequence[str], str], "tuple[int, str, str]"]


class NoAnswer(ExecutorError):
    """One of Slurm's commands took too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmJob:
    """What Slurm says of a job now. `held` is true if it waits for a release; else Slurm waits `begins_in_s` more."""

    id: str
    state: str
    reason: str
    held: bool
    begins_in_s: float
    restarts: int
    exit_code: int
    node: str


class SlurmCommands:
    """Runs sbatch, scontrol, squeue and scancel. Every method raises ExecutorError if Slurm refuses or is not there."""

    def __init__(self, environ: Mapping[str, str] | None = None, timeout_s: float = _TIMEOUT_S) -> None:
        surroundings = os.environ if environ is None else environ
        # Inside another job, its SLURM_* would say how large ours is to be.
        self.environ = {
            name: value for name, value in surroundings.items() if not name.startswith("SLURM_") or name in _OUR_SLURM
        }
        self._asking = {**self.environ, "SLURM_TIME_FORMAT": "%s"}
        self.timeout_s = timeout_s

    def submit(self, script: str, arguments: Sequence[str]) -> str:
        """Submit a batch script; the id of the job."""
        code, out, err = self._run(["sbatch", "--parsable", *arguments], script)
        if code:
            raise refusal("sbatch", err)
        return out.strip().partition(";")[0]

    def find(self, name: str) -> str:
        """The id of the latest job of ours that has this name, "" if Slurm knows none."""
        ask = ["squeue", "--noheader", "--states=all", f"--user={os.getuid()}", f"--name={name}", "--format=%i"]
        code, out, err = self._run(ask)
        if code:
            raise refusal("squeue", err)
        return max(out.split(), key=int, default="")

    def show(self, job: str) -> SlurmJob | None:
        """How a job stands; None if Slurm knows it no longer."""
        code, out, err = self._run(["scontrol", "--oneliner", "show", "job", job])
        if code and _UNKNOWN_JOB in err:
            return None
        if code:
            raise refusal("scontrol", err)
        return parse(out, time.time())

    def change(self, *command: str, timeout_s: float = _SIGNAL_S) -> bool:
        """Run scontrol or scancel; False if the job is not in the state for it (it ended meanwhile)."""
        try:
            code, _, err = self._run(command, timeout_s=timeout_s)
        except NoAnswer:  # the job is on its way out, or Slurm is gone
            code, _, err = self._run(["scontrol", "show", "config"])
            if code:
                raise refusal("scontrol", err) from None
            return False
        if not code:
            return True
        if re.search("Invalid job id|already|Job/step|not.*pending|is not running|disabled|Requested operation", err):
            return False
        raise refusal(command[0], err)

    def program(self, name: str) -> str:
        """Where one of Slurm's commands lies."""
        found = shutil.which(name, path=self.environ.get("PATH"))
        if found is None:
            raise ExecutorError(
                f"no Slurm here: {name} is not in PATH",
                hint="run this on a login node of the cluster, or choose another place: --on local",
            )
        return found

    def _run(self, command: Sequence[str], text: str = "", timeout_s: float | None = None) -> tuple[int, str, str]:
        try:
            done = subprocess.run(
                [self.program(command[0]), *command[1:]],
                input=text,
                env=self.environ if command[0] == "sbatch" else self._asking,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=min(timeout_s or self.timeout_s, self.timeout_s),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NoAnswer(
                f"{command[0]} gave no answer within {error.timeout:g} s", hint="`scontrol ping` says who is down"
            ) from error
        return done.returncode, done.stdout, done.stderr


def parse(line: str, now_s: float) -> SlurmJob:
    """One line of `scontrol --oneliner show job`, with times in seconds since 1970."""

    def field(name: str) -> str:
        found = re.search(rf"(?:^| ){name}=(\S*)", line)
        return found.group(1) if found else ""

    begins = field("EligibleTime")
    code, _, signal = field("ExitCode").partition(":")
    return SlurmJob(
        id=field("JobId"),
        state=field("JobState"),
        reason=field("Reason"),
        held=field("Priority") == "0",
        begins_in_s=float(begins) - now_s if begins.isdigit() else 0.0,
        restarts=int(field("Restarts") or 0),
        exit_code=128 + int(signal) if signal not in {"", "0"} else int(code or 0),
        node=field("NodeList").replace("(null)", ""),
    )


def refusal(program: str, err: str) -> ExecutorError:
    """The error with its cure, as far as we know one."""
    said = " ".join(err.split()) or "no reason given"
    hint = next((cure for part, cure in _HINTS if part in said), "what Slurm says; `sinfo` shows the cluster")
    return ExecutorError(f"{program}: {said}", hint=hint)


def script_of(folder: str, python: str) -> str:
    """The batch script of a task. SIGTERM is ignored until Python listens, which then looks whether it was meant."""
    output, module = shlex.quote(f"{folder}/out.log"), "joulewise.schedule.executors.onboard"
    return (
        f"#!/bin/sh\ntrap '' TERM\nexec >>{output} 2>&1\nexec {shlex.quote(python)} -m {module} {shlex.quote(folder)}\n"
    )


_RESOURCES: Mapping[str, Callable[[Any], str]] = {
    "cpus": lambda count: f"--cpus-per-task={int(count)}",
    "gpus": lambda count: f"--gpus={count}",
    "memory_gb": lambda size_gb: f"--mem={math.ceil(float(size_gb) * 1024)}M",
    "nodes": lambda count: f"--nodes={int(count)}",
    "time_limit_s": lambda limit_s: f"--time={max(1, math.ceil(float(limit_s) / 60))}",
    "partition": lambda name: f"--partition={name}",
    "account": lambda name: f"--account={name}",
    "qos": lambda name: f"--qos={name}",
    "constraint": lambda words: f"--constraint={words}",
}


def resource_arguments(resources: Mapping[str, Any]) -> list[str]:
    """sbatch's flags for {"cpus": 4, "gpus": "a100:2", "memory_gb": 16, ...}; `options` are more flags, as they are.

    Raises ExecutorError for a word or a value that we can't hand over.
    """
    known = ", ".join([*_RESOURCES, "options"])
    arguments = []
    for word, value in resources.items():
        if word != "options" and word not in _RESOURCES:
            raise ExecutorError(f"Slurm jobs have no resource {word!r}", hint=f"one of {known}")
        try:
            arguments += _options(value) if word == "options" else [_RESOURCES[word](value)]
        except (TypeError, ValueError) as error:
            raise ExecutorError(f"{word}={value!r} is no {word}: {error}", hint="a number, as in cpus=4") from error
    return arguments


def _options(value: object) -> list[str]:
    options = shlex.split(value) if isinstance(value, str) else [str(one) for one in value]  # type: ignore[attr-defined]
    wrong = [option for option in options if not option.startswith("--")]
    if wrong:
        raise ValueError(f"{wrong[0]} is not of the form --flag=value")
    return options
