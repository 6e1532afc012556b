"""The estimators behind artifacts, and how changed ones are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact


def estimator_of(artifact: Artifact) -> Any:
    """The fitted scikit-learn object of an artifact of format sklearn or skops.

    Raises UntrustedModel where the user has not said that he trusts the file.
    """
    from joulewise.compare.facts.estimators import load

    if artifact.format not in ("sklearn", "skops"):
        raise ModelError(f"a model of format {artifact.format} holds no scikit-learn object")
    return load(artifact.path, artifact.format, bool(artifact.facts.get("trusted", False)))


def write_estimator(estimator: Any, artifact: Artifact, folder: Path) -> Artifact:
    """A changed estimator as joblib, the facts kept; what we wrote ourselves is trusted."""
    import joblib

    path = folder / "model.joblib"
    joblib.dump(estimator, path)
    return Artifact(path=path, format="sklearn", facts={**artifact.facts, "trusted": True}, steps=artifact.steps)


def last_step(estimator: Any) -> Any:
    """The predictor at the end of a pipeline, the best of a search, or the estimator itself."""
    while hasattr(estimator, "steps") or hasattr(estimator, "best_estimator_"):
        estimator = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator.best_estimator_
    return estimator


def unwrapped(estimator: Any) -> Any:
    """Searches replaced by what they found; a pipeline stays one."""
    while hasattr(estimator, "best_estimator_"):
        estimator = estimator.best_estimator_
    return estimator


def before_last(estimator: Any) -> Any:
    """The steps of a pipeline without the predictor, None where there are none."""
    whole = unwrapped(estimator)
    return whole[:-1] if hasattr(whole, "steps") and len(whole.steps) > 1 else None


def family(estimator: Any) -> str:
    """The library that an estimator comes from: "sklearn", "xgboost", "lightgbm", "catboost", ..."""
    return type(estimator).__module__.partition(".")[0]


def tree_booster(booster: Any, kinds: tuple[str, ...] = ("gbtree",)) -> Any:
    """An XGBoost booster of a kind that can be worked on. Raises ModelError for others: gblinear has no trees, and the
    trees of dart have weights of their own."""
    kind = json.loads(booster.save_config())["learner"]["gradient_booster"]["name"]
    if kind not in kinds:
        raise ModelError(f"this does not know XGBoost's booster {kind}", hint="keep the library's own runtime")
    return booster


def feature_count(artifact: Artifact, estimator: Any) -> int:
    """How many features a row has. Raises ModelError where neither the facts nor the estimator know."""
    inputs = artifact.facts.get("inputs", ())
    if len(inputs) == 1 and len(inputs[0]["shape"]) == 2 and isinstance(inputs[0]["shape"][1], int):
        return int(inputs[0]["shape"][1])
    count = getattr(estimator, "n_features_in_", None)
    if count is None:
        raise ModelError("the model does not say how many features it takes", hint="fit it with a current scikit-learn")
    return int(count)
