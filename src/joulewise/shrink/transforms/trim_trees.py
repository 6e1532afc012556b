"""Fewer trees: a boosted ensemble is cut after k rounds, a forest keeps the trees that together answer most alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.checking import LOOSE, Guard
from joulewise.shrink.transforms.feeding import calibration_feeds, tensors
from joulewise.shrink.transforms.making import Recipe, Settings

SHARES = (0.5, 0.25, 0.1)
_ENSEMBLES = (
    "RandomForestClassifier",
    "RandomForestRegressor",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
    "GradientBoostingClassifier",
    "GradientBoostingRegressor",
    "XGBClassifier",
    "XGBRegressor",
    "LGBMClassifier",
    "LGBMRegressor",
)


class TrimTrees(Recipe):
    """`keep` is the share of trees (of rounds, in boosting). With `rescale`, the leaves that are left are multiplied by
    the factor that brings the raw scores of the calibration rows closest to the whole ensemble's: a cut ensemble is too
    unsure otherwise."""

    name = "trim-trees"
    formats = ("sklearn", "skops", "xgboost", "lightgbm", "catboost")
    distribution = "scikit-learn"
    modules = ("sklearn",)
    extra = "compare"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        estimator = str(artifact.facts.get("estimator", ""))
        if artifact.format in ("sklearn", "skops") and estimator and estimator not in _ENSEMBLES:
            return f"{estimator} has no trees that can be left out"
        return ""

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        return tuple({"keep": share, "rescale": True} for share in SHARES)

    def guard(self, settings: Settings) -> Guard:
        return LOOSE

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        share, rescale = float(settings["keep"]), bool(settings.get("rescale", True))
        if not 0 < share < 1:
            raise ModelError(f"keep is a share of the trees between 0 and 1, got {share}")
        if artifact.format in ("sklearn", "skops"):
            from joulewise.shrink.transforms.trimmed_estimators import trim_estimator

            return trim_estimator(artifact, share, rescale, materials, folder)
        from joulewise.shrink.transforms.trimmed_boosters import trim_booster

        return trim_booster(artifact, share, rescale, matrix_of(artifact, materials), folder)


def matrix_of(artifact: Artifact, materials: Materials) -> Any:
    """The calibration rows as the one matrix that boosters take."""
    feeds = calibration_feeds(materials, tensors(artifact.facts))
    if len(feeds) != 1:
        raise ModelError("trees of boosters are trimmed on one matrix of numbers, the model takes several inputs")
    return next(iter(feeds.values()))
