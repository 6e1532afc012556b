"""XGBoost: its own predict, by a DMatrix or in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xgboost

from joulewise.compare.facts.trees import load_xgboost
from joulewise.compare.runtimes.predicting import (
    CheckedPredictor,
    as_data_error,
    class_array,
    predictor_of,
    scores_answer,
)
from joulewise.core.runtimes import Artifact, RunOptions


class XgBoost:
    """Runs .json and .ubj files. `more`: "api" is "matrix" (Booster.predict, the default) or "inplace"."""

    name = "xgboost"
    formats = ("xgboost",)

    @property
    def version(self) -> str:
        return str(xgboost.__version__)

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        del artifact
        return [{}, {"api": "inplace"}]

    def open(self, artifact: Artifact, options: RunOptions) -> CheckedPredictor:
        booster = load_xgboost(artifact.path)
        booster.set_param({"nthread": options.threads})
        inplace = options.more.get("api") == "inplace"
        return predictor_of(artifact, _Answer(booster, artifact.facts, inplace, options.threads))


class _Answer:
    def __init__(self, booster: Any, facts: Mapping[str, Any], inplace: bool, threads: int) -> None:
        self._booster, self._inplace, self._threads = booster, inplace, threads
        self._names = booster.feature_names
        self._classes = class_array(facts["classes"]) if facts.get("task") == "classification" else None
        self._hard = facts.get("objective") == "multi:softmax"
        self._types = booster.feature_types

    def __call__(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            found = self._ask(feeds["x"])
        except (ValueError, xgboost.core.XGBoostError) as error:
            raise as_data_error(error, "XGBoost") from error
        if self._classes is None:
            return {"values": found}
        return scores_answer(found, self._classes)

    def _ask(self, rows: Any) -> Any:
        if self._hard:  # softmax answers with the class alone; the margins hold what the scores are made of
            return _softmax(self._booster.predict(self._matrix(rows), output_margin=True))
        if self._inplace:
            return self._booster.inplace_predict(rows, validate_features=False)
        return self._booster.predict(self._matrix(rows))

    def _matrix(self, rows: Any) -> Any:
        return xgboost.DMatrix(rows, feature_names=self._names, feature_types=self._types, nthread=self._threads)


def _softmax(margins: Any) -> Any:
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
