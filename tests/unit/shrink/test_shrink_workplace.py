"""The folder of a search: whose it is, who worked in it, and how it goes."""

from __future__ import annotations

import fcntl
import os
import shutil

import pytest

from joulewise.core.errors import UsageError
from joulewise.shrink.attempts import earlier_attempts, settle
from joulewise.shrink.dealing import deal
from joulewise.shrink.workplace import clear, workplace
from joulewise.testing.played_shrink import played_model, played_rows


@pytest.fixture
def place(tmp_path):
    model, rows = played_model(tmp_path), played_rows(360)
    dealt = deal(rows, 0, calibration=None, wanted=100)
    return lambda artifact=model: workplace(tmp_path / "work", artifact, dealt, None, 0)


def test_one_search_at_a_time(place):
    with place() as folder:
        with pytest.raises(UsageError, match="another search"), place():
            pass
        clear(folder)
        assert folder.exists(), "what another search works in is left alone"
    with place() as again:
        assert again == folder
    clear(folder)
    assert not folder.exists()


def test_another_task_is_another_search(place, tmp_path):
    from dataclasses import replace

    model = played_model(tmp_path)
    other = replace(model, facts={**model.facts, "task": "embedding"})
    with place(model) as one, place(other) as two:
        assert one != two


def test_a_folder_that_was_cleared_before_the_lock_came_is_made_again(place, monkeypatch):
    """As if the search that held the lock had removed the folder in between."""
    with place() as folder:
        pass
    whole, once = fcntl.flock, [True]

    def slow(file, how):
        whole(file, how)
        if once.pop():
            shutil.rmtree(folder)
            once.append(False)
        else:
            once.append(False)

    monkeypatch.setattr(fcntl, "flock", slow)
    with place() as again:
        assert again == folder
        assert (folder / "lock").exists()


def test_a_place_that_can_not_be_written_is_told(place, tmp_path):
    (tmp_path / "work").write_text("a file")

    with pytest.raises(UsageError, match="can't be kept in"), place():
        pass


def test_a_disk_without_locks_is_told(place, monkeypatch):
    def none(_file, _how):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(UsageError, match=r"no file can be locked in .*No locks available"), place():
        pass


def test_attempts_are_told_until_the_search_has_ended(tmp_path):
    assert earlier_attempts(tmp_path, "A") == ()
    assert earlier_attempts(tmp_path, "B") == ("A",)
    assert earlier_attempts(tmp_path, "B") == ("A",)
    assert earlier_attempts(tmp_path, "") == ("A", "B")
    settle(tmp_path)
    assert earlier_attempts(tmp_path, "C") == ()
    settle(tmp_path)
    settle(tmp_path)
    assert os.listdir(tmp_path) == []
