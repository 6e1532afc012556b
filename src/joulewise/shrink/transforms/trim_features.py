"""Columns that change nothing are left out, and the model is fitted again on the others; it still takes whole rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.checking import LOOSE, Guard
from joulewise.shrink.transforms.feature_rows import raw_rows, targets
from joulewise.shrink.transforms.loading import estimator_of, unwrapped, write_estimator
from joulewise.shrink.transforms.making import Recipe, Settings


class TrimFeatures(Recipe):
    """`lost` is the share of the model's total sensitivity that may go with the columns: how much its scores move when
    one column's values are shuffled over the calibration rows (permutation importance, Breiman 2001)."""

    name = "trim-features"
    formats = ("sklearn", "skops")
    distribution = "scikit-learn"
    modules = ("sklearn",)
    extra = "compare"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        inputs = artifact.facts.get("inputs", ())
        if len(inputs) != 1 or inputs[0]["dtype"] == "object" or artifact.facts.get("columns"):
            return "trim-features takes one matrix of numbers without column names"
        if materials.training is None:
            return "the model is fitted again on fewer columns, which needs training rows: give --training"
        return ""

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        return ({"lost": 0.0}, {"lost": 0.02}, {"lost": 0.1})

    def guard(self, settings: Settings) -> Guard:
        return LOOSE

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        from sklearn.base import clone
        from sklearn.compose import ColumnTransformer
        from sklearn.pipeline import Pipeline

        estimator = unwrapped(estimator_of(artifact))
        matters = sensitivity(estimator, raw_rows(artifact, materials.calibration), materials.seed)
        kept = kept_columns(matters, float(settings.get("lost", 0.0)))
        if materials.training is None or targets(materials.training) is None:
            raise ModelError("fitting again needs training rows with targets")
        chosen = ColumnTransformer([("kept", "passthrough", kept)])
        again = Pipeline([("columns", chosen), ("model", clone(estimator))])
        again.fit(raw_rows(artifact, materials.training), targets(materials.training))
        return write_estimator(again, artifact, folder)


def sensitivity(estimator: Any, rows: Any, seed: int) -> Any:
    """For each column, the mean absolute change of the scores when its values are shuffled."""
    import numpy as np

    ask = getattr(estimator, "predict_proba", estimator.predict)
    random = np.random.default_rng(seed)
    before = np.asarray(ask(rows), dtype=np.float64)
    found = []
    for column in range(rows.shape[1]):
        shuffled = rows.copy()
        shuffled[:, column] = random.permutation(shuffled[:, column])
        found.append(float(np.abs(np.asarray(ask(shuffled)) - before).mean()))
    return np.asarray(found)


def kept_columns(matters: Any, lost: float) -> list[int]:
    """Columns to keep, in order: the least of them go as long as their sum stays within `lost` of the total.

    Raises ModelError where no column can go, or none would be left.
    """
    import numpy as np

    order = np.argsort(matters, kind="stable")
    gone = order[np.cumsum(matters[order]) <= lost * matters.sum()]
    kept = sorted(set(range(len(matters))) - set(gone.tolist()))
    if not kept or not len(gone):
        raise ModelError("every column changes the answers" if kept else "no column changes the answers")
    return kept
