"""A smaller student learns the answers of the model: its scores on the training rows, not the labels alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.checking import LOOSE, Guard
from joulewise.shrink.transforms.making import Recipe, Settings

_TABULAR = ("sklearn", "skops", "xgboost", "lightgbm", "catboost")


class Distill(Recipe):
    """For tables `student` is trees, mlp or linear, written as a scikit-learn model; for torch modules `width` is the
    share of the channels of a narrower copy (where the factory takes a `width`), else a small plain network."""

    name = "distill"
    formats = (*_TABULAR, "torch-module")
    distribution = "scikit-learn"
    modules = ("sklearn",)
    extra = "compare"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        if materials.training is None:
            return "a student needs training rows to learn from: give --training"
        if artifact.facts.get("task") not in ("classification", "regression"):
            return "only classifiers and regressions are distilled"
        if any(entry["dtype"] == "object" for entry in artifact.facts.get("inputs", ())):
            return "a student can't read text columns: distil the model behind the encoders"
        return ""

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        if artifact.format == "torch-module":
            return tuple({"width": share, "epochs": 30} for share in (0.5, 0.25))
        plain = ({"student": "mlp"}, {"student": "linear"})
        return plain if _wide(artifact) else ({"student": "trees"}, *plain)

    def guard(self, settings: Settings) -> Guard:
        return LOOSE

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        if artifact.format == "torch-module":
            from joulewise.shrink.transforms.torch_students import taught_module

            return taught_module(artifact, settings, materials, folder)
        from joulewise.shrink.transforms.table_students import taught_estimator

        return taught_estimator(artifact, str(settings.get("student", "trees")), materials, folder)


def _wide(artifact: Artifact) -> bool:
    """True for regressions of several values a row, which no single booster of scikit-learn learns."""
    return artifact.facts.get("task") == "regression" and any(
        len(entry["shape"]) > 1 and entry["shape"][1] != 1 for entry in artifact.facts.get("outputs", ())
    )
