"""joulewise shrink and verify as people type them, with a real model in real processes; killed, stopped, misled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from joulewise.testing.processes import alive, until

np = pytest.importorskip("numpy")
joblib = pytest.importorskip("joblib")
pytest.importorskip("sklearn")
pytest.importorskip("scipy")

BUDGET = ("--budget", "300s", "--block-s", "0.1", "--transform", "to-linear", "--runtime", "numpy")
"""Time for a machine that does much else; all candidates are tried long before."""
FLOOR = ("--floor", "accuracy>=-1pt")
PATIENCE_S = 330.0


class Place:
    """A folder with a user's model and rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {**os.environ, "JOULEWISE_LEDGER": f"sqlite:///{folder}/ledger.db", "COLUMNS": "100"}

    def typed(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "joulewise", *words],
            cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr + done.stdout
        return done

    def popen(self, *words: str, **more) -> subprocess.Popen[str]:
        return subprocess.Popen(
            words, cwd=self.folder, env=self.environ | more, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folder = tmp_path_factory.mktemp("shrink")
    x, y = load_digits(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(x[:1000], y[:1000])
    joblib.dump(model, folder / "digits.joblib")
    np.savez(folder / "eval.npz", x=x[1000:], y=y[1000:])
    np.savez(folder / "few.npz", x=x[1000:1200], y=y[1000:1200])
    np.savez(folder / "narrow.npz", x=x[1000:, :5], y=y[1000:])
    np.savez(folder / "strange.npz", x=x[1000:], y=np.array(["cat", "dog"])[y[1000:] % 2])
    return Place(folder)


@pytest.fixture(scope="module")
def shrunk(place):
    """Ends well, in the format for machines."""
    done = place.typed(
        "shrink",
        "digits.joblib",
        "--trust",
        "--data",
        "eval.npz",
        *FLOOR,
        *BUDGET,
        "--batch",
        "1,8",
        "--output",
        "json",
    )
    return json.loads(done.stdout)[0], done


def test_it_proves_a_saving(shrunk):
    record, done = shrunk

    assert record["winner"].startswith("to-linear")
    assert record["saving_ratio"] < record["saving_high_ratio"] < 1
    assert record["held"] is True
    assert record["n"] >= 381
    assert record["folder"] == "digits-shrunk"
    assert record["candidates"]["tried"] >= 1
    assert record["search_j"] is None or record["search_j"] > 0
    assert "joulewise verify digits-shrunk --trust" in done.stderr
    assert [one["batch"] for one in record["batches"]] == [8]
    assert record["search_s"] > 0


def test_the_folder_tells_everything(shrunk, place):
    folder = place.folder / "digits-shrunk"
    manifest = json.loads((folder / "manifest.json").read_text())

    assert [step["transform"] for step in manifest["model"]["steps"]] == ["to-linear"]
    assert manifest["interface"]["classes"] == list(range(10))
    assert manifest["interface"]["inputs"][0]["shape"] == ["batch", 64]
    assert set(manifest["model"]["files"]) == {"linear.json", "weights.npz"}
    assert manifest["versions"]["numpy"] == np.__version__
    assert manifest["proof"]["floors"] == ["accuracy>=-1pt"]
    assert {one["quantity"] for one in manifest["measured"]} >= {"accuracy", "cpu_s_per_inference", "latency_s_p99"}
    assert all(manifest["ledger"].values())
    assert "to-linear" in (folder / "report.md").read_text()
    page = (folder / "report.html").read_text()
    assert "What each step saved" in page
    assert "### What each step saved" in (folder / "report.md").read_text()
    assert "<svg" in page
    assert not (place.folder / ".joulewise").exists(), "what was made is cleared away after success"


def test_the_loader_runs_in_a_fresh_process(shrunk, place):
    code = (
        "import numpy as np; from loader import predict; f = np.load('../eval.npz'); "
        "print(float((predict({'x': f['x'].astype('float32')})['labels'] == f['y']).mean()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place.folder / "digits-shrunk", capture_output=True, text=True, check=True
    )

    assert float(done.stdout) > 0.85


def test_the_ledger_has_the_run_with_every_candidate(shrunk, place):
    manifest = json.loads((place.folder / "digits-shrunk" / "manifest.json").read_text())
    rows = json.loads(place.typed("runs", "--output", "json").stdout)

    assert manifest["ledger"]["run"] in json.dumps(rows)
    assert "shrink digits" in place.typed("show", manifest["ledger"]["run"]).stdout


def test_verify_repeats_the_proof_and_notices_every_change(shrunk, place):
    done = place.typed("verify", "digits-shrunk", "--trust", "--rounds", "2")
    assert "The proof holds here." in done.stderr
    assert "the proof repeated here" in done.stdout
    assert "Claimed" in done.stdout
    assert "At batch 8" in done.stdout
    assert "Not as it was" not in done.stdout

    assert (
        "is not the model that was shrunk"
        in place.typed("verify", "digits-shrunk", "--trust", "--model", "digits-shrunk/model", code=11).stderr
    )
    assert (
        "does not hold the rows of the proof"
        in place.typed("verify", "digits-shrunk", "--trust", "--data", "few.npz", code=12).stderr
    )
    (place.folder / "digits.joblib").rename(place.folder / "moved.joblib")
    try:
        assert "--model FILE" in place.typed("verify", "digits-shrunk", "--trust", code=11).stderr
    finally:
        (place.folder / "moved.joblib").rename(place.folder / "digits.joblib")
    weights = place.folder / "digits-shrunk" / "model" / "weights.npz"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + b"x")
    assert "is not the file that was proven" in place.typed("verify", "digits-shrunk", "--trust", code=11).stderr
    weights.write_bytes(whole)
    manifest = place.folder / "digits-shrunk" / "manifest.json"
    told = manifest.read_text()
    manifest.write_text(told.replace('"held": true', '"held": false'))
    assert "was changed after" in place.typed("verify", "digits-shrunk", "--trust", code=11).stderr
    manifest.write_text(told)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("digits.joblib", "--data", "eval.npz"), 11, "--trust"),
        (("digits.joblib", "--trust", "--data", "few.npz", "--floor", "accuracy>=-0.5pt"), 12, "rows are too few"),
        (("digits.joblib", "--trust", "--data", "narrow.npz", *FLOOR), 12, "5"),
        (("digits.joblib", "--trust", "--data", "strange.npz", *FLOOR), 12, "cat"),
        (("digits.joblib", "--trust", "--data", "absent.npz"), 12, "absent.npz"),
        (("absent.joblib", "--data", "eval.npz"), 11, "absent.joblib"),
        (("digits.joblib", "--trust", "--data", "eval.npz", "--floor", "accuracy"), 2, "floor"),
        (("digits.joblib", "--trust", "--data", "eval.npz", "--transform", "to-onyx"), 2, "to-onyx"),
        (("digits.joblib", "--trust", "--data", "eval.npz", "--out", "."), 2, "--out"),
    ],
)
def test_what_can_not_be_is_told_with_its_cure_and_soon(place, words, code, told):
    done = place.typed("shrink", *words, "--budget", "20s", code=code)

    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_nothing_won_is_said_with_the_reasons(place):
    """A floor that no runtime keeps."""
    done = place.typed(
        "shrink",
        "digits.joblib",
        "--trust",
        "--data",
        "eval.npz",
        "--floor",
        "latency_p99<=1ns",
        *BUDGET,
        *FLOOR,
        code=1,
    )

    assert "latency_p99<=1ns can't hold" in " ".join(done.stdout.split())
    assert "Try: a wider --floor" in done.stderr
    assert not (place.folder / "digits-shrunk.part").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_killed_run_whose_energy_counts_when_it_goes_on(place, number):
    work = place.folder / ".joulewise" / "shrink"
    before = set(work.glob("*/rows/proof.npz"))
    words = ("shrink", "digits.joblib", "--trust", "--data", "eval.npz", *FLOOR, *BUDGET, "--out", f"stopped{number}",
             "--seed", str(number))  # fmt: skip
    process = place.popen(sys.executable, "-m", "joulewise", *words)
    assert until(lambda: process.poll() is not None or set(work.glob("*/rows/proof.npz")) - before)
    time.sleep(1.0)  # somewhere in the middle
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 128 + number, err
    assert "the same command goes on" in err
    [run] = [one for one in json.loads(place.typed("runs", "--output", "json").stdout) if one["status"] == "killed"][:1]
    assert not (place.folder / f"stopped{number}").exists()

    process = place.popen(sys.executable, "-m", "joulewise", *words)
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode in (0, 1), told  # on a busy machine nothing may have won
    assert "an earlier attempt was stopped; the energy of the search counts" in told
    assert run["id"] in told
    assert "it goes on where earlier runs were stopped" in place.typed("show", "last").stdout.replace("\n", " ")


