"""scikit-learn estimators and pipelines: how they are loaded, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from joulewise.compare.facts import BATCH, SEVERAL, answers, entry
from joulewise.compare.trust import refuse_untrusted
from joulewise.core.errors import ModelError, PluginMissing, UntrustedModel


def describe(path: Path, form: str, trust: bool) -> dict[str, Any]:
    """Facts of a joblib, pickle or skops file. Raises UntrustedModel before anything of a stranger is run."""
    model = load(path, form, trust)
    facts: dict[str, Any] = {"trusted": trust, **_inputs(model), **_outputs(model)}
    return facts | {"estimator": type(last_step(model)).__name__}


def load(path: Path, form: str, trust: bool) -> Any:
    """The fitted estimator. Raises UntrustedModel, ModelError."""
    if form == "skops":
        return _load_skops(path, trust)
    refuse_untrusted(path, "a pickle", trust)
    import joblib

    try:
        model = joblib.load(path)
    except ModuleNotFoundError as error:
        raise ModelError(f"{path} needs the package {error.name}", hint=f"pip install {error.name}") from error
    except Exception as error:
        raise ModelError(
            f"{path} can't be loaded: {type(error).__name__}: {error}",
            hint="load it with the versions of scikit-learn and Python that wrote it, and save it anew",
        ) from error
    if not hasattr(model, "predict") and not hasattr(model, "transform"):
        raise ModelError(
            f"{path} holds a {type(model).__name__}, which neither predicts nor transforms",
            hint="dump the fitted estimator or pipeline itself: joblib.dump(model, 'model.joblib')",
        )
    return model


def _load_skops(path: Path, trust: bool) -> Any:
    try:
        from skops import io
    except ImportError as error:
        raise PluginMissing(f"{path} needs skops", hint="pip install 'joulewise[skops]'") from error
    strange = io.get_untrusted_types(file=path)
    if strange and not trust:
        raise UntrustedModel(
            f"{path} brings types that skops does not know: {', '.join(strange)}",
            hint="--trust (in Python: trust=True) if you know them",
        )
    try:
        return io.load(path, trusted=strange)
    except (AttributeError, ImportError, TypeError, ValueError) as error:
        raise ModelError(f"{path} can't be loaded: {error}", hint="dump it anew with the installed versions") from error


def last_step(model: Any) -> Any:
    """The estimator that answers: the end of a pipeline, the best of a search."""
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif hasattr(model, "steps"):
            model = model.steps[-1][1]
        else:
            return model


def _outputs(model: Any) -> dict[str, Any]:
    classes = getattr(model, "classes_", None)
    if isinstance(classes, list) or _is_multilabel(last_step(model)):
        raise ModelError(SEVERAL, hint="bench one output at a time")
    if classes is not None and len(classes) == 0:  # a regressor of CatBoost's has the attribute, and no class
        classes = None
    if classes is not None and not hasattr(model, "predict"):
        raise ModelError(
            f"a {type(model).__name__} encodes targets and predicts nothing", hint="dump the model that was trained"
        )
    if classes is not None:
        facts: dict[str, Any] = answers("classification", classes=np.asarray(classes).tolist())
        if not hasattr(model, "predict_proba"):
            facts = facts | {"outputs": facts["outputs"][:1], "roles": {"labels": "labels"}}
        return facts
    if not hasattr(model, "predict"):
        facts = answers("embedding", width=0)
        return facts | {"outputs": [entry("vectors", "float64", (BATCH, "width"))]}
    kind = getattr(last_step(model), "_estimator_type", "") or _tags_type(last_step(model))
    if kind in ("outlier_detector", "clusterer"):
        known: dict[str, Any] = {"classes": [-1, 1]} if kind == "outlier_detector" else {}
        task = "classification" if known else "unknown"
        known = known or {"clusters": True}
        return {"task": task, "outputs": [entry("labels", "int64", (BATCH,))], "roles": {"labels": "labels"}, **known}
    return dict(answers("regression", width=_width(last_step(model))))


def _is_multilabel(model: Any) -> bool:
    binarizer = getattr(model, "label_binarizer_", getattr(model, "_label_binarizer", None))
    return str(getattr(binarizer, "y_type_", "")).startswith("multilabel")


def _tags_type(model: Any) -> str:
    from sklearn.utils import get_tags

    try:
        return get_tags(model).estimator_type or ""
    except (AttributeError, TypeError, ValueError):  # no estimator of scikit-learn's making
        return ""


def _width(model: Any) -> int | None:
    width = getattr(model, "n_outputs_", None)
    coefficients = getattr(model, "coef_", None)
    if isinstance(coefficients, np.ndarray) and coefficients.ndim == 2 and not width:
        width = coefficients.shape[0]
    return int(width) if width and int(width) > 1 else None


def _inputs(model: Any) -> dict[str, Any]:
    names = getattr(model, "feature_names_in_", None)
    columns = [str(name) for name in names] if names is not None else []
    kinds = _column_kinds(model)
    if columns and any(kind == "object" for kind in kinds.values()):
        gaps = sorted({str(name) for reader, names in _column_readers(model) for name in _gaps(reader, names)})
        return {
            "columns": columns,
            "inputs": [entry(name, kinds.get(name, "float64"), (BATCH,)) for name in columns],
            **({"gaps": gaps} if gaps else {}),
        }
    if _reads_text(model):
        return {"inputs": [entry("x", "object", (BATCH,))]}
    width = getattr(model, "n_features_in_", None)
    facts = {"inputs": [entry("x", "float64", (BATCH, int(width) if width else "features"))]}
    return facts | ({"columns": columns} if columns else {})


def _reads_text(model: Any) -> bool:
    first = model.steps[0][1] if hasattr(model, "steps") else model
    return hasattr(first, "build_analyzer")


def _column_kinds(model: Any) -> dict[str, str]:
    """dtype by column, as far as the encoders that read it tell."""
    found: dict[str, str] = {}
    for transformer, columns in _column_readers(model):
        for at, column in enumerate(columns):
            found[str(column)] = _kind_of(transformer, at)
    return found


def _gaps(transformer: Any, columns: list[Any]) -> Iterator[Any]:
    """Columns of text in which the first step knows what is missing: there an empty cell is no text."""
    first = transformer.steps[0][1] if hasattr(transformer, "steps") else transformer
    if hasattr(first, "statistics_") and getattr(first, "missing_values", "") != "":
        yield from (column for at, column in enumerate(columns) if _kind_of(transformer, at) == "object")
    for column, known in zip(columns, getattr(first, "categories_", ()), strict=False):
        if any(value is None or str(value) == "nan" for value in known):
            yield column


def _column_readers(model: Any) -> Iterator[tuple[Any, list[Any]]]:
    steps = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
    names = list(getattr(model, "feature_names_in_", ()))
    for step in steps[:1]:
        if not hasattr(step, "transformers_"):
            yield step, names
            continue
        for _, transformer, columns in step.transformers_:
            chosen = _chosen(columns, names)
            if transformer not in ("drop", "passthrough"):
                yield transformer, chosen


def _chosen(columns: Any, names: list[str]) -> list[str]:
    """A ColumnTransformer's columns as names: it takes names, places, masks or a slice."""
    if isinstance(columns, (str, int)):
        columns = [columns]
    if isinstance(columns, slice):
        return names[columns] if not isinstance(columns.start, str) else names
    listed = list(columns)
    if listed and isinstance(listed[0], (bool, np.bool_)):
        return [name for name, kept in zip(names, listed, strict=True) if kept]
    return [each if isinstance(each, str) else names[int(each)] for each in listed if isinstance(each, str) or names]


def _kind_of(transformer: Any, at: int) -> str:
    first = transformer.steps[0][1] if hasattr(transformer, "steps") else transformer
    if hasattr(first, "build_analyzer"):
        return "object"
    for attribute in ("categories_", "statistics_"):
        values = getattr(first, attribute, None)
        if values is None or at >= len(values):
            continue
        kind = np.asarray(values[at]).dtype.kind if attribute == "categories_" else np.asarray(values).dtype.kind
        return "object" if kind in "OUST" else "float64"
    return "float64"


def is_installed(package: str) -> bool:
    """True if a package can be imported."""
    try:
        import_module(package)
    except ImportError:
        return False
    return True


def as_frame(arrays: Mapping[str, Any], columns: list[str], gaps: Sequence[str] = ()) -> Any:
    """A DataFrame of columns, in those of `gaps` NaN for empty texts; raises PluginMissing without pandas."""
    try:
        import pandas
    except ImportError as error:
        raise PluginMissing("a pipeline with named columns needs pandas", hint="pip install pandas") from error
    found = {name: np.asarray(arrays[name]).reshape(-1) for name in columns}
    for name in gaps:
        found[name] = np.where(found[name] == "", np.nan, found[name])
    return pandas.DataFrame(found, columns=columns)
