"""The files of a checkpoint: damaged, cut, or killed between any two steps, one that is whole is found."""

from __future__ import annotations

import os
import time

import pytest

from joulewise.core.errors import UsageError
from joulewise.schedule import checkpointing as room
from joulewise.schedule.checkpoint_files import CheckpointFiles
from joulewise.testing.checkpoints import LOOP, made, run_loop

pytestmark = pytest.mark.usefixtures("own_sigterm")


@pytest.mark.parametrize("damage", [lambda data: data[:-5], lambda data: data[:9] + b"X" + data[10:], lambda data: b""])
def test_a_damaged_checkpoint_is_refused_and_the_older_taken(path, damage, caplog):
    first = made(path)
    first.save("older")
    first.save("newer")
    with open(path, "rb+") as file:
        data = file.read()
        file.seek(0)
        file.truncate()
        file.write(damage(data))

    assert made(path).resume() == "older"
    assert "damaged" in caplog.text


def test_if_none_is_whole_starting_anew_is_refused(path):
    made(path).save("only one")
    with open(path, "ab") as file:
        file.write(b"more")

    with pytest.raises(UsageError, match="can be read"):
        made(path).resume("anew")


def test_without_a_list_of_sums_the_format_finds_the_damage(path):
    first = made(path)
    first.save("older")
    first.save("newer")
    os.unlink(f"{path}.sums")
    os.truncate(path, 7)

    assert made(path).resume() == "older"


class Killed(BaseException):
    """What a kill looks like from inside."""


@pytest.mark.parametrize("deadly", range(4))
def test_killed_between_any_two_steps_of_a_save_one_is_whole(path, deadly):
    """The renames are what makes a step of a save visible: each in turn is the one that does not happen."""
    steps = []

    def replace(source, target):
        if len(steps) == deadly:
            raise Killed
        steps.append(target)
        os.replace(source, target)

    for state in ("first", "second"):
        made(path).save(state)
    files = CheckpointFiles(path, replace=replace)
    try:
        files.write(lambda target: room.Pickle().write("third", target))
    except Killed:
        assert made(path).resume() == "second"
    else:
        assert made(path).resume() == "third"
        assert deadly == 3

    made(path).save("after all")
    assert made(path).resume() == "after all"


def test_killed_while_saving_again_and_again_never_lost(tmp_path):
    """Real kills: the state only ever grows."""
    path = str(tmp_path / "grows.ckpt")
    script = LOOP.replace("joulewise.checkpointing(path)", "joulewise.checkpointing(path, every_s=1e-6)")
    last = 0
    for number in range(8):
        process = run_loop(path, 100_000, 0.0, source=script)
        done = int(process.stdout.readline().split()[1])
        assert done >= last
        last = done
        time.sleep(0.02 + 0.013 * number)
        process.kill()
        process.communicate()
    assert last > 0


def test_a_new_half_written_file_is_removed(path):
    def fails(target):
        with open(target, "w", encoding="utf-8") as file:
            file.write("half")
        raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        CheckpointFiles(path).write(fails)

    assert os.listdir(os.path.dirname(path)) == []
