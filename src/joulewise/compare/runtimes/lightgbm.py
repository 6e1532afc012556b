"""LightGBM: its own predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm

from joulewise.compare.facts.trees import load_lightgbm
from joulewise.compare.runtimes.predicting import (
    CheckedPredictor,
    as_data_error,
    class_array,
    predictor_of,
    scores_answer,
)
from joulewise.core.runtimes import Artifact, RunOptions


class LightGbm:
    """Runs model files of Booster.save_model."""

    name = "lightgbm"
    formats = ("lightgbm",)

    @property
    def version(self) -> str:
        return str(lightgbm.__version__)

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        del artifact
        return [{}]

    def open(self, artifact: Artifact, options: RunOptions) -> CheckedPredictor:
        booster = load_lightgbm(artifact.path)
        classes = class_array(artifact.facts["classes"]) if artifact.facts.get("task") == "classification" else None

        def answer(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
            try:
                found = booster.predict(feeds["x"], num_threads=options.threads)
            except (ValueError, lightgbm.basic.LightGBMError) as error:
                raise as_data_error(error, "LightGBM") from error
            return {"values": found} if classes is None else scores_answer(found, classes)

        return predictor_of(artifact, answer)
