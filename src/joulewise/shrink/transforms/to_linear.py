"""Linear models, small networks and the scalers before them as plain arrays, answered by NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.checking import Guard
from joulewise.shrink.transforms.loading import estimator_of
from joulewise.shrink.transforms.making import Recipe, Settings

_TREES = ("Forest", "Tree", "Boosting", "XGB", "LGBM", "CatBoost", "Neighbors", "SVC", "SVR", "GaussianProcess", "NB")
_LINEAR = ("LinearSVC", "LinearSVR")


class ToLinear(Recipe):
    """Scalers and projections are folded into the first layer, which saves two passes over the rows.

    `dtype` is float64 (answers as scikit-learn does, to the last digits) or float32 (half the memory traffic).
    """

    name = "to-linear"
    formats = ("sklearn", "skops")
    distribution = "numpy"
    modules = ("sklearn", "numpy")
    extra = "compare"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        inputs = artifact.facts.get("inputs", ())
        if len(inputs) != 1 or inputs[0]["dtype"] == "object":
            return "to-linear takes one matrix of numbers"
        estimator = str(artifact.facts.get("estimator", ""))
        if estimator not in _LINEAR and any(part in estimator for part in _TREES):
            return f"{estimator} is not linear, nor a network of dense layers"
        return ""

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        return ({"dtype": "float64"}, {"dtype": "float32"})

    def guard(self, settings: Settings) -> Guard:
        return Guard(tolerance=1e-3, agreement=0.9, likeness=0.999)

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        from joulewise.compare.linear_files import write_linear
        from joulewise.shrink.transforms.linear_steps import steps_of

        dtype = str(settings.get("dtype", "float64"))
        steps = [_typed(step, dtype) for step in steps_of(estimator_of(artifact))]
        facts = {**artifact.facts, "inputs": [{**artifact.facts["inputs"][0], "name": "x", "dtype": dtype}]}
        path = write_linear(folder, steps, facts)
        return Artifact(path=path, format="linear", facts=facts, steps=artifact.steps)


def _typed(step: dict[str, Any], dtype: str) -> dict[str, Any]:
    import numpy as np

    return {
        key: np.ascontiguousarray(value, dtype=dtype) if hasattr(value, "shape") else value
        for key, value in step.items()
    }
