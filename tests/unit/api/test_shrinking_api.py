"""shrink and verify from Python: what they return agrees with the folder and the ledger, whatever ends them."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import pytest

from joulewise import api
from joulewise import shrink as room
from joulewise.api.shrink_candidates import candidate_list
from joulewise.api.shrink_records import file_found
from joulewise.api.shrink_verifying import verify_model
from joulewise.api.shrinking import ShrinkFiles, shrink_model
from joulewise.core.errors import DataError, JoulewiseError, ModelError, UntrustedModel, UsageError
from joulewise.core.frozen import replaced
from joulewise.core.settings import Settings
from joulewise.measure import Job, Session
from joulewise.shrink.folder import seal

np = pytest.importorskip("numpy")
joblib = pytest.importorskip("joblib")
pytest.importorskip("sklearn")
pytest.importorskip("scipy")
pytestmark = pytest.mark.slow

WANTED = {
    "transforms": ("to-linear",), "runtimes": ("numpy", "sklearn"), "time_budget_s": 180.0, "block_s": 0.05,
    "batches": (1, 8),
}  # fmt: skip
"""More time than it takes on a busy machine: it ends once all candidates are tried."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Path:
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folder = tmp_path_factory.mktemp("shrinking")
    x, y = load_digits(return_X_y=True)
    joblib.dump(make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(x[:900], y[:900]),
                folder / "digits.joblib")  # fmt: skip
    np.savez(folder / "eval.npz", x=x[900:], y=y[900:])
    np.savez(folder / "few.npz", x=x[900:1000], y=y[900:1000])
    return folder


@pytest.fixture(scope="module")
def settings(lab) -> Settings:
    return api.load_settings(ledger=f"sqlite:///{lab}/ledger.db", spool=str(lab / "spool"), zone="SE")


@pytest.fixture(scope="module")
def told() -> list:
    return []


@pytest.fixture(scope="module")
def shrunk(lab, settings, told):
    with chdir(lab):
        return shrink_model(
            "digits.joblib", "eval.npz", floors="accuracy>=-1pt", files=ShrinkFiles(trust=True), settings=settings,
            progress=told.append, **WANTED,
        )  # fmt: skip


@pytest.fixture(scope="module")
def repeated(lab, settings, shrunk):
    with chdir(lab):
        return verify_model("digits-shrunk", where=room.Where(trust=True), rounds=2, settings=settings)


@pytest.fixture
def copied(lab, shrunk, tmp_path) -> Path:
    """The folder, free to be tampered with."""
    return Path(shutil.copytree(lab / shrunk.folder, tmp_path / "digits-shrunk"))


def filed(settings, run_id):
    with api.current_ledger(settings) as ledger:
        return ledger.bundle(run_id), ledger.compared(run_id)


def test_the_winner_is_one_of_the_candidates_and_all_are_accounted_for(shrunk):
    by_status = {status: [one for one in shrunk.candidates if one.status == status] for status in ("won", "lost")}

    assert [one.name for one in by_status["won"]] == [shrunk.view.winner.name]
    assert len(shrunk.candidates) == shrunk.counts["tried"] == 2
    assert all(one.reason for one in by_status["lost"])
    assert {name for name, _ in shrunk.losers} == {one.name for one in by_status["lost"]}
    assert shrunk.problems == ()


def test_the_list_of_candidates_gives_each_a_line_with_its_reason(shrunk):
    listing = candidate_list(shrunk.candidates)

    assert [one["name"] for one in listing.records] == [one.name for one in shrunk.candidates]
    assert listing.records[0]["status"] == "won"
    assert listing.records[0]["cpu_time_ratio"] < 1


def test_the_claim_is_the_saving_that_the_ledger_has(shrunk, settings):
    """Law 7: paired, at the bad end, filed as shown."""
    bundle, found = filed(settings, shrunk.run_id)
    saving = next(one for one in found.savings if one.id == shrunk.view.saving.id)

    assert bundle.run.status == "finished"
    assert saving.ratio == shrunk.view.saving.ratio
    assert saving.ratio.value < saving.ratio.high < 1
    assert saving.held is True
    assert saving.quality_change.low >= -0.01
    assert saving.floor == "accuracy>=-1pt"
    assert {one.name for one in found.variants} == {"original", *(one.name for one in shrunk.candidates)}


def test_the_search_says_what_it_took_itself(shrunk):
    assert shrunk.view.search_energy is None or shrunk.view.search_energy.low > 0


def test_progress_never_runs_past_the_end_and_tells_every_stage(shrunk, told):
    assert [one.share for one in told] == sorted(one.share for one in told)
    assert told[-1].share <= 1
    assert list(dict.fromkeys(one.stage for one in told)) == ["baseline", "search", "proof"]


