"""Trees as a treelite checkpoint: small, loaded at once, run by treelite's interpreter or compiled by tl2cgen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.loading import before_last, estimator_of, family, last_step, tree_booster
from joulewise.shrink.transforms.making import Recipe, Settings

_BOOSTERS = ("gbtree", "dart")
_FOREIGN = ("LogisticRegression", "LinearRegression", "MLPClassifier", "MLPRegressor", "SVC", "SVR", "Ridge")


class ToTreelite(Recipe):
    """Ensembles of XGBoost, LightGBM and scikit-learn, without steps before them."""

    name = "to-treelite"
    formats = ("sklearn", "skops", "xgboost", "lightgbm")
    distribution = "treelite"
    modules = ("treelite",)
    extra = "trees"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        if len(artifact.facts.get("inputs", ())) > 1:
            return "treelite takes one matrix of numbers, the model takes several inputs"
        estimator = str(artifact.facts.get("estimator", ""))
        return f"{estimator} has no trees" if estimator in _FOREIGN else ""

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        from joulewise.compare.artifacts import facts_of
        from joulewise.compare.facts.folders import answers_of

        path = folder / "model.tl"
        model = _imported(artifact)
        model.serialize(str(path))
        fresh = facts_of(path, "treelite")
        known = {name: artifact.facts[name] for name in ("task", "classes", "columns") if name in artifact.facts}
        if known.get("task") == "classification" and "classes" in known:  # a checkpoint has numbers, no names
            known |= answers_of("classification", classes=known["classes"], dtype=str(model.output_type))
        return Artifact(path=path, format="treelite", facts={**fresh, **known}, steps=artifact.steps)


def _imported(artifact: Artifact) -> Any:
    import treelite

    if artifact.format == "xgboost":
        import xgboost

        return treelite.frontend.from_xgboost(tree_booster(xgboost.Booster(model_file=str(artifact.path)), _BOOSTERS))
    if artifact.format == "lightgbm":
        return treelite.frontend.load_lightgbm_model(artifact.path)
    estimator = estimator_of(artifact)
    if before_last(estimator) is not None:
        raise ModelError(
            "treelite holds trees only, and the pipeline has steps before them", hint="to-onnx takes pipelines"
        )
    return _imported_estimator(last_step(estimator))


def _imported_estimator(estimator: Any) -> Any:
    import treelite

    if family(estimator) == "xgboost":
        return treelite.frontend.from_xgboost(tree_booster(estimator.get_booster(), _BOOSTERS))
    if family(estimator) == "lightgbm":
        return treelite.frontend.from_lightgbm(estimator.booster_)
    if not hasattr(estimator, "_predictors"):
        _widen_thresholds(estimator)
    return treelite.sklearn.import_model(estimator)


def _widen_thresholds(estimator: Any) -> None:
    """Let doubles be decided as scikit-learn decides them: its trees round rows to float32 before they compare,
    treelite's compare the doubles themselves. Changes the estimator, which was read for this."""
    import numpy as np

    for tree in np.ravel(getattr(estimator, "estimators_", ())):
        nodes = getattr(tree, "tree_", None)
        if nodes is not None:
            nodes.threshold[:] = widened(np.array(nodes.threshold))


def widened(thresholds: Any) -> Any:
    """For each double t the largest double whose nearest float32 is not above t: the middle between the two float32
    around t, or the double below it where the middle is rounded up."""
    import numpy as np

    from joulewise.shrink.transforms.onnx_thresholds import round_down

    low = round_down(thresholds)
    high = np.nextafter(low, np.float32(np.inf))
    middle = low.astype(np.float64) / 2 + high.astype(np.float64) / 2
    return np.where(middle.astype(np.float32) <= low, middle, np.nextafter(middle, -np.inf))
