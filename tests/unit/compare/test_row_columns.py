"""Columns go to the model by name where it knows names, whatever their order in the file."""

from __future__ import annotations

import re

import numpy as np
import pytest

from joulewise.compare.row_columns import arranged
from joulewise.compare.rows import Rows
from joulewise.compare.worker_model import LoadedModel
from joulewise.core.errors import DataError

FEATURES = {name: np.full(2, at) for at, name in enumerate(("id", "b", "wine colour", "a"))}


def test_they_come_in_the_models_order_without_the_others() -> None:
    assert list(arranged(FEATURES, ["a", "b"])) == ["a", "b"]
    assert arranged(FEATURES, ["a", "b"])["a"].tolist() == [3, 3]
    assert Rows(features=FEATURES).arranged(["b", "a"]).columns == ("b", "a")


def test_a_space_is_an_underscore_to_lightgbm() -> None:
    assert arranged(FEATURES, ["wine_colour"])["wine_colour"].tolist() == [2, 2]


@pytest.mark.parametrize("columns", [None, []])
def test_a_model_without_names_takes_them_as_they_are(columns: list[str] | None) -> None:
    assert arranged(FEATURES, columns) is FEATURES


def test_a_matrix_has_no_names() -> None:
    rows = {"x": np.zeros((2, 3))}
    assert arranged(rows, ["a", "b", "c"]) is rows


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [(["a", "B"], "column 'B', which", "is it 'b'"), (["size", "way"], "'size' and 1 more", "^name the columns")],
)
def test_what_lacks_is_named(wanted: list[str], message: str, hint: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        arranged(FEATURES, wanted)
    assert re.search(hint, caught.value.hint)


def test_a_worker_feeds_a_model_of_a_frame_by_name(tmp_path) -> None:
    """A shuffled file gives the answers of the file in order: it did not, and nobody was told."""
    joblib, pandas = pytest.importorskip("joblib"), pytest.importorskip("pandas")
    from sklearn.linear_model import LinearRegression

    from joulewise.compare import artifact_of

    frame = pandas.DataFrame({"a": [0.0, 1.0, 2.0], "b": [5.0, 0.0, 1.0]})
    joblib.dump(LinearRegression().fit(frame, 3 * frame.a - frame.b), tmp_path / "m.joblib")
    artifact = artifact_of(tmp_path / "m.joblib", trust=True)
    feeds = Rows(features={name: frame[name].to_numpy() for name in ("b", "a")}).save_npz(tmp_path / "rows.npz")
    deployment = {"path": str(artifact.path), "format": "sklearn", "facts": artifact.facts, "runtime": "sklearn"}
    told = {"feeds": str(feeds), "deployment": {**deployment, "threads": 1, "spinning": False, "more": {}}}
    loaded, _ = LoadedModel.open(told)
    answers = loaded.answer({"do": "predict", "start": 0, "stop": 3, "batch": 2})[1]
    np.testing.assert_allclose(answers["values"], [-5.0, 3.0, 5.0])