SEARCH = """
import sys
from pathlib import Path
from joulewise.compare.floors import floor_of
from joulewise.shrink import Request, shrink
from joulewise.testing.played_shrink import NoMeter, played_model, played_rows
folder, names = Path(sys.argv[1]), tuple(sys.argv[2].split(","))
request = Request(floors=(floor_of("accuracy>=-2pt"),), transforms=names, time_budget_s=60, block_s=0.1, finalists=2)
session = NoMeter()
found = shrink(played_model(folder), played_rows(360), request, session, folder / "work").with_energy(session.result)
print(found.winner.name)
"""


def test_a_search_that_is_killed_leaves_no_process_and_goes_on(tmp_path):
    from joulewise.testing.played_shrink import install

    place = Place(tmp_path)
    more = {"PYTHONPATH": str(install(tmp_path / "installed")), "PLAYED_LOG": str(tmp_path / "log")}
    log = tmp_path / "log"

    def lines(word: str) -> list[str]:
        return [line for line in (log.read_text().splitlines() if log.exists() else []) if line.startswith(word)]

    process = place.popen(sys.executable, "-c", SEARCH, str(tmp_path), "faster,hangs", **more)
    assert until(lambda: process.poll() is not None or (lines("pids") and len(lines("faster")) == 2)), "never hung"
    process.kill()
    process.communicate(timeout=30)
    pids = [int(one) for line in lines("pids") for one in line.split()[1:]]
    assert pids
    assert until(lambda: not any(alive(pid) for pid in pids))

    done = place.popen(sys.executable, "-c", SEARCH, str(tmp_path), "faster", **more)
    out, err = done.communicate(timeout=PATIENCE_S)
    assert done.returncode == 0, err
    assert out.strip() == "faster work_s=0.0001 · played"
    assert len(lines("faster")) == 2, "what was made is not made again"