def test_what_was_made_is_cleared_away(shrunk, lab):
    assert not (lab / ".joulewise").exists()


def test_the_manifest_says_what_was_filed(shrunk, lab):
    manifest = room.read_folder(lab / shrunk.folder)
    ids = set(manifest.ledger.values())

    assert {shrunk.run_id, shrunk.view.winner.id, shrunk.view.baseline.id, shrunk.view.saving.id} <= ids
    [energy] = [one for one in manifest.proof["savings"] if one["quantity"] == shrunk.view.saving.quantity]
    ratio = shrunk.view.saving.ratio
    assert energy["ratio"] == [ratio.value, ratio.low, ratio.high]
    assert manifest.data["rows"] == shrunk.view.saving.n


def test_the_exported_model_answers_as_the_user_s_own(shrunk, lab):
    x = np.load(lab / "eval.npz")["x"]
    predictor = room.load_folder(lab / shrunk.folder)
    x = x.astype(predictor.inputs[0].dtype)  # small whole numbers, exact in any

    assert np.array_equal(predictor.predict({"x": x})["labels"], joblib.load(lab / "digits.joblib").predict(x))


# The proof repeated


def test_the_proof_repeats_on_the_very_rows_that_proved(repeated, shrunk, settings):
    assert repeated.held
    assert repeated.proof.verdict == ""
    assert repeated.view.saving.n == shrunk.view.saving.n
    assert repeated.view.saving.quality_change == shrunk.view.saving.quality_change
    bundle, found = filed(settings, repeated.comparison.run_id)
    assert bundle.run.name == "verify digits-shrunk"
    assert [one.id for one in found.savings] == [one.id for one in repeated.comparison.savings]


def rewritten(folder: Path, **changes) -> None:
    """The manifest with some of its keys changed, and sealed again as one who means it would."""
    path = folder / "manifest.json"
    document = json.loads(path.read_text())
    for key, change in changes.items():
        document[key] = {**document[key], **change} if isinstance(change, dict) else change
    document.pop("sha256")
    path.write_text(json.dumps({**document, "sha256": seal(document)}))


@pytest.mark.parametrize(
    ("changes", "fault", "why"),
    [
        ({"format": "zip"}, ModelError, "not of joulewise shrink"),
        ({"version": 99}, ModelError, "another joulewise"),
        ({"measured": [{"quantity": "accuracy"}]}, ModelError, "damaged"),
        ({"measured": [{"quantity": "size", "figure": {"value": 2, "low": 3, "high": 1, "unit": "1",
                                                       "method": "measured"}}]}, ModelError, "damaged"),
        ({"surprise": 1}, ModelError, "damaged"),
        ({"model": {"sha256": "0" * 64}}, ModelError, "not the file that was proven"),
        ({"model": {"path": "gone"}}, ModelError, "lacks gone"),
        ({"original": {"sha256": "0" * 64}}, ModelError, "not the model that was shrunk"),
        ({"original": {"content": "0" * 64}}, ModelError, "not the model that was shrunk"),
        ({"original": {"source": "/nowhere/digits.joblib"}}, ModelError, "no longer at /nowhere"),
        ({"data": {"sha256": "0" * 64}}, DataError, "not hold the rows of the proof"),
        ({"data": {"path": "/nowhere/eval.npz"}}, DataError, "not at /nowhere"),
        ({"data": {"training": "/nowhere/train.npz", "training_sha256": "0"}}, DataError, "not at /nowhere/train.npz"),
    ],
)  # fmt: skip
def test_a_manifest_that_was_tampered_with_proves_nothing(copied, settings, changes, fault, why):
    rewritten(copied, **changes)

    with pytest.raises(fault, match=why) as caught:
        verify_model(copied, where=room.Where(trust=True), settings=settings)
    assert caught.value.hint


def test_a_manifest_that_was_edited_by_hand_is_noticed(copied, settings):
    path = copied / "manifest.json"
    path.write_text(path.read_text().replace('"accuracy>=-1pt"', '"accuracy>=-9pt"'))

    with pytest.raises(ModelError, match="was changed after it was written") as caught:
        verify_model(copied, where=room.Where(trust=True), settings=settings)
    assert caught.value.hint


def test_other_rows_are_refused_before_anything_is_measured(copied, lab, settings):
    heard = []
    with pytest.raises(DataError, match="not hold the rows of the proof") as caught:
        verify_model(
            copied, where=room.Where(trust=True, data=str(lab / "few.npz")), settings=settings, progress=heard.append
        )

    assert "--data" in caught.value.hint
    assert heard == []


