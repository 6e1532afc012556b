"""Trimming the ensembles of scikit-learn, and of XGBoost and LightGBM behind its face."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.feature_rows import model_rows
from joulewise.shrink.transforms.loading import estimator_of, family, last_step, write_estimator
from joulewise.shrink.transforms.trimming import factor, kept


def trim_estimator(artifact: Artifact, share: float, rescale: bool, materials: Materials, folder: Path) -> Artifact:
    """The estimator, or the pipeline around it, with fewer trees."""
    whole = deepcopy(estimator_of(artifact))
    predictor = last_step(whole)
    rows = model_rows(whole, artifact, materials.calibration)
    if family(predictor) in ("xgboost", "lightgbm"):
        _trim_wrapped(predictor, share, rescale, rows)
    elif hasattr(predictor, "_predictors"):
        _trim_histogram(predictor, share, rescale, rows)
    elif hasattr(predictor, "_raw_predict_init"):
        _trim_gradient(predictor, share, rescale, rows)
    elif hasattr(predictor, "estimators_") and hasattr(predictor, "estimators_samples_"):
        _trim_forest(predictor, share, rows)
    else:
        raise ModelError(f"{type(predictor).__name__} has no trees that can be left out")
    return write_estimator(whole, artifact, folder)


def _trim_histogram(predictor: Any, share: float, rescale: bool, rows: Any) -> None:
    whole = predictor._raw_predict(rows)
    start = predictor._baseline_prediction
    del predictor._predictors[kept(len(predictor._predictors), share) :]
    if not rescale:
        return
    scale = factor(whole - start, predictor._raw_predict(rows) - start)
    for iteration in predictor._predictors:
        for tree in iteration:
            tree.nodes["value"] *= scale


def _trim_gradient(predictor: Any, share: float, rescale: bool, rows: Any) -> None:
    import numpy as np

    rows = np.asarray(rows, dtype=np.float32)
    start, whole = predictor._raw_predict_init(rows), predictor._raw_predict(rows)
    count = kept(len(predictor.estimators_), share)
    predictor.estimators_ = predictor.estimators_[:count]
    predictor.n_estimators = predictor.n_estimators_ = count
    if rescale:
        predictor.learning_rate *= factor(whole - start, predictor._raw_predict(rows) - start)


def _trim_forest(predictor: Any, share: float, rows: Any) -> None:
    """Forward selection: each time the tree that brings the mean of the chosen closest to the mean of all."""
    import numpy as np

    rows = np.asarray(rows, dtype=np.float32)
    classifier = hasattr(predictor, "classes_")
    answers = np.stack(
        [(tree.predict_proba(rows) if classifier else tree.predict(rows)).reshape(-1) for tree in predictor.estimators_]
    )
    count = kept(len(answers), share)
    chosen = _closest_to_mean(answers, count)
    predictor.estimators_ = [predictor.estimators_[place] for place in chosen]
    predictor.n_estimators = count


def _closest_to_mean(answers: Any, count: int) -> list[int]:
    import numpy as np

    goal = answers.mean(axis=0)
    total, left, chosen = np.zeros_like(goal), list(range(len(answers))), []
    for size in range(1, count + 1):
        off = ((total + answers[left]) / size - goal) ** 2
        best = left[int(off.sum(axis=1).argmin())]
        left.remove(best)
        chosen.append(best)
        total = total + answers[best]
    return sorted(chosen)


def _trim_wrapped(predictor: Any, share: float, rescale: bool, rows: Any) -> None:
    """XGBoost and LightGBM keep their booster in `_Booster`."""
    from joulewise.shrink.transforms.trimmed_boosters import trim_lightgbm, trim_xgboost

    if family(predictor) == "xgboost":
        predictor._Booster = trim_xgboost(predictor.get_booster(), share, rescale, rows)
        predictor.n_estimators = predictor._Booster.num_boosted_rounds()
        return
    predictor._Booster = trim_lightgbm(predictor.booster_, share, rescale, rows)
    predictor.n_estimators = predictor._Booster.current_iteration()
    predictor._best_iteration = 0
