"""Runs tasks as Jobs of a Kubernetes cluster; `spec.suspend` holds, pauses and resumes them.

Submit: a suspended Job whose name is that of the task; the cluster refuses the name a second time, so that a submitter
that died, or a second one, can't start it twice. Start and resume: suspend = false. Stop: suspend = true, on which the
cluster sends SIGTERM to the pod and, `save_s` later, SIGKILL. Cancel: suspended for good, under an annotation, so that
status still has an answer; `kubectl delete job -l app.kubernetes.io/managed-by=joulewise` removes all of ours.

Needs:  an image with joulewise in it, and a volume for what the task saves: the resource `manifest` is a Job (a file
        or a table) into which ours is laid. The cluster is that of KUBECONFIG, or the one in which we run.
Traps:  the cluster replaces $(NAME) in commands and environments, so that every $ is doubled; a pod's exit code is
        gone with the pod; a patch with the client's first choice of content type is refused; startTime is taken away
        when a Job is suspended, so that "was it ever started" needs an annotation of our own.
Source: Kubernetes API reference, Job v1 batch; "Suspending a Job"; "Pod failure policy".
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError

from joulewise.core.errors import ExecutorError
from joulewise.core.plans import Task, TaskStatus
from joulewise.schedule.clock import Clock
from joulewise.schedule.executors.kubernetes_job import CANCELLED, STARTED, job_of

_MERGE = "application/merge-patch+json"
_CURES = {
    401: "log in again: `kubectl get jobs` must work first",
    403: "ask for the right: `kubectl auth can-i create jobs` and `patch jobs`, `get jobs`, `list pods`",
    404: "was it deleted? `kubectl get jobs -l app.kubernetes.io/managed-by=joulewise`",
    422: "look at the resources, the manifest and the names of environment variables",
    429: "the cluster is busy: try again",
}
_DOWN = "is the cluster up? `kubectl cluster-info`; KUBECONFIG names the file that says where it is"
_TIMEOUT_S = 20.0


class KubernetesExecutor:
    """See the module. A handle is NAMESPACE/NAME of the Job; nothing is kept on this machine.

    `connect` gives an API client and the namespace, for tests.
    """

    name = "k8s"

    def __init__(
        self,
        folder: str = "",
        clock: Clock | None = None,
        connect: Callable[[], tuple[client.ApiClient, str]] | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self._connect = connect or connected
        self._connected: tuple[client.ApiClient, str] | None = None

    # --- the Protocol ---

    def check(self, task: Task) -> None:
        """Raise ExecutorError for a task that this place will never take."""
        job_of(task, task.save_s)

    def submit(self, task: Task) -> str:
        """Create the Job, suspended; if it is there already, that is it."""
        job = job_of(task, save_s=self.clock.real_s(task.save_s))
        name = job["metadata"]["name"]
        namespace = job["metadata"].pop("namespace", "") or self._connection()[1]
        try:
            self._jobs("create_namespaced_job", namespace, job)
        except ExecutorError as error:
            if not _is(error, 409):
                raise
        return f"{namespace}/{name}"

    def start(self, handle: str) -> None:
        """Run it now."""
        job = self._job(handle)
        if job["spec"].get("suspend") and not _annotated(job, CANCELLED):
            self._patch(handle, suspend=False, note=STARTED)

    def stop(self, handle: str) -> None:
        """SIGTERM to its pod; the Job keeps its name and place."""
        self._patch(handle, suspend=True)

    def resume(self, handle: str) -> None:
        """Run it again from what it saved."""
        self.start(handle)

    def status(self, handle: str) -> TaskStatus:
        """How it stands; "lost" if the cluster knows no such Job."""
        try:
            job = self._job(handle)
        except ExecutorError as error:
            if _is(error, 404):
                return TaskStatus(state="lost", detail=f"the cluster knows no Job {handle}")
            raise
        return self._status(handle, job)

    def cancel(self, handle: str) -> None:
        """Suspend it for good; one that has ended stays as it is."""
        if self.status(handle).state not in ("finished", "failed", "cancelled", "lost"):
            self._patch(handle, suspend=True, note=CANCELLED)

    # --- what the cluster says ---

    def _status(self, handle: str, job: Mapping[str, Any]) -> TaskStatus:
        status = job.get("status") or {}
        conditions = {one["type"]: one for one in status.get("conditions") or () if one.get("status") == "True"}
        if "Complete" in conditions:
            return TaskStatus(state="finished", exit_code=0)
        if "Failed" in conditions:
            said = conditions["Failed"]
            detail = f"{said.get('reason', '')}: {said.get('message', '')}".strip(": ")
            state = "cancelled" if _annotated(job, CANCELLED) else "failed"
            return TaskStatus(state=state, exit_code=self._exit_code(handle), detail=detail)
        if job["spec"].get("suspend"):
            return self._suspended(handle, job)
        if not status.get("ready"):
            return TaskStatus(state="waiting", detail=f"pods: {status.get('active') or 0} made, none ready")
        return TaskStatus(state="running")

    def _suspended(self, handle: str, job: Mapping[str, Any]) -> TaskStatus:
        cancelled, started = _annotated(job, CANCELLED), _annotated(job, STARTED)
        if started and self._left(handle):
            return TaskStatus(state="stopping")
        return TaskStatus(state="cancelled" if cancelled else "paused" if started else "waiting")

    def _left(self, handle: str) -> bool:
        """Whether a pod of the Job still runs."""
        return any((pod.get("status") or {}).get("phase") in ("Pending", "Running") for pod in self._pods(handle))

    def _exit_code(self, handle: str) -> int | None:
        """The exit code of the pod that ended last, if there is one left to tell."""
        ended = []
        for pod in self._pods(handle):
            for container in (pod.get("status") or {}).get("containerStatuses") or ():
                over = (container.get("state") or {}).get("terminated")
                if over:
                    ended.append((str(over.get("finishedAt") or ""), int(over["exitCode"])))
        return max(ended)[1] if ended else None

    def _pods(self, handle: str) -> list[dict[str, Any]]:
        namespace, _, name = handle.partition("/")
        answer = self._ask(client.CoreV1Api, "list_namespaced_pod", namespace, label_selector=f"job-name={name}")
        pods: list[dict[str, Any]] = answer.get("items") or []
        return pods

    # --- asking ---

    def _job(self, handle: str) -> dict[str, Any]:
        namespace, _, name = handle.partition("/")
        return self._jobs("read_namespaced_job", name, namespace)

    def _patch(self, handle: str, *, suspend: bool, note: str = "") -> None:
        namespace, _, name = handle.partition("/")
        body: dict[str, Any] = {"spec": {"suspend": suspend}}
        if note:
            body["metadata"] = {"annotations": {note: "true"}}
        self._jobs("patch_namespaced_job", name, namespace, body, _content_type=_MERGE)

    def _jobs(self, call: str, *arguments: Any, **options: Any) -> dict[str, Any]:
        return self._ask(client.BatchV1Api, call, *arguments, **options)

    def _ask(
        self, api: Callable[[client.ApiClient], Any], call: str, *arguments: Any, **options: Any
    ) -> dict[str, Any]:
        connection, _ = self._connection()
        try:
            question = getattr(api(connection), call)
            answer = question(*arguments, **options, _preload_content=False, _request_timeout=_TIMEOUT_S)
            found: dict[str, Any] = json.loads(answer.data)
        except ApiException as error:
            raise refusal(error) from error
        except (HTTPError, OSError, ValueError) as error:
            raise ExecutorError(f"Kubernetes gives no usable answer: {error}", hint=_DOWN) from error
        return found

    def _connection(self) -> tuple[client.ApiClient, str]:
        """The API and the namespace in force; connects on first use."""
        if self._connected is None:
            self._connected = self._connect()
        return self._connected


def connected(environ: Mapping[str, str] = os.environ) -> tuple[client.ApiClient, str]:
    """A client of the cluster of KUBECONFIG, else of the cluster in which we run, and the namespace in force."""
    try:
        if "KUBERNETES_SERVICE_HOST" in environ and "KUBECONFIG" not in environ:
            config.load_incluster_config()  # type: ignore[no-untyped-call]
            with open("/var/run/secrets/kubernetes.io/serviceaccount/namespace", encoding="utf-8") as file:
                return client.ApiClient(), file.read().strip()
        api = config.new_client_from_config(environ.get("KUBECONFIG"))  # type: ignore[no-untyped-call]
        _, active = config.list_kube_config_contexts(environ.get("KUBECONFIG"))  # type: ignore[no-untyped-call]
    except (ConfigException, OSError) as error:
        raise ExecutorError(f"no Kubernetes cluster is configured: {error}", hint=_DOWN) from error
    api.configuration.retries = False  # the caller asks again; a deadline must not hang on a dead cluster
    return api, active["context"].get("namespace") or "default"


def refusal(error: ApiException) -> ExecutorError:
    """Our error for an answer of the API that is no success; the API's own words are in `message`."""
    try:
        said = json.loads(error.body or "{}").get("message") or error.reason
    except (ValueError, AttributeError):
        said = error.reason
    return ExecutorError(f"Kubernetes answers {error.status}: {said}", hint=_CURES.get(error.status, _DOWN))


def _is(error: ExecutorError, status: int) -> bool:
    return isinstance(error.__cause__, ApiException) and error.__cause__.status == status


def _annotated(job: Mapping[str, Any], note: str) -> bool:
    return note in ((job.get("metadata") or {}).get("annotations") or {})
