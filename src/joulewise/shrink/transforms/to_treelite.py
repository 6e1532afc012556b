"""Trees as a treelite checkpoint: small, loaded at once, run by treelite's interpreter or compiled by tl2cgen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.loading import before_last, estimator_of, family, last_step
from joulewise.shrink.transforms.making import Recipe, Settings

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

        path = folder / "model.tl"
        model = _imported(artifact)
        model.serialize(str(path))
        fresh = facts_of(path, "treelite")
        known = {name: artifact.facts[name] for name in ("task", "classes", "columns") if name in artifact.facts}
        return Artifact(path=path, format="treelite", facts={**fresh, **known}, steps=artifact.steps)


def _imported(artifact: Artifact) -> Any:
    import treelite

    if artifact.format == "xgboost":
        import xgboost

        return treelite.frontend.from_xgboost(xgboost.Booster(model_file=str(artifact.path)))
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
        return treelite.frontend.from_xgboost(estimator.get_booster())
    if family(estimator) == "lightgbm":
        return treelite.frontend.from_lightgbm(estimator.booster_)
    return treelite.sklearn.import_model(estimator)
