"""Kubernetes, by its official client, against an API on this machine that speaks as the reference documents it."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from joulewise.core.errors import ExecutorError
from joulewise.core.plans import Task
from joulewise.schedule.clock import Clock
from joulewise.schedule.executors.kubernetes import KubernetesExecutor, connected
from joulewise.testing.executors import ExecutorContract, FakePlace, scripts, starts_in
from joulewise.testing.kubernetes_server import KubernetesServer, status_of

IMAGE = {"image": "registry.example/train:1"}


@pytest.fixture
def server() -> Iterator[KubernetesServer]:
    with KubernetesServer() as running:
        yield running


@pytest.fixture
def executor(server: KubernetesServer) -> KubernetesExecutor:
    return KubernetesExecutor(connect=lambda: (server.client(), "ours"))


@pytest.fixture
def place(server: KubernetesServer, executor: KubernetesExecutor, tmp_path: Path) -> FakePlace:
    return FakePlace(
        executor=executor,
        reopen=lambda: KubernetesExecutor(connect=lambda: (server.client(), "ours")),
        commands=scripts(tmp_path),
        starts=starts_in(tmp_path),
        folder=str(tmp_path),
        resources=IMAGE,
    )


class TestKubernetes(ExecutorContract):
    """The contract of all executors."""


def with_resources(place: FakePlace, **words: object) -> Task:
    return replace(place.task("quick"), resources={**IMAGE, **words})


def test_the_job_says_what_the_task_says(place, server):
    words = {"cpus": 4, "gpus": 1, "memory_gb": 1.5, "time_limit_s": 90.2, "tries": 2}
    task = replace(with_resources(place, **words), save_s=12.3, environment={"SEED": "1"})

    handle = place.executor.submit(task)

    method, path, _, job = server.requests[-1]
    spec = job["spec"]
    container = spec["template"]["spec"]["containers"][0]
    assert (method, path) == ("POST", "/apis/batch/v1/namespaces/ours/jobs")
    assert handle == f"ours/joulewise-{task.id.lower()}"
    assert (spec["suspend"], spec["parallelism"], spec["completions"], spec["backoffLimit"]) == (True, 1, 1, 2)
    assert spec["activeDeadlineSeconds"] == 91
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 13
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"] == [75]
    assert container["image"] == IMAGE["image"]
    assert container["resources"] == {
        "requests": {"cpu": "4", "memory": "1536Mi"},
        "limits": {"memory": "1536Mi", "nvidia.com/gpu": "1"},
    }
    assert {"name": "JOULEWISE_TASK_ID", "value": task.id} in container["env"]
    assert {"name": "SEED", "value": "1"} in container["env"]
    for labels in (job["metadata"]["labels"], spec["template"]["metadata"]["labels"]):
        assert labels == {"app.kubernetes.io/managed-by": "joulewise", "joulewise/task": task.id}


def test_a_manifest_is_the_ground_that_ours_is_laid_on(place, server, tmp_path):
    manifest = tmp_path / "job.yaml"
    manifest.write_text(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {labels: {team: vision}}\nspec:\n  ttlSecondsAfterFinished: 60\n"
        "  template:\n    spec:\n      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n"
        "      containers:\n      - name: trainer\n        image: mine:2\n        workingDir: /data\n"
        "        args: [gone]\n        env: [{name: KEPT, value: yes-it-is}, {name: SEED, value: old}]\n"
        "        volumeMounts: [{name: data, mountPath: /data}]\n"
    )
    task = replace(place.task("quick"), resources={"manifest": str(manifest)}, environment={"SEED": "new"})

    place.executor.submit(replace(task, resources={**task.resources, "namespace": "theirs"}))

    _, path, _, job = server.requests[-1]
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert path.endswith("/namespaces/theirs/jobs")
    assert job["metadata"]["labels"]["team"] == "vision"
    assert job["spec"]["ttlSecondsAfterFinished"] == 60
    assert (container["name"], container["image"], container["workingDir"]) == ("trainer", "mine:2", "/data")
    assert "args" not in container
    assert [one["value"] for one in container["env"] if one["name"] in ("KEPT", "SEED")] == ["yes-it-is", "new"]
    assert job["spec"]["podFailurePolicy"]["rules"][0]["onExitCodes"]["containerName"] == "trainer"


def test_hostile_words_arrive_as_they_are(place, tmp_path):
    words = ["", "$(HOME)", "$$(HOME)", "$HOME", "`id`", "a'b\"c\\n\nd", "日本"]
    source = "import os, sys, pathlib; pathlib.Path('seen').write_text(repr((sys.argv[1:], os.environ['X'])))"
    task = replace(
        place.task("quick"),
        command=(sys.executable, "-c", source, *words),
        environment={"X": "$(PATH) $$ $"},
        name="\n'",
    )

    handle = place.executor.submit(task)
    place.executor.start(handle)

    assert place.settled(handle, "finished", "failed").state == "finished"
    assert (tmp_path / "seen").read_text() == repr((words, "$(PATH) $$ $"))


def test_our_own_python_is_not_that_of_the_image(place, server):
    place.executor.submit(replace(place.task("quick"), command=(sys.executable, "-m", "joulewise", "run", "--", "x")))

    container = server.requests[-1][3]["spec"]["template"]["spec"]["containers"][0]
    assert container["command"] == ["joulewise", "run", "--", "x"]


def test_a_submitter_that_dies_before_it_has_noted_the_job_finds_it_again(place, server):
    task = place.task("quick")
    dying = os.fork()
    if dying == 0:
        place.reopen().submit(task)
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(dying, 0)[1]) == signal.SIGKILL

    handle = place.executor.submit(task)
    place.executor.start(handle)
    place.settled(handle, "finished")

    assert len(server.jobs) == 1
    assert place.starts(task.id) == 1


def test_suspending_and_going_on_are_merge_patches(place, server):
    handle = place.executor.submit(place.task("forever"))
    place.executor.start(handle)
    place.executor.stop(handle)

    patches = [(kind, body) for method, _, kind, body in server.requests if method == "PATCH"]
    assert patches == [
        (
            "application/merge-patch+json",
            {"spec": {"suspend": False}, "metadata": {"annotations": {"joulewise/started": "true"}}},
        ),
        ("application/merge-patch+json", {"spec": {"suspend": True}}),
    ]


def test_the_grace_before_the_kill_is_the_time_to_save(place, server):
    fast = KubernetesExecutor(clock=Clock(60), connect=lambda: (server.client(), "ours"))

    fast.submit(place.task("quick", save_s=300))

    assert server.requests[-1][3]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 5


def test_a_pod_that_saves_because_its_node_goes_away_is_replaced(place, server):
    task = place.task("checkpoints")
    handle = place.executor.submit(task)
    place.executor.start(handle)
    place.started(task.id)

    server.pods[-1].process.send_signal(signal.SIGTERM)

    assert place.settled(handle, "finished", "failed").state == "finished"
    assert place.starts(task.id) == 2


def test_pods_that_wait_for_a_node_are_told_from_running_ones(place, server):
    handle = place.executor.submit(place.task("forever"))
    server.jobs[handle.partition("/")[2]].update(spec={"suspend": False}, status={"active": 1, "ready": 0})

    status = place.executor.status(handle)

    assert (status.state, status.detail) == ("waiting", "pods: 1 made, none ready")


def test_a_deadline_that_passed_is_told(place, server):
    handle = place.executor.submit(place.task("forever"))
    said = {"reason": "DeadlineExceeded", "message": "Job was active longer than specified deadline"}
    failed = {"type": "Failed", "status": "True", **said}
    server.jobs[handle.partition("/")[2]]["status"] = {"failed": 1, "conditions": [failed]}

    status = place.executor.status(handle)

    assert (status.state, status.exit_code) == ("failed", None)
    assert status.detail == "DeadlineExceeded: Job was active longer than specified deadline"


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        (401, "log in again"),
        (403, "kubectl auth can-i"),
        (422, "names of environment"),
        (429, "try again"),
        (500, "up?"),
    ],
)
def test_what_the_api_refuses_comes_with_a_cure(place, server, code, cure):
    server.faults.append((code, status_of(code, 'jobs.batch is forbidden: User "me" cannot create resource "jobs"')))

    with pytest.raises(ExecutorError, match=f"answers {code}: jobs.batch is forbidden") as refused:
        place.executor.submit(place.task("quick"))

    assert cure in refused.value.hint


@pytest.mark.parametrize("body", ["<html>bad gateway</html>", "[1]", ""])
def test_an_error_that_is_no_status_object_is_told_too(place, server, body):
    server.faults.append((502, body))

    with pytest.raises(ExecutorError, match="answers 502: Bad Gateway"):
        place.executor.submit(place.task("quick"))


def test_an_answer_that_is_no_json_is_no_answer(place, server):
    server.faults.append((200, "<html>log in, please</html>"))

    with pytest.raises(ExecutorError, match="no usable answer"):
        place.executor.status("ours/x")


def test_a_cluster_that_is_not_there_says_so(place, server):
    client = server.client()
    client.configuration.host = "http://127.0.0.1:9"
    gone = KubernetesExecutor(connect=lambda: (client, "ours"))

    with pytest.raises(ExecutorError, match="no usable answer") as refused:
        gone.submit(place.task("quick"))

    assert "kubectl cluster-info" in refused.value.hint


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"image": ""}, "needs an image"),
        ({"partition": "gpu"}, "no resource 'partition'"),
        ({"cpus": "many"}, "cpus='many' is no number"),
        ({"manifest": "/nowhere.yaml"}, "can't read the manifest"),
        ({"manifest": {"kind": "Pod"}}, "holds no Job"),
    ],
)
def test_resources_that_make_no_job_are_refused_before_anything_is_sent(place, server, words, said):
    with pytest.raises(ExecutorError, match=said) as refused:
        place.executor.submit(with_resources(place, **words))

    assert refused.value.hint
    with pytest.raises(ExecutorError, match=said):
        place.executor.check(with_resources(place, **words))
    assert server.requests == []


def test_a_manifest_that_is_no_yaml_is_refused(place, tmp_path):
    (tmp_path / "job.yaml").write_text("a: [")

    with pytest.raises(ExecutorError, match="can't read the manifest"):
        place.executor.submit(with_resources(place, manifest=str(tmp_path / "job.yaml")))


def test_jobs_are_not_frozen(place):
    with pytest.raises(ExecutorError, match="can't freeze a job"):
        place.executor.submit(place.task("quick", stop="freeze"))


def test_the_cluster_is_that_of_kubeconfig(server, tmp_path):
    kubeconfig = tmp_path / "config"
    context = {"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "team"}}
    cluster = {"name": "k", "cluster": {"server": server.url}}
    users = [{"name": "u", "user": {"token": "secret"}}]
    kubeconfig.write_text(
        json.dumps({"current-context": "c", "contexts": [context], "clusters": [cluster], "users": users})
    )

    api, namespace = connected({"KUBECONFIG": str(kubeconfig)})

    assert (api.configuration.host, namespace) == (server.url, "team")


@pytest.mark.parametrize("environ", [{"KUBECONFIG": "/nowhere"}, {"KUBERNETES_SERVICE_HOST": "192.0.2.1"}])
def test_without_a_cluster_the_cure_names_kubeconfig(environ):
    with pytest.raises(ExecutorError, match="no Kubernetes cluster is configured") as refused:
        connected(environ)

    assert "KUBECONFIG" in refused.value.hint