def test_a_file_beside_the_proven_one_is_no_part_of_it(copied):
    """The report may be edited; the model may not."""
    (copied / "report.md").write_text("mine")
    room.deployment_of(copied)
    weights = copied / "model" / "weights.npz"
    weights.write_bytes(weights.read_bytes() + b"\0")

    with pytest.raises(ModelError, match="not the file that was proven"):
        room.deployment_of(copied)


def test_the_original_is_not_run_unless_it_is_trusted(copied, settings):
    with pytest.raises(UntrustedModel):
        verify_model(copied, settings=settings)


# What ends a search early


@pytest.mark.parametrize(
    ("change", "fault", "why"),
    [
        ({"floors": "accuracy"}, UsageError, "floor"),
        ({"floors": "accuracy>=-0.01pt"}, DataError, "too few to prove"),
        ({"files": ShrinkFiles(trust=True, out="eval.npz")}, UsageError, "no folder"),
        ({"files": ShrinkFiles(trust=True, out=".")}, UsageError, "not of joulewise"),
        ({"files": ShrinkFiles()}, UntrustedModel, "trust"),
        ({"files": ShrinkFiles(trust=True, train="eval.npz")}, DataError, "among the training rows"),
        ({"model": "absent.joblib"}, ModelError, "not there"),
        ({"data": "absent.npz"}, DataError, "absent.npz"),
        ({"transforms": ("to-onyx",)}, JoulewiseError, "to-onyx"),
    ],
)
def test_what_can_not_be_is_refused_before_a_run_begins(lab, settings, change, fault, why):
    words = {"model": "digits.joblib", "data": "eval.npz", "floors": "accuracy>=-1pt",
             "files": ShrinkFiles(trust=True, out="other"), **WANTED} | change  # fmt: skip
    before = runs(settings)
    with chdir(lab), pytest.raises(fault, match=why) as caught:
        shrink_model(words.pop("model"), words.pop("data"), settings=settings, **words)

    assert caught.value.hint
    assert runs(settings) == before
    assert not (lab / "other").exists()
    assert not (lab / ".joulewise").exists()


def runs(settings) -> list[str]:
    with api.current_ledger(settings) as ledger:
        return [row.id for row in ledger.runs().rows]


def test_ctrl_c_files_what_it_took_and_exports_nothing(lab, settings):
    before = set(runs(settings))

    def stop(told) -> None:
        raise KeyboardInterrupt

    with chdir(lab), pytest.raises(KeyboardInterrupt):
        shrink_model(
            "digits.joblib", "eval.npz", floors="accuracy>=-1pt", files=ShrinkFiles(trust=True, out="stopped"),
            settings=settings, progress=stop, **WANTED,
        )  # fmt: skip

    [new] = set(runs(settings)) - before
    assert filed(settings, new)[0].run.status == "killed"
    assert not (lab / "stopped").exists()
    shutil.rmtree(lab / ".joulewise")


def test_no_winner_leaves_no_folder_and_keeps_what_was_made(lab, settings):
    """The same command with a wider floor need not make it again."""
    with chdir(lab):
        found = shrink_model(
            "digits.joblib", "eval.npz", floors=["accuracy>=-1pt", "latency_p99<=1ns"],
            files=ShrinkFiles(trust=True, out="none"), settings=settings, **WANTED,
        )  # fmt: skip

    assert (found.view, found.folder) == (None, None)
    assert {one.status for one in found.candidates} == {"discarded"}
    assert all("latency_p99<=1ns can't hold" in one.reason for one in found.candidates)
    assert found.comparison.savings == ()
    assert {one.status for one in filed(settings, found.run_id)[1].variants} == {"ok", "discarded"}
    assert not (lab / "none").exists()
    assert list((lab / ".joulewise" / "shrink").iterdir())
    shutil.rmtree(lab / ".joulewise")


@pytest.fixture
def some_run(settings):
    with Session(Job(name="short"), settings, os.environ) as session:
        pass
    return session.result


def test_a_ledger_that_can_not_be_opened_loses_nothing(lab, settings, shrunk, some_run):
    """A file stands where the ledger's folder should be: the figures stay in hand, and what is missing is told."""
    broken = replaced(settings, ledger=f"sqlite:///{lab}/eval.npz/ledger.db")

    [problem] = file_found(some_run, shrunk.comparison, broken)
    assert "eval.npz" in problem or "ledger" in problem


def test_variants_that_the_ledger_refuses_are_told_and_the_run_is_filed(settings, shrunk, some_run):
    """Rows are never edited: here a variant comes again with another reason."""
    found = shrunk.comparison
    edited = replace(found, variants=(replace(found.variants[0], reason="edited"), *found.variants[1:]))
    [problem] = file_found(some_run, edited, settings)

    assert problem.startswith("the variants are not in the ledger: ")
    assert some_run.run_id in runs(settings)
