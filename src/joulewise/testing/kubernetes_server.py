"""A Kubernetes API on this machine that speaks of Jobs and Pods as the reference documents it, and runs their commands.

    with KubernetesServer() as server:
        executor = KubernetesExecutor(connect=lambda: (server.client(), "default"))

A pod is a process of this machine. `requests` keeps what was asked, `faults` are answers to give first, in order.
It keeps to the reference where clients go wrong: names are taken once (409), a merge patch must say that it is one
(415), $(NAME) and $$ are replaced, a suspended Job's pod gets SIGTERM and, after its grace, SIGKILL and is gone.
Source: Kubernetes API reference 1.33: Job v1 batch, Pod v1, Status; "Pod failure policy".
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joulewise.core.ulid import new_ulid

_PATH = re.compile(r"^(?:/apis/batch/v1|/api/v1)/namespaces/[^/]+/(jobs|pods)(?:/([^/]+))?$")
_REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "AlreadyExists"}
_REASONS |= {415: "UnsupportedMediaType", 422: "Invalid", 429: "TooManyRequests", 500: "InternalError"}
_NOW = "2026-01-01T00:00:00Z"


def status_of(code: int, message: str) -> dict[str, Any]:
    """The Status object that the API gives with an error."""
    said = {"message": message, "reason": _REASONS.get(code, ""), "code": code}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", **said}


@dataclass
class _Pod:
    name: str
    job: str
    process: subprocess.Popen[bytes]
    code: int | None = None

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        over = {
            "terminated": {"exitCode": self.code, "finishedAt": _NOW, "reason": "Error" if self.code else "Completed"}
        }
        state = over if self.code is not None else {"running": {"startedAt": _NOW}}
        phase = "Running" if self.code is None else "Failed" if self.code else "Succeeded"
        return {
            "metadata": {"name": self.name, "labels": {"job-name": self.job}},
            "status": {"phase": phase, "containerStatuses": [{"name": "work", "state": state}]},
        }


@dataclass
class KubernetesServer:
    """See the module. `environ` is what every container has."""

    environ: dict[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"]})
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: list[_Pod] = field(default_factory=list)
    requests: list[tuple[str, str, str, Any]] = field(default_factory=list)
    faults: list[tuple[int, Any]] = field(default_factory=list)

    def __enter__(self) -> KubernetesServer:
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"cluster": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        for pod in self.pods:
            if pod.process.poll() is None:
                pod.process.kill()
                pod.process.wait()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def client(self) -> Any:
        """An API client of the official package that asks us."""
        from kubernetes import client

        configuration = client.Configuration()
        configuration.host, configuration.retries = self.url, False
        return client.ApiClient(configuration)

    # --- what was asked ---

    def answer(self, method: str, path: str, query: str, kind: str, body: Any) -> tuple[int, Any]:
        """The status code and the object."""
        with self.lock:
            self.requests.append((method, path, kind, body))
            if self.faults:
                return self.faults.pop(0)
            found = _PATH.match(path)
            if not found:
                return 404, status_of(404, "the server could not find the requested resource")
            what, name = found.groups()
            if what == "pods":
                wanted = parse_qs(query).get("labelSelector", [""])[0].removeprefix("job-name=")
                return 200, {"kind": "PodList", "items": [pod.shown() for pod in self.pods if pod.job == wanted]}
            if method == "POST":
                return self._create(body)
            key = str(name)
            if key not in self.jobs:
                return 404, status_of(404, f'jobs.batch "{key}" not found')
            return (200, self.jobs[key]) if method == "GET" else self._patch(key, kind, body)

    def _create(self, job: dict[str, Any]) -> tuple[int, Any]:
        name = job["metadata"]["name"]
        if name in self.jobs:
            return 409, status_of(409, f'jobs.batch "{name}" already exists')
        strange = [
            e["name"] for e in _container(job).get("env") or () if not re.fullmatch(r"[-._a-zA-Z0-9]+", e["name"])
        ]
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name) or strange:
            return 422, status_of(422, f'Job.batch "{name}" is invalid: Invalid value: {strange or name}')
        job["metadata"] |= {"uid": new_ulid(), "creationTimestamp": _NOW}
        job["status"] = {}
        self.jobs[name] = job
        self._reconcile(name)
        return 201, job

    def _patch(self, name: str, kind: str, body: Any) -> tuple[int, Any]:
        if kind != "application/merge-patch+json":
            return 415, status_of(415, "the body of the request was in an unknown format")
        _merge(self.jobs[name], body)
        self._reconcile(name)
        return 200, self.jobs[name]

    # --- what the cluster does about it ---

    def _reconcile(self, name: str) -> None:
        job = self.jobs[name]
        if any(one["type"] in ("Complete", "Failed") for one in job["status"].get("conditions") or ()):
            return
        running = [pod for pod in self.pods if pod.job == name and pod.code is None]
        if job["spec"].get("suspend"):
            for pod in running:
                self._end(pod, job)
            job["status"] = {"conditions": [{"type": "Suspended", "status": "True", "reason": "JobSuspended"}]}
        elif not running:
            self._start(name, job)

    def _start(self, name: str, job: dict[str, Any]) -> None:
        container = _container(job)
        environ = dict(self.environ)
        for entry in container.get("env") or ():
            environ[entry["name"]] = _expand(entry["value"], environ)
        command = [_expand(word, environ) for word in container["command"]]
        process = subprocess.Popen(command, cwd=container.get("workingDir"), env=environ, stdin=subprocess.DEVNULL)
        pod = _Pod(f"{name}-{len(self.pods)}", name, process)
        self.pods.append(pod)
        job["status"] = {"active": 1, "ready": 1, "startTime": _NOW}
        threading.Thread(target=self._watch, args=(pod,), daemon=True).start()

    def _end(self, pod: _Pod, job: dict[str, Any]) -> None:
        pod.process.send_signal(signal.SIGTERM)
        grace_s = job["spec"]["template"]["spec"].get("terminationGracePeriodSeconds", 30)
        timer = threading.Timer(grace_s, pod.process.kill)
        timer.daemon = True
        timer.start()

    def _watch(self, pod: _Pod) -> None:
        code = pod.process.wait()
        with self.lock:
            pod.code = code if code >= 0 else 128 - code
            job = self.jobs[pod.job]
            if pod.code == 0:
                job["status"] = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
            elif job["spec"].get("suspend"):
                self.pods.remove(pod)
            elif pod.code in _ignored(job):
                self._start(pod.job, job)
            else:
                said = {"reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}
                job["status"] = {"failed": 1, "conditions": [{"type": "Failed", "status": "True", **said}]}


class _Handler(BaseHTTPRequestHandler):
    cluster: KubernetesServer

    def _serve(self) -> None:
        split = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        kind = (self.headers.get("Content-Type") or "").partition(";")[0]
        code, answer = self.cluster.answer(self.command, split.path, split.query, kind, body)
        data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: tests read `requests`."""


def _container(job: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = job["spec"]["template"]["spec"]["containers"][0]
    return container


def _ignored(job: dict[str, Any]) -> list[int]:
    """Exit codes that are no failure, by the pod failure policy."""
    rules = (job["spec"].get("podFailurePolicy") or {}).get("rules") or ()
    return [
        code
        for rule in rules
        if rule["action"] == "Ignore"
        for code in (rule.get("onExitCodes") or {}).get("values", ())
    ]


def _expand(text: str, environ: dict[str, str]) -> str:
    """$(NAME) is replaced if there is such a variable, $$ is a dollar."""
    found = re.sub(
        r"\$\$|\$\(([-._a-zA-Z0-9]+)\)",
        lambda hit: "$" if hit.group() == "$$" else environ.get(hit.group(1), hit.group()),
        text,
    )
    return str(found)


def _merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    """RFC 7386."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            _merge(target.setdefault(key, {}), value)
        else:
            target[key] = value
