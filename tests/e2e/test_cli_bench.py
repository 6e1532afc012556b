"""`joulewise bench`, `compare` and `devices` with real small models: measured, ranked, filed, shown again."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import joulewise
from joulewise.core.errors import NotFound, UsageError
from joulewise.testing.command_line import typed

PROGRAM = Path(sys.executable).with_name("joulewise")
QUICK = ("--rounds", "2", "--block-s", "0.1", "--warm-up-s", "0.2", "--cold-starts", "1")
Type = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A logistic regression (also as ONNX) and a forest on real digits, with rows that they have not seen."""
    import joblib
    from skl2onnx import to_onnx
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folder = tmp_path_factory.mktemp("lab")
    x, y = load_digits(return_X_y=True)
    x = x.astype(np.float32)
    seen, kept = np.arange(len(x)) % 2 == 0, np.arange(len(x)) % 2 == 1
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(x[seen], y[seen])
    forest = RandomForestClassifier(20, random_state=0).fit(x[seen], y[seen])
    joblib.dump(linear, folder / "linear.joblib")
    joblib.dump(forest, folder / "forest.joblib")
    onnx = to_onnx(linear, x[:1], options={"zipmap": False}).SerializeToString()
    (folder / "linear.onnx").write_bytes(onnx)
    (folder / "torn.onnx").write_bytes(onnx[: len(onnx) // 2])
    np.savez(folder / "eval.npz", x=x[kept], y=y[kept])
    np.savez(folder / "one.npz", x=x[:1], y=y[:1])
    np.savez(folder / "strange.npz", x=x[kept], y=np.where(y[kept] == 3, 12, y[kept]))
    np.savez(folder / "narrow.npz", x=x[kept][:, :10], y=y[kept])
    with (folder / "eval.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"p{at}" for at in range(64)), "digit"])
        writer.writerows([*map(float, row), int(digit)] for row, digit in zip(x[kept][:50], y[kept][:50], strict=True))
    return folder


def _surroundings(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}


@pytest.fixture(scope="module")
def benched(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """One bench of three models that all tests look at, and its home."""
    home = tmp_path_factory.mktemp("home")
    done = typed(
        (
            *("bench", "linear=linear.onnx", "forest.joblib", "slow=linear.joblib", "--trust", "--data", "eval.npz"),
            *("--metric", "accuracy", "--metric", "f1_macro", "--floor", "accuracy>=0.9", "--batch", "1,8"),
            *("--mode", "ai-energy-score", "--metrics", "--name", "digits", "--tag", "team=vision", *QUICK),
            *("--picture", str(home / "front.svg"), "--report", str(home / "bench.html")),
            *("--report", str(home / "bench.json")),
        ),
        folder=lab,
        environ=_surroundings(home),
    )
    assert done.returncode == 0, done.stderr
    return home, done


@pytest.fixture
def again(lab: Path, benched: tuple[Path, object]) -> Type:
    """Commands in the home of that bench."""
    return lambda *arguments: typed(arguments, folder=lab, environ=_surroundings(benched[0]))


@pytest.fixture
def fresh(lab: Path, tmp_path: Path) -> Type:
    """Commands in a home where nothing is filed."""
    return lambda *arguments: typed(arguments, folder=lab, environ=_surroundings(tmp_path))


def test_the_board_says_who_costs_what(benched):
    out = benched[1].stdout

    assert out.startswith("Models on eval, 898 rows, batch 1, saturated; floors: accuracy>=0.9\n")
    assert "Energy per inference" in out
    assert "Against the baseline" in out
    assert out.count("far surer than each absolute figure") == 1
    assert "Other conditions" in out
    assert "batch 8" in out
    assert "f1_macro" in out
    assert "Stars by range" in out
    assert "Inferences per joule" in out


def test_messages_say_what_comes_and_what_next(benched):
    told = benched[1].stderr

    assert told.startswith("joulewise: 3 models on eval, 898 rows, 2 rounds of 0.1 s under 2 conditions: about ")
    assert "joulewise: filed; to see it again: joulewise compare 01" in told


def test_the_files_are_written(benched):
    home = benched[0]
    document = json.loads((home / "bench.json").read_text())

    assert (home / "front.svg").read_text().startswith("<svg")
    assert "<h1>Models on eval, 898 rows</h1>" in (home / "bench.html").read_text()
    assert document["status"] == "finished"
    assert document["metric"] == "accuracy"
    assert {one["name"] for one in document["variants"]} == {"linear", "forest.joblib", "slow"}
    assert len(document["variants"]) == 6
    assert {one["quantity"] for one in document["savings"]} == {"energy_j_per_inference"}
    assert document["mode"]
    assert document["efficiency"]


def test_the_figures_are_those_of_the_models(benched, lab):
    import joblib

    with np.load(lab / "eval.npz") as rows:
        own = joblib.load(lab / "forest.joblib").score(rows["x"], rows["y"])
    document = json.loads((benched[0] / "bench.json").read_text())
    [forest] = [one for one in document["variants"] if one["name"] == "forest.joblib" and "batch 1" in one["condition"]]

    assert forest["quality_share"] == pytest.approx(own)
    assert forest["quality_low_share"] < own < forest["quality_high_share"]
    assert forest["energy_low_ratio"] > 1
    assert forest["ratio_is_paired"]


def test_two_formats_of_one_model_answer_alike(benched):
    document = json.loads((benched[0] / "bench.json").read_text())
    slow = [one for one in document["variants"] if one["name"] == "slow"]

    assert {one["quality_change_share"] for one in slow} == {0.0}


def test_it_is_a_run_like_others(again):
    [run] = json.loads(again("runs", "--output", "json", "--tag", "team=vision").stdout)
    shown = again("show", "digits").stdout

    assert (run["kind"], run["status"], run["name"]) == ("eval", "finished", "digits")
    assert "linear · batch 1" in shown
    assert "Savings" in shown
    document = json.loads(again("show", "digits", "--output", "json").stdout)
    assert {one["name"] for one in document["variants"]} == {"linear", "forest.joblib", "slow"}
    assert {one["metric"] for one in document["savings"]} == {"accuracy"}
    variant = document["variants"][1]["id"]
    by_variant = json.loads(again("show", variant, "--output", "json").stdout)
    assert by_variant["run"]["id"] == run["id"] == document["variants"][1]["run_id"]
    assert again("show", variant[-8:]).returncode == 0


def test_compare_shows_the_same_ranks_again(again, benched):
    found = json.loads(again("compare", "digits", "--output", "json").stdout)["variants"]
    first = json.loads((benched[0] / "bench.json").read_text())["variants"]

    def ranks(variants):
        return {(one["name"], one["condition"]): one["rank"] for one in variants}

    assert ranks(found) == ranks(first)
    assert {one["energy_ratio"] for one in found} == {one["energy_ratio"] for one in first}


def test_compare_by_model_condition_and_floor(again):
    done = again("compare", "--model", "linear.onnx", "--batch", "8", "--floor", "accuracy>=0.999", "-o", "csv")
    [line] = csv.DictReader(io.StringIO(done.stdout))

    assert line["name"] == "linear"
    assert line["condition"] == "batch 8, saturated"
    assert "does not hold" in line["not_ranked_because"]


def test_compare_with_nothing_to_compare_says_how_to_begin(fresh):
    done = fresh("compare")

    assert done.returncode == 2
    assert "Try: joulewise bench MODEL" in done.stderr


def test_training_runs_are_compared_by_what_they_logged(lab, tmp_path, monkeypatch):
    for key, value in _surroundings(tmp_path).items():
        monkeypatch.setenv(key, value)
    for name, accuracy in (("small", 0.9), ("large", 0.95)):
        with joulewise.measure(name, unit="epoch", tags={"project": "digits"}) as session:
            end = time.process_time() + 0.05
            while time.process_time() < end:
                session.count("epoch", 0)
            session.count("epoch", 2)
            session.log(accuracy=(accuracy, accuracy - 0.01, accuracy + 0.01))
    found = joulewise.compare_runs(tags="project=digits")

    assert found.view.energy_words == "energy per epoch"
    assert {row.name for row in found.view.rows} == {"small", "large"}
    assert found.row("large").quality.value == 0.95
    assert "several runs" in " ".join(found.notices)


def test_other_data_stands_apart(again, lab):
    again("bench", "linear.onnx", "--data", "one.npz", "--batch", "1", "--name", "lonely", *QUICK)
    done = again("compare", "digits", "lonely")

    assert done.returncode == 0
    assert "2 groups stand apart, since data differ" in done.stdout
    assert "Models on one, 1 row" in done.stdout


def test_devices_and_edge_profiles(again):
    table = json.loads(again("devices", "--output", "json").stdout)
    edge = json.loads(again("devices", "linear.onnx", "--edge", "rpi5", "--output", "json").stdout)

    assert {one["model"] for one in table} == {"forest.joblib", "linear.joblib", "linear.onnx"}
    assert all(one["reason"] if one["inferences_per_j"] is None else one["inferences_per_j"] > 0 for one in table)
    assert edge[0]["fits"] is None
    assert next(one for one in edge[0]["checks"] if one["what"] == "memory")["fits"] is True


def test_the_python_way_gives_results_not_dictionaries(lab, tmp_path, monkeypatch):
    for key, value in _surroundings(tmp_path).items():
        monkeypatch.setenv(key, value)
    heard: list[float] = []
    found = joulewise.bench(
        [lab / "linear.onnx", f"slow={lab}/linear.joblib"],
        lab / "eval.npz",
        trust=True,
        baseline="slow",
        batches=1,
        rounds=2,
        block_s=0.1,
        warm_up_s=0.2,
        cold_starts=1,
        progress=lambda share, text: heard.append(share),
    )

    assert found.ok
    assert found.filed
    assert found.ratio("linear.onnx").high < 1
    assert found.summary().startswith("least energy: linear.onnx")
    assert found.row("slow").is_baseline
    assert heard == sorted(heard)
    with pytest.raises(NotFound):
        found.row("nobody")
    with pytest.raises(UsageError, match="knows no 'modells'"):
        joulewise.bench(["x"], "y", modells=3)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("linear.onnx", "--data", "eval.csv", "--target", "wrong"), 12, "has no 'wrong'"),
        (("linear.onnx", "--data", "eval.csv", "--metric", "accuracy"), 12, "Try: --target COLUMN"),
        (("linear.onnx", "--data", "gone.npz"), 12, "no data at gone.npz"),
        (("forest.joblib", "--data", "eval.npz"), 11, "Try: --trust"),
        (("linear.onnx@nope", "--data", "eval.npz"), 2, "there is no runtime 'nope'"),
        (("linear.onnx@sklearn", "--data", "eval.npz"), 11, "sklearn does not run linear.onnx (onnx)"),
        (("torn.onnx", "--data", "eval.npz"), 11, "torn"),
        (("gone.onnx", "--data", "eval.npz"), 11, "gone.onnx is not there"),
        (("linear.onnx", "linear.onnx", "--data", "eval.npz"), 2, "two models are called"),
        (("linear.onnx", "--data", "eval.npz", "--baseline", "b"), 2, "no model 'b' to compare with"),
        (("linear.onnx", "--data", "eval.npz", "--metric", "fooo"), 12, "no metric is called 'fooo'"),
        (("linear.onnx", "--data", "eval.npz", "--floor", "accuracy>0.9"), 2, "can't read the floor"),
        (("linear.onnx", "--data", "eval.npz", "--batch", "0"), 2, "write them like 1,32"),
        (("linear.onnx", "--data", "eval.npz", "--rounds", "1"), 2, "at least 2 rounds"),
        (("linear.onnx", "--data", "eval.npz", "--picture", "p.png"), 2, "pictures are written as SVG"),
        (("linear.onnx", "--data", "eval.npz", "--training", "x=last"), 2, "no model 'x'"),
    ],
)
def test_wrong_input_is_told_before_time_is_spent(fresh, arguments, code, said):
    done = fresh("bench", *arguments)

    assert done.returncode == code
    assert said in done.stderr
    assert "rounds of" not in done.stderr


def test_a_meter_that_there_is_none_of_is_told(fresh):
    done = fresh("bench", "linear.onnx", "--data", "eval.npz", "--meters", "rapl")

    assert done.returncode == 2
    assert "there is no meter 'rapl'\nTry: powercap and perf read RAPL; one of" in done.stderr


def test_rows_that_do_not_fit_are_an_error_with_its_cure_and_a_filed_run(fresh):
    done = fresh("bench", "linear.onnx", "--data", "narrow.npz", "--batch", "1", *QUICK)
    [filed] = json.loads(fresh("compare", "--output", "json").stdout)["variants"]

    assert done.returncode == 11
    assert done.stdout == ""
    assert "nothing could be measured. linear.onnx: the model's input" in done.stderr
    assert "(10,)" in filed["not_ranked_because"][0]


def test_classes_that_the_model_does_not_know_leave_it_without_quality(fresh):
    done = fresh("bench", "linear.onnx", "--data", "strange.npz", "--batch", "1", *QUICK)

    assert done.returncode == 0
    assert "the target has classes that the model does not know: 12" in done.stdout
    assert "linear.onnx is not ranked" in done.stdout


def test_without_a_meter_nothing_is_ranked_and_times_are_still_told(fresh):
    done = fresh("bench", "linear.onnx", "--data", "eval.npz", "--batch", "1", "--meters", "none", *QUICK)

    assert done.returncode == 0
    assert "No energy was measured" in done.stdout
    assert "energy per inference is absent" in done.stdout
    assert "onnxruntime" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_files_what_was_measured_as_killed(lab, tmp_path, number):
    """A block was done of batch 1 in each round; batch 8 was never reached."""
    command = [PROGRAM, "bench", "linear.onnx", "forest.joblib", "--trust", "--data", "eval.npz", "--batch", "1,8"]
    process = subprocess.Popen(
        [*command, "--rounds", "500", "--block-s", "0.1", "--cold-starts", "1", "--warm-up-s", "0.2", "-o", "json"],
        cwd=lab,
        env=_surroundings(tmp_path),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    _until_blocks(tmp_path, process)
    process.send_signal(number)
    out, told = process.communicate(timeout=60)
    [run] = json.loads(typed(("runs", "-o", "json"), folder=lab, environ=_surroundings(tmp_path)).stdout)
    shown = typed(("compare",), folder=lab, environ=_surroundings(tmp_path)).stdout

    assert process.returncode == 128 + number
    assert b"what was measured is filed as a killed run" in told
    assert run["status"] == "killed"
    document = json.loads(out)
    assert "batch 8, saturated: 0 of 500 rounds" in json.dumps(document["notices"])
    assert {one["name"] for one in document["variants"]} == {"linear.onnx", "forest.joblib"}
    assert all(one["cpu_s_per_inference"] > 0 for one in document["variants"])
    assert "failed" not in shown


def test_what_a_signal_left_unmeasured_says_so(lab, tmp_path):
    command = [PROGRAM, "bench", "linear.onnx", "--data", "eval.npz", "--batch", "1", "-o", "json"]
    process = subprocess.Popen(
        [*command, "--rounds", "2", "--block-s", "60", "--cold-starts", "1", "--warm-up-s", "0.2"],
        cwd=lab,
        env=_surroundings(tmp_path),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    _until_blocks(tmp_path, process, b"round 1")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "not measured: interrupted" in out.decode()


def _until_blocks(home: Path, process: subprocess.Popen[bytes], told: bytes = b"round 4") -> None:
    """Until some rounds are in the journal."""
    limit = time.monotonic() + 90
    while True:
        journals = home.glob(".local/state/joulewise/spool/*/*")
        if any(told in path.read_bytes() for path in journals if path.is_file()):
            return
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit, "it does not begin"
        time.sleep(0.05)
