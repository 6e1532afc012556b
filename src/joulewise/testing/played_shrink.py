"""A played kind of model whose cost and faults are said in its file, with transforms that behave and misbehave.

They are installed as any plug-in is, so that real processes load them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from joulewise.compare import Rows
from joulewise.core.runtimes import Artifact

PLUGIN = '''
import json, os, sys, time
import numpy as np
from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Tensor
from joulewise.core.variants import Step
from dataclasses import replace


class Played:
    """Says 1 where a row's sum is above zero. `work_s` CPU time a call, `lies` a share of wrong answers."""
    name, formats, version = "played", ("played",), "1"

    def settings(self, artifact):
        json.loads(artifact.path.read_text())
        return [{}]

    def open(self, artifact, options):
        said = json.loads(artifact.path.read_text())
        if said.get("act") == "no-load":
            raise ModelError("it does not load")
        return Answering(said, options)


class Answering:
    inputs = (Tensor(name="x", dtype="float64", shape=("n", 3)),)
    outputs = (Tensor(name="labels", dtype="int64", shape=("n",)),)

    def __init__(self, said, options):
        self.said, self.calls, self.held = said, 0, []

    def predict(self, feeds):
        self.calls += 1
        act = self.said.get("act")
        if self.calls > 1 and act == "kill":
            os.kill(os.getpid(), 9)
        if self.calls > 1 and act == "sleep":
            time.sleep(600)
        if act == "hog":
            self.held.append(np.ones(30_000_000))
        end = time.process_time() + self.said["work_s"]
        while time.process_time() < end:
            pass
        x = feeds["x"]
        right = (x.sum(axis=1) > 0).astype("int64")
        wrong = np.abs(x[:, 0] * 1e6) % 1000 < 1000 * self.said.get("lies", 0.0)
        return {"labels": np.where(wrong, 1 - right, right)}

    def close(self):
        pass


class Changes:
    formats, version = ("played",), "1"
    choices = ({},)

    def offers(self, artifact, materials):
        return self.choices

    def apply(self, artifact, settings, materials, folder):
        said = json.loads(artifact.path.read_text())
        log = os.environ.get("PLAYED_LOG")
        if log:
            with open(log, "a") as file:
                file.write(f"{self.name} {json.dumps(settings)}\\n")
        path = folder / "model.played"
        self.write(path, said, settings)
        step = Step(transform=self.name, version="1", options=settings)
        return replace(artifact, path=path, steps=(*artifact.steps, step))

    def write(self, path, said, settings):
        path.write_text(json.dumps(said | self.told(settings)))


class Faster(Changes):
    name = "faster"
    choices = ({"work_s": 0.0005}, {"work_s": 0.0001})
    def told(self, settings):
        return settings


class Liar(Changes):
    name = "liar"
    def told(self, settings):
        return {"work_s": 0.00001, "lies": 0.3}


class Slower(Changes):
    name = "slower"
    def told(self, settings):
        return {"work_s": 0.01}


class Killed(Changes):
    name = "killed"
    def told(self, settings):
        os.kill(os.getpid(), 9)


class Hangs(Changes):
    name = "hangs"
    def told(self, settings):
        from subprocess import Popen
        child = Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        log = os.environ.get("PLAYED_LOG")
        if log:
            with open(log, "a") as file:
                file.write(f"pids {os.getpid()} {child.pid}\\n")
        time.sleep(600)


class Hogs(Changes):
    name = "hogs"
    def told(self, settings):
        held = []
        for _ in range(100):
            held.append(np.ones(5_000_000))
            time.sleep(0.05)
        time.sleep(600)


class Garbage(Changes):
    name = "garbage"
    def write(self, path, said, settings):
        path.write_bytes(b"\\x00\\xff not a model")


class Nothing(Changes):
    name = "nothing"
    def write(self, path, said, settings):
        pass


class Raises(Changes):
    name = "raises"
    def told(self, settings):
        raise ValueError("tensor of the wrong shape")


class Unsayable(Changes):
    name = "unsayable"
    def apply(self, artifact, settings, materials, folder):
        (folder / "model.played").write_text(artifact.path.read_text())
        return replace(artifact, path=folder / "model.played", facts={"odd": object()})


class Breaks(Changes):
    """Makes models that break when they run."""
    name = "breaks"
    choices = ({"act": "kill"}, {"act": "no-load"})
    def told(self, settings):
        return {"work_s": 0.00001, **settings}


class Sleeps(Changes):
    name = "sleeps"
    def told(self, settings):
        return {"work_s": 0.00001, "act": "sleep"}


class Chokes(Changes):
    name = "chokes"
    def offers(self, artifact, materials):
        raise RuntimeError("can't read that")
'''
TRANSFORMS = (
    "Faster", "Liar", "Slower", "Killed", "Hangs", "Hogs", "Garbage", "Nothing", "Raises", "Unsayable", "Breaks",
    "Sleeps", "Chokes",
)  # fmt: skip


def install(folder: Path) -> Path:
    """Write the plug-in's distribution into a folder that is to come onto the import path."""
    info = folder / "played_shrink-1.dist-info"
    info.mkdir(parents=True)
    (folder / "played_shrink.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: played-shrink\nVersion: 1\n")
    names = "\n".join(f"{one.lower()} = played_shrink:{one}" for one in TRANSFORMS)
    (info / "entry_points.txt").write_text(
        f"[joulewise.runtimes]\nplayed = played_shrink:Played\n[joulewise.transforms]\n{names}\n"
    )
    return folder


def played_model(folder: Path, work_s: float = 0.002, **said: Any) -> Artifact:
    """A model that takes `work_s` CPU seconds a call."""
    path = folder / "user.played"
    path.write_text(json.dumps({"work_s": work_s, **said}))
    facts = {
        "task": "classification",
        "classes": [0, 1],
        "roles": {"labels": "labels"},
        "inputs": [{"name": "x", "dtype": "float64", "shape": ["n", 3]}],
        "outputs": [{"name": "labels", "dtype": "int64", "shape": ["n"]}],
    }
    return Artifact(path=path, format="played", facts=facts)


def played_rows(count: int = 200, seed: int = 0) -> Rows:
    """Rows that the played model answers rightly."""
    x = np.random.default_rng(seed).normal(size=(count, 3))
    return Rows(features={"x": x}, target=(x.sum(axis=1) > 0).astype(np.int64), target_name="y", name="played")


class NoMeter:
    """A session that reads no meter, and counts how often its result was asked for."""

    run_id = ""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.asked = 0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self.phases.append(name)
        yield

    @property
    def result(self) -> Any:
        self.asked += 1
        return SimpleNamespace(bundle=SimpleNamespace(phases=(), measurements=()))
