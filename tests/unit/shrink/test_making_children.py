"""What the process that applies a transform is told, and what it answers; its lines are counted."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink import kept
from joulewise.shrink.making import Maker
from joulewise.shrink.tree import Move, Node
from joulewise.testing.played_shrink import played_model

LONG_S = 120.0
PLUGIN = '''
import json, os, sys
from dataclasses import asdict, replace
from joulewise.core.errors import ModelError
from joulewise.core.variants import Step


class Echo:
    """Writes down what it was given."""
    name, formats, version = "echo", ("played",), "1"

    def offers(self, artifact, materials):
        return [{}]

    def apply(self, artifact, settings, materials, folder):
        path = folder / "model.played"
        told = {"settings": settings, "materials": asdict(materials), "facts": artifact.facts,
                "steps": [one.transform for one in artifact.steps], "pid": os.getpid(),
                "threads": os.environ.get("OMP_NUM_THREADS"), "path": sys.path[0]}
        path.write_text(json.dumps(told, default=str))
        return replace(artifact, path=path, steps=(*artifact.steps, Step(transform="echo")))


class Refuses(Echo):
    name = "refuses"

    def apply(self, artifact, settings, materials, folder):
        with open(os.environ["PLAYED_LOG"], "a") as log:
            log.write("refused\\n")
        raise ModelError("that can't be", hint="another")


class Elsewhere(Echo):
    """Writes outside of the folder that it was given."""
    name = "elsewhere"

    def apply(self, artifact, settings, materials, folder):
        path = folder.parent.parent / "stray.played"
        path.write_text("{}")
        return replace(artifact, path=path)


class Leaves(Echo):
    """Ends the process before it has answered."""
    name = "leaves"

    def apply(self, artifact, settings, materials, folder):
        print("out of cheese")
        sys.stdout.flush()
        os._exit(settings["code"])
'''


@pytest.fixture
def shop(played, counted_children) -> Path:
    """The folder, with these transforms installed beside the played ones."""
    place = played / "installed"
    (place / "echoing.py").write_text(PLUGIN)
    (info := place / "echoing-1.dist-info").mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: echoing\nVersion: 1\n")
    names = "\n".join(f"{one.lower()} = echoing:{one}" for one in ("Echo", "Refuses", "Elsewhere", "Leaves"))
    (info / "entry_points.txt").write_text(f"[joulewise.transforms]\n{names}\n")
    kept.installed.cache_clear()
    return played


def made(shop: Path, name: str, *, materials: Materials | None = None, **settings):
    maker = Maker(shop / "candidates", materials or Materials(calibration=shop / "rows.npz"), at_once=1)
    root = Node(artifact=played_model(shop))
    [found] = maker.make([(root, Move(transform=name, settings=settings))], time.monotonic() + LONG_S)
    return found


def test_the_process_is_told_what_the_search_was_told(shop):
    materials = Materials(
        calibration=shop / "rows.npz", training=shop / "train.npz", seed=7, threads=1, time_limit_s=50.0
    )
    found = made(shop, "echo", materials=materials, share=0.5, kind="u8")
    told = json.loads(found.node.artifact.path.read_text())

    assert told["settings"] == {"share": 0.5, "kind": "u8"}
    assert told["facts"] == played_model(shop).facts
    assert told["materials"]["calibration"] == str(shop / "rows.npz")
    assert told["materials"]["training"] == str(shop / "train.npz")
    assert (told["materials"]["seed"], told["materials"]["threads"]) == (7, 1)
    assert 0 < told["materials"]["time_limit_s"] <= 50.0
    assert told["threads"] == "1", "libraries that look at the environment keep to the threads, too"


def test_no_training_rows_are_none_and_not_a_file_without_a_name(shop):
    told = json.loads(made(shop, "echo").node.artifact.path.read_text())

    assert told["materials"]["training"] is None


def test_what_comes_back_is_what_the_transform_made(shop):
    artifact = made(shop, "echo", share=0.5).node.artifact

    assert isinstance(artifact, Artifact)
    assert [one.transform for one in artifact.steps] == ["echo"]
    assert artifact.facts == played_model(shop).facts


def test_a_refusal_is_told_as_it_was_said_and_not_asked_for_again(shop):
    """With the same libraries and rows the answer would be the same."""
    found = [made(shop, "refuses") for _ in range(2)]

    assert [one.reason for one in found] == ["that can't be"] * 2
    assert (shop / "log").read_text().splitlines() == ["refused"]


def test_what_lies_outside_of_its_folder_is_no_candidate(shop):
    found = made(shop, "elsewhere")

    assert found.node is None
    assert "wrote nothing at stray.played" in found.reason


@pytest.mark.parametrize(("code", "told"), [(3, "exit code 3: out of cheese"), (0, "left no answer")])
def test_a_process_that_ends_without_an_answer_is_a_failure_with_its_last_words(shop, code, told):
    found = made(shop, "leaves", code=code)

    assert found.node is None
    assert told in found.reason
    assert not list((shop / "candidates").glob(f"*/{kept.ANSWER}")), "what may pass is tried again"


def test_an_unknown_transform_is_a_failure_and_not_the_end(shop):
    found = made(shop, "no-such-thing")

    assert found.node is None
    assert "no-such-thing" in found.reason
