"""CatBoost: its own predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import catboost
import numpy as np

from joulewise.compare.facts.trees import load_catboost
from joulewise.compare.runtimes.predicting import (
    CheckedPredictor,
    as_data_error,
    class_array,
    predictor_of,
    scores_answer,
)
from joulewise.core.runtimes import Artifact, RunOptions


class CatBoost:
    """Runs .cbm files and CatBoost's JSON."""

    name = "catboost"
    formats = ("catboost",)

    @property
    def version(self) -> str:
        return str(catboost.__version__)

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        del artifact
        return [{}]

    def open(self, artifact: Artifact, options: RunOptions) -> CheckedPredictor:
        model = load_catboost(artifact.path)
        facts = artifact.facts
        names = [each["name"] for each in facts["inputs"]]
        classes = class_array(facts["classes"]) if facts.get("task") == "classification" else None
        kind = "RawFormulaVal" if classes is None else "Probability"

        def answer(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
            try:
                found = model.predict(_rows(feeds, names), prediction_type=kind, thread_count=options.threads)
            except (ValueError, TypeError, catboost.CatBoostError) as error:
                raise as_data_error(error, "CatBoost") from error
            return {"values": found} if classes is None else scores_answer(found, classes)

        return predictor_of(artifact, answer)


def _rows(feeds: Mapping[str, Any], names: list[str]) -> Any:
    if names == ["x"]:
        return feeds["x"]
    return np.array([feeds[name].astype(object) for name in names], dtype=object).T
