"""The Job that a task becomes on Kubernetes, as the table that its API takes."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from joulewise.core.errors import ExecutorError
from joulewise.core.plans import Task
from joulewise.schedule.executors import STOPPED_AT_CHECKPOINT
from joulewise.schedule.executors.task_folder import check_words

STARTED, CANCELLED = "joulewise/started", "joulewise/cancelled"
"""Annotations that tell a Job that never ran from a paused one, and one that shall never run."""
NAME = "work"
"""Our container, unless the manifest names its first one."""
_WORDS = ("image", "cpus", "gpus", "memory_gb", "namespace", "manifest", "time_limit_s", "tries", "state")


def name_of(task_id: str) -> str:
    """The name of the task's Job: lower case, as the cluster wants names."""
    return f"joulewise-{task_id.lower()}"


def job_of(task: Task, save_s: float) -> dict[str, Any]:
    """The suspended Job of a task; `save_s` are real seconds from SIGTERM to SIGKILL.

    Words of `task.resources`: image (needed, unless the manifest has one), cpus, gpus, memory_gb, namespace, manifest
    (a Job as a table, or its YAML or JSON file), time_limit_s of one run, tries after a failure (0), state (where in
    the container checkpoints are kept).
    Raises ExecutorError for what can't be handed over.
    """
    _check(task)
    words = task.resources
    job = _manifest(words.get("manifest"))
    _metadata(job, task, str(words.get("namespace") or ""))
    spec = job.setdefault("spec", {})
    spec |= {"suspend": True, "parallelism": 1, "completions": 1, "backoffLimit": int(words.get("tries") or 0)}
    if words.get("time_limit_s"):
        spec["activeDeadlineSeconds"] = math.ceil(float(words["time_limit_s"]))
    pod = spec.setdefault("template", {}).setdefault("spec", {})
    pod |= {"restartPolicy": "Never", "terminationGracePeriodSeconds": max(1, math.ceil(save_s))}
    spec.setdefault("template", {}).setdefault("metadata", {}).setdefault("labels", {}).update(_labels(task))
    container = _container(pod)
    spec["podFailurePolicy"] = _policy(container["name"])
    _fill(container, task)
    return job


def _check(task: Task) -> None:
    if task.stop != "checkpoint":
        raise ExecutorError(f"Kubernetes can't {task.stop} a job", hint="let it save and stop: --pause checkpoint")
    check_words(task)
    strange = [word for word in task.resources if word not in _WORDS]
    if strange:
        raise ExecutorError(f"Kubernetes jobs have no resource {strange[0]!r}", hint=f"one of {', '.join(_WORDS)}")
    for word in ("cpus", "gpus", "memory_gb", "time_limit_s", "tries"):
        try:
            float(task.resources.get(word) or 0)
        except (TypeError, ValueError) as error:
            raise ExecutorError(f"{word}={task.resources[word]!r} is no number", hint=f"{word}=4") from error


def _manifest(source: object) -> dict[str, Any]:
    if isinstance(source, str) and source:
        import yaml  # type: ignore[import-untyped]

        try:
            source = yaml.safe_load(Path(source).read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise ExecutorError(f"can't read the manifest: {error}", hint="a YAML or JSON file with one Job") from error
    job: dict[str, Any] = copy.deepcopy(dict(source)) if isinstance(source, Mapping) else {}
    if source and job.get("kind") != "Job":
        raise ExecutorError("the manifest holds no Job", hint="kind: Job with apiVersion: batch/v1, and nothing beside")
    return {**job, "apiVersion": "batch/v1", "kind": "Job"}


def _metadata(job: dict[str, Any], task: Task, namespace: str) -> None:
    metadata = job.setdefault("metadata", {})
    metadata["name"] = name_of(task.id)
    metadata.setdefault("labels", {}).update(_labels(task))
    metadata.setdefault("annotations", {})["joulewise/name"] = task.name
    if namespace:
        metadata["namespace"] = namespace


def _labels(task: Task) -> dict[str, str]:
    return {"app.kubernetes.io/managed-by": "joulewise", "joulewise/task": task.id}


def _container(pod: dict[str, Any]) -> dict[str, Any]:
    containers = pod.setdefault("containers", [{}])
    container: dict[str, Any] = containers[0]
    container.setdefault("name", NAME)
    return container


def _policy(container: str) -> dict[str, Any]:
    """A pod that saved and left, or whose node was taken away, is replaced and is no failure."""
    saved = {"containerName": container, "operator": "In", "values": [STOPPED_AT_CHECKPOINT]}
    return {
        "rules": [
            {"action": "Ignore", "onExitCodes": saved},
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        ]
    }


def _fill(container: dict[str, Any], task: Task) -> None:
    words = task.resources
    container["image"] = str(words.get("image") or container.get("image") or "")
    if not container["image"]:
        raise ExecutorError("a job on Kubernetes needs an image", hint="--resource image=REGISTRY/NAME:TAG")
    container["command"] = [_literal(word) for word in _in_image(task.command)]
    container.pop("args", None)
    container.setdefault("workingDir", task.folder)
    state = str(words.get("state") or f"{container['workingDir']}/.joulewise/tasks/{task.id}/state")
    environment = {**task.environment, "JOULEWISE_TASK_ID": task.id, "JOULEWISE_TASK_STATE": state}
    kept = [entry for entry in container.get("env") or () if entry["name"] not in environment]
    container["env"] = [*kept, *({"name": name, "value": _literal(text)} for name, text in environment.items())]
    _limit(container.setdefault("resources", {}), words)


def _limit(resources: dict[str, Any], words: Mapping[str, Any]) -> None:
    requests, limits = dict(resources.get("requests") or {}), dict(resources.get("limits") or {})
    if words.get("cpus"):
        requests["cpu"] = str(words["cpus"])
    if words.get("memory_gb"):
        requests["memory"] = limits["memory"] = f"{math.ceil(float(words['memory_gb']) * 1024)}Mi"
    if words.get("gpus"):
        limits["nvidia.com/gpu"] = str(words["gpus"])
    resources |= {name: table for name, table in (("requests", requests), ("limits", limits)) if table}


def _in_image(command: Sequence[str]) -> Sequence[str]:
    """Our own Python is not that of the image, in which joulewise is in PATH."""
    return ("joulewise", *command[3:]) if tuple(command[1:3]) == ("-m", "joulewise") else command


def _literal(text: str) -> str:
    """The cluster takes $(NAME) for a variable, and $$ for a dollar."""
    return text.replace("$", "$$")
