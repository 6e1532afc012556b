"""Each candidate is made in a process of its own: whatever it does there costs this candidate and nothing else."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from joulewise.core.runtimes import Materials
from joulewise.shrink import kept
from joulewise.shrink.making import OUT_OF_TIME, Maker
from joulewise.shrink.tree import Move, Node
from joulewise.testing.played_shrink import played_model
from joulewise.testing.processes import alive, until

LONG = 60.0


@pytest.fixture
def root(played):
    return Node(artifact=played_model(played))


@pytest.fixture
def maker(played):
    return maker_in(played)


def maker_in(folder: Path, time_limit_s: float = LONG) -> Maker:
    materials = Materials(calibration=folder / "rows.npz", time_limit_s=time_limit_s)
    return Maker(folder / "candidates", materials, at_once=4)


def move(name: str, **settings) -> Move:
    return Move(transform=name, settings=settings)


def made(maker: Maker, root: Node, *moves: Move, within_s: float = LONG):
    return maker.make([(root, one) for one in moves], time.monotonic() + within_s)


def log_of(folder: Path) -> list[str]:
    log = folder / "log"
    return log.read_text().splitlines() if log.exists() else []


def test_good_and_bad_side_by_side_in_order(maker, root):
    bad = ("killed", "garbage", "nothing", "raises", "unsayable")
    found = made(maker, root, move("faster", work_s=0.0005), *(move(name) for name in bad))

    assert [one.move.transform for one in found] == ["faster", *bad]
    good, killed, garbage, nothing, raises, unsayable = found
    assert json.loads(good.node.artifact.path.read_text())["work_s"] == 0.0005
    assert good.node.parent is root
    assert good.node.artifact.steps[-1].transform == "faster"
    assert "SIGKILL" in killed.reason
    assert garbage.node is not None, "what it wrote shows when it runs"
    assert "wrote nothing" in nothing.reason
    assert raises.reason == "ValueError: tensor of the wrong shape"
    assert "TypeError" in unsayable.reason
    assert [one.node is None for one in found] == [False, True, False, True, True, True]


def test_one_that_hangs_ends_with_its_children_at_its_limit(played, root):
    [found] = made(maker_in(played, time_limit_s=3.0), root, move("hangs"))

    assert "not done within 3 s" in found.reason
    pids = [int(one) for line in log_of(played) if line.startswith("pids") for one in line.split()[1:]]
    assert len(pids) == 2
    assert until(lambda: all(not alive(pid) for pid in pids))


def test_one_that_eats_memory_is_stopped(maker, root):
    maker.limit_memory(300_000_000)
    [found] = made(maker, root, move("hogs"))

    assert "more than 300 MB" in found.reason


def test_no_time_left_makes_nothing(played, maker, root):
    [found] = made(maker, root, move("faster", work_s=0.1), within_s=-1)

    assert found.reason == OUT_OF_TIME
    assert log_of(played) == []


def test_what_was_made_is_taken_over(played, maker, root):
    [first] = made(maker, root, move("faster", work_s=0.1))
    [second] = made(maker_in(played), root, move("faster", work_s=0.1))

    assert (first.again, second.again) == (True, False)
    assert second.node.artifact == first.node.artifact
    assert len(log_of(played)) == 1


def test_a_fault_that_the_transform_told_is_kept_and_one_that_may_pass_is_not(played, maker, root):
    for _ in range(2):
        assert made(maker, root, move("raises"))[0].node is None
    assert len(log_of(played)) == 2


@pytest.mark.parametrize("harm", ["torn", "changed", "gone", "other", "stale", "parent"])
def test_what_is_torn_changed_or_stale_is_made_anew(played, maker, root, harm):
    [first] = made(maker, root, move("faster", work_s=0.1))
    path = first.node.artifact.path
    answer = path.parent.parent / kept.ANSWER
    document = json.loads(answer.read_text())
    harms = {
        "torn": lambda: answer.write_text(answer.read_text()[:40]),
        "changed": lambda: path.write_text('{"work_s": 9}'),
        "gone": path.unlink,
        "other": lambda: answer.write_text("[1, 2]"),
        "stale": lambda: answer.write_text(json.dumps(document | {"stamp": "of other libraries"})),
        "parent": lambda: root.artifact.path.write_text('{"work_s": 0.003}'),
    }
    harms[harm]()

    [second] = made(maker_in(played), root, move("faster", work_s=0.1))

    assert second.again
    assert json.loads(second.node.artifact.path.read_text())["work_s"] == 0.1
    assert len(log_of(played)) == 2


def test_the_stamp_follows_the_transforms_source(played, monkeypatch):
    before = kept.stamp_of("faster")
    assert before == kept.stamp_of("faster")
    source = played / "installed" / "played_shrink.py"
    source.write_text(source.read_text() + "\n# changed\n")

    assert kept.stamp_of("faster") != before


def test_the_stamp_follows_the_libraries(played, monkeypatch):
    before = kept.stamp_of("faster")
    kept.installed.cache_clear()
    (played / "installed" / "some_library-2.0.dist-info").mkdir()

    assert kept.stamp_of("faster") != before


def test_what_was_hurried_is_made_anew_with_more_time(tmp_path):
    (tmp_path / "model").mkdir()
    answer = {"stamp": "s", "parent": "p", "made": kept.digest(tmp_path / "model"), "duration_s": 8.0, "limit_s": 10.0}
    kept.keep(tmp_path, answer)

    assert kept.take_over(tmp_path, "s", "p", 10.0) == answer
    assert kept.take_over(tmp_path, "s", "p", 60.0) is None


def test_stopping_ends_what_is_being_made(played, root):
    """As Ctrl-C does: whatever leaves `make` does not wait for a transform that hangs."""
    maker = maker_in(played)
    found = []
    thread = threading.Thread(target=lambda: found.extend(made(maker, root, move("hangs"))))
    thread.start()
    assert until(lambda: any(line.startswith("pids") for line in log_of(played)))
    maker.stop()
    thread.join(30)

    assert not thread.is_alive()
    assert "stopped" in found[0].reason
