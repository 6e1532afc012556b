"""Students for tables: a small booster, a small network or a linear model of scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.checking import answer
from joulewise.shrink.transforms.feeding import calibration_feeds, tensors

FAINT = 0.02
"""Scores below this teach nothing and cost a row each."""
TREES, LEAVES, NEURONS = 30, 15, 32


def taught_estimator(artifact: Artifact, student: str, materials: Materials, folder: Path) -> Artifact:
    """The student, trained on what the artifact answers to the training rows."""
    assert materials.training is not None
    training = replace(materials, calibration=materials.training)
    teacher = answer(artifact, training, None)
    rows = _matrix(artifact, training)
    classes = artifact.facts.get("classes")
    if artifact.facts["task"] == "classification":
        if teacher.scores is None or classes is None:
            raise ModelError("the model gives labels without scores: there is nothing to distil from")
        made = _classifier(student, materials.seed)
        made.fit(*_soft(rows, teacher.scores, classes), **_weights(student, teacher.scores))
    else:
        made = _regression(student, materials.seed)
        made.fit(rows, teacher.values)
    return _written(made, artifact, folder)


def _written(made: Any, artifact: Artifact, folder: Path) -> Artifact:
    import joblib

    from joulewise.compare.artifacts import facts_of

    path = folder / "model.joblib"
    joblib.dump(made, path)
    fresh = facts_of(path, "sklearn", trust=True)
    gone = ("inputs", "outputs", "roles", "classes", "estimator", "trusted", "objective")
    known = {name: value for name, value in artifact.facts.items() if name not in gone}
    return Artifact(path=path, format="sklearn", facts={**fresh, **known}, steps=artifact.steps)


def _matrix(artifact: Artifact, materials: Materials) -> Any:
    import numpy as np

    feeds = calibration_feeds(materials, tensors(artifact.facts))
    return np.concatenate([np.asarray(array).reshape(len(array), -1) for array in feeds.values()], axis=1)


def _soft(rows: Any, scores: Any, classes: Any) -> tuple[Any, Any]:
    """Each row once for each class that the teacher thinks possible; `_weights` says how much each counts."""
    import numpy as np

    where, which = np.nonzero(np.asarray(scores) > FAINT)
    return rows[where], np.asarray(list(classes))[which]


def _weights(student: str, scores: Any) -> dict[str, Any]:
    import numpy as np

    step = {"trees": "histgradientboostingclassifier", "mlp": "mlpclassifier", "linear": "logisticregression"}[student]
    found = np.asarray(scores, dtype=np.float64)
    return {f"{step}__sample_weight": found[found > FAINT]}


def _classifier(student: str, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if student == "trees":
        return make_pipeline(HistGradientBoostingClassifier(max_iter=TREES, max_leaf_nodes=LEAVES, random_state=seed))
    if student == "mlp":
        network = MLPClassifier(hidden_layer_sizes=(NEURONS,), max_iter=300, tol=1e-3, random_state=seed)
        return make_pipeline(StandardScaler(), network)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))


def _regression(student: str, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if student == "trees":
        return HistGradientBoostingRegressor(max_iter=TREES, max_leaf_nodes=LEAVES, random_state=seed)
    if student == "mlp":
        network = MLPRegressor(
            hidden_layer_sizes=(NEURONS,), max_iter=500, tol=1e-4, learning_rate_init=1e-2, random_state=seed
        )
        return make_pipeline(StandardScaler(), network)
    return make_pipeline(StandardScaler(), Ridge())
