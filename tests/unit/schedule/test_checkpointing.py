"""Checkpoints: whole or not at all, the older one where the newer is damaged, and nothing changes if nobody asks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import joblib
import pytest
from sklearn.linear_model import SGDClassifier

import joulewise
from joulewise.core.errors import PluginMissing, UsageError
from joulewise.schedule import checkpointing as room
from joulewise.schedule.checkpoint_formats import JoblibFormat, TorchFormat
from joulewise.testing.checkpoints import made, run_loop

pytestmark = pytest.mark.usefixtures("own_sigterm")


def test_what_was_saved_comes_back(path):
    made(path).save({"epoch": 3, "weights": [1.0, 2.0]})

    assert made(path).resume() == {"epoch": 3, "weights": [1.0, 2.0]}


def test_without_a_checkpoint_the_default_is_taken(path):
    checkpoint = made(path)

    assert checkpoint.resume("anew") == "anew"
    assert checkpoint.lost_s is None


def test_if_nobody_asks_nothing_happens(path):
    checkpoint = made(path)
    for step in range(5):
        checkpoint.step(step)

    assert checkpoint.saves == 0
    assert not os.path.exists(path)


def test_a_plain_script_works_unchanged(path):
    process = run_loop(path, steps=3)

    assert process.communicate()[0] == "from 0\ndone\n"
    assert process.returncode == 0


def test_asked_by_a_signal_it_saves_and_ends_with_75(path):
    process = run_loop(path)
    assert process.stdout.readline() == "from 0\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    again = run_loop(path, steps=0)

    assert process.returncode == 75
    assert int(again.communicate()[0].split()[1]) > 0


def test_asked_by_a_file_it_saves_and_ends_with_75(path, tmp_path):
    process = run_loop(path, JOULEWISE_TASK_STATE=str(tmp_path))
    process.stdout.readline()
    (tmp_path / "stop").touch()
    process.communicate()

    assert process.returncode == 75
    assert [event["what"] for event in room.events_in(str(tmp_path / "checkpoints.jnl"))] == ["saved", "stopped"]


def test_it_saves_when_it_is_time(path):
    checkpoint = made(path, every_s=0.01)
    checkpoint.step(lambda: pytest.fail("too early"))
    time.sleep(0.02)
    checkpoint.step(lambda: "given by a function")

    assert checkpoint.saves == 1
    assert made(path).resume() == "given by a function"


def test_a_model_that_can_be_called_is_saved_not_called(path):
    class Model:
        def __call__(self):
            raise AssertionError

    made(path, format=Recording()).save(Model())


class Recording:
    """A format that keeps the type's name."""

    def write(self, state, path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(type(state).__name__)

    def read(self, path):
        with open(path, encoding="utf-8") as file:
            return file.read()


def test_ranks_stop_together(path):
    asked = []
    checkpoint = made(path, agree=lambda mine: asked.append(mine) or True)

    with pytest.raises(SystemExit) as ended:
        checkpoint.step("state")

    assert ended.value.code == 75
    assert asked == [False]


def test_only_rank_zero_writes(path):
    other = joulewise.checkpointing(path, environ={"RANK": "3"})
    other.save("mine")

    assert not os.path.exists(path)


def test_a_child_that_was_forked_neither_saves_nor_answers_for_its_parent(path):
    checkpoint = made(path)
    pid = os.fork()
    if pid == 0:
        checkpoint.save("the child's")
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(0)

    assert os.waitpid(pid, 0)[1] == signal.SIGTERM
    assert not os.path.exists(path)


def test_outside_the_main_thread_the_signal_is_left_alone(path):
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=made, args=(path,))
    thread.start()
    thread.join()

    assert signal.getsignal(signal.SIGTERM) is before


FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import joulewise
checkpoint = joulewise.checkpointing(sys.argv[1])
checkpoint.save("small")
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
import os
os.kill(os.getpid(), signal.SIGTERM)
checkpoint.step("x" * 100_000)
print("goes on")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
checkpoint.step("large")
"""


def test_on_a_full_disk_the_work_goes_on_until_it_can_be_saved(path):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True, check=False, env={**os.environ}
    )

    assert done.stdout == "goes on\n"
    assert done.returncode == 75
    assert made(path).resume() == "large"


def test_what_was_lost_is_measured(path):
    first = made(path)
    first.alive_every_s = 0.0
    first.save("state")
    time.sleep(0.05)
    first.step("never saved")
    second = made(path)
    second.resume()

    assert second.lost_s >= 0.05
    [event] = [one for one in room.events_in(f"{path}.jnl") if one["what"] == "resumed"]
    assert event["lost_s"] == second.lost_s


def test_work_that_was_lost_before_the_first_save_is_measured_too(path):
    first = made(path)
    first.alive_every_s = 0.0
    time.sleep(0.05)
    first.step("never saved")
    second = made(path)

    assert second.resume("anew") == "anew"
    assert second.lost_s >= 0.05


def test_after_a_stop_at_a_checkpoint_nothing_is_lost(path):
    first = made(path, agree=lambda mine: True)
    with pytest.raises(SystemExit):
        first.step("state")
    second = made(path)
    second.resume()

    assert second.lost_s == 0.0


def test_damaged_lines_of_the_journal_are_left_out(path):
    first = made(path)
    first.save("state")
    with open(f"{path}.jnl", "ab") as file:
        file.write(b"C {torn")

    assert [event["what"] for event in room.events_in(f"{path}.jnl")] == ["saved"]
    assert room.events_in(f"{path}.none") == []


def test_a_journal_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    checkpoint = joulewise.checkpointing(
        str(tmp_path / "a.ckpt"), environ={"JOULEWISE_TASK_STATE": str(tmp_path / "file")}
    )
    checkpoint.save(1)

    assert checkpoint.saves == 1


def test_zero_seconds_are_refused(path):
    with pytest.raises(UsageError):
        made(path, every_s=0)


def test_the_files_are_as_the_format_wrote_them(path):
    made(path, format=JoblibFormat()).save({"a": 1})

    assert joblib.load(path) == {"a": 1}
    assert os.listdir(os.path.dirname(path)).count("train.ckpt.new") == 0


def test_partial_fit_goes_on_as_if_never_stopped(path):
    batches = [([[number % 7, number % 3], [number % 5, 1]], [number % 2, 1]) for number in range(20)]

    def fit(model, first, last):
        for x, y in batches[first:last]:
            model.partial_fit(x, y, classes=[0, 1])
        return model

    whole = fit(SGDClassifier(random_state=1), 0, 20)
    made(path, format=JoblibFormat()).save((8, fit(SGDClassifier(random_state=1), 0, 8)))
    done, model = made(path, format=JoblibFormat()).resume()
    fit(model, done, 20)

    assert (model.coef_ == whole.coef_).all()


def test_a_framework_that_is_absent_says_its_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(PluginMissing, match="pip install torch"):
        TorchFormat().write({}, "nowhere")


def test_it_loads_without_numpy():
    code = "import sys, joulewise\njoulewise.checkpointing\nfrom joulewise.schedule import checkpointing\n"
    code += "print('numpy' in sys.modules or 'sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


class Refusing:
    """A format on a disk that is full, until it is not."""

    def __init__(self):
        self.full = True
        self.written = []

    def write(self, state, path):
        if self.full:
            raise OSError(28, "No space left on device")
        room.Pickle().write(state, path)

    def read(self, path):
        return room.Pickle().read(path)


def test_what_cannot_be_saved_does_not_end_the_work(path, caplog):
    form = Refusing()
    checkpoint = made(path, format=form)
    os.kill(os.getpid(), signal.SIGTERM)
    checkpoint.step("lost?")
    assert "the work goes on" in caplog.text
    form.full = False

    with pytest.raises(SystemExit):
        checkpoint.step("saved")

    assert made(path).resume() == "saved"


def test_a_stop_file_is_looked_for_now_and_then(tmp_path):
    checkpoint = joulewise.checkpointing(str(tmp_path / "a.ckpt"), environ={"JOULEWISE_TASK_STATE": str(tmp_path)})
    (tmp_path / "stop").touch()
    assert not checkpoint.asked
    time.sleep(room.LOOK_EVERY_S)

    assert checkpoint.asked
