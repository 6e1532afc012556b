"""scikit-learn: the estimator's own predict_proba, predict or transform, as the lab calls it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sklearn
from sklearn.exceptions import NotFittedError
from threadpoolctl import ThreadpoolController

from joulewise.compare.facts import estimators
from joulewise.compare.runtimes.predicting import (
    CheckedPredictor,
    as_data_error,
    class_array,
    first_line,
    predictor_of,
)
from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, RunOptions

_ARGMAX_HOMES = ("sklearn.", "xgboost.", "lightgbm.", "catboost.")
_THREADED_HOMES = (
    "sklearn.ensemble._forest",
    "sklearn.ensemble._iforest",
    "sklearn.neighbors",
    "xgboost.",
    "lightgbm.",
    "catboost.",
)
_OWN_LABELS = ("SVC", "NuSVC", "FixedThresholdClassifier", "TunedThresholdClassifierCV", "RadiusNeighborsClassifier")


class ScikitLearn:
    """Runs fitted estimators and pipelines, of scikit-learn or of libraries with its interface."""

    name = "sklearn"
    formats = ("sklearn", "skops")

    @property
    def version(self) -> str:
        return str(sklearn.__version__)

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        del artifact
        return [{}]

    def open(self, artifact: Artifact, options: RunOptions) -> CheckedPredictor:
        """Raises UntrustedModel for a pickle that nobody vouched for, ModelError for what can't be loaded."""
        model = estimators.load(artifact.path, artifact.format, bool(artifact.facts.get("trusted")))
        _set_jobs(model, options.threads)
        ThreadpoolController().limit(limits=options.threads)
        return predictor_of(artifact, _Answer(model, artifact.facts))


class _Answer:
    """One call: labels come from the scores where the library does the same, so that no work is done twice."""

    def __init__(self, model: Any, facts: Mapping[str, Any]) -> None:
        self._model = model
        self._columns: list[str] | None = facts.get("columns")
        self._single = [each["name"] for each in facts["inputs"]] == ["x"]
        self._roles = facts["roles"]
        self._gaps: list[str] = list(facts.get("gaps", ()))
        self._classes = class_array(facts["classes"]) if "classes" in facts else None
        last = estimators.last_step(model)
        self._argmax = type(last).__module__.startswith(_ARGMAX_HOMES) and type(last).__name__ not in _OWN_LABELS
        self._frames = self._columns is not None and estimators.is_installed("pandas")

    def __call__(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            with warnings.catch_warnings():
                if not self._frames and self._columns:  # named columns without pandas: the order was checked
                    warnings.simplefilter("ignore", UserWarning)
                return self._ask(self._rows(feeds))
        except NotFittedError as error:
            raise ModelError(
                f"the model is not trained: {first_line(error)}", hint="call fit before it is saved"
            ) from error
        except (ValueError, TypeError) as error:
            raise as_data_error(error, "scikit-learn") from error

    def _rows(self, feeds: Mapping[str, Any]) -> Any:
        if not self._single:
            return estimators.as_frame(feeds, self._columns or list(feeds), self._gaps)
        rows = feeds["x"]
        if not self._frames:
            return rows
        import pandas

        return pandas.DataFrame(rows, columns=self._columns)

    def _ask(self, rows: Any) -> dict[str, Any]:
        model = self._model
        if "scores" in self._roles and self._classes is not None:
            scores = np.asarray(model.predict_proba(rows))
            labels = self._classes[scores.argmax(axis=1)] if self._argmax else np.asarray(model.predict(rows))
            return {"labels": labels.reshape(-1), "scores": scores}
        if "vectors" in self._roles:
            vectors = model.transform(rows)
            return {"vectors": vectors.toarray() if hasattr(vectors, "toarray") else np.asarray(vectors)}
        answer = np.asarray(model.predict(rows))
        if "labels" in self._roles:
            return {"labels": answer.astype(object) if answer.dtype.kind in "US" else answer}
        return {"values": answer.reshape(-1) if answer.ndim == 2 and answer.shape[1] == 1 else answer}


def _set_jobs(model: Any, threads: int) -> None:
    """n_jobs of every estimator inside: the value of training time has nothing to say here.

    Those that predict in threads get them. The others (column transformers, votes) would start processes: they get one.
    """
    if not hasattr(model, "get_params") or not hasattr(model, "set_params"):
        return
    known = model.get_params(deep=True)
    jobs = {}
    for name in known:
        owner, _, setting = name.rpartition("__")
        if setting in ("n_jobs", "thread_count"):
            threaded = type(known[owner] if owner else model).__module__.startswith(_THREADED_HOMES)
            jobs[name] = threads if threaded else 1
    if not jobs:
        return
    try:
        model.set_params(**jobs)
    except Exception as error:
        raise ModelError(
            f"the threads of {type(model).__name__} can't be set: {first_line(error)}",
            hint="of CatBoost: model.save_model('model.cbm'), and name that file",
        ) from error
