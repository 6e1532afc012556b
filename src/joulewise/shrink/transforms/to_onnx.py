"""A model of any framework as ONNX, which most runtimes and further transforms take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.checking import Guard
from joulewise.shrink.transforms.making import Recipe, Settings
from joulewise.shrink.transforms.onnx_graphs import free_batch, onnx_artifact, strip_zipmaps, write_model

_TABULAR = ("sklearn", "skops", "xgboost", "lightgbm", "catboost")
_NEURAL = ("torch-module", "torch-export", "torchscript", "hf")
_NEEDS = {"xgboost": "xgboost", "lightgbm": "lightgbm", "catboost": "catboost", "hf": "transformers"}


class ToOnnx(Recipe):
    """Convert by the converter made for each library: skl2onnx, onnxmltools, CatBoost's own, torch.onnx.

    Trees compare in float32 unless `precision` is float64; how many calibration rows answer otherwise than before is
    noted in the step as `flipped` of `flipped_of`.
    """

    name = "to-onnx"
    formats = (*_TABULAR, *_NEURAL)
    distribution = "onnx"
    modules = ("onnx", "onnxruntime")
    extra = "onnx"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        needed = ["skl2onnx"] if artifact.format in ("sklearn", "skops") else []
        needed += ["onnxmltools"] if artifact.format in ("xgboost", "lightgbm") else []
        needed += ["torch", "onnxscript"] if artifact.format in _NEURAL else []
        needed += [_NEEDS[artifact.format]] if artifact.format in _NEEDS else []
        absent = [module for module in needed if find_spec(module) is None]
        return f"to-onnx of {artifact.format} needs {', '.join(absent)}" if absent else ""

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        if artifact.format in ("sklearn", "skops") and not _compares_in_float32(artifact):
            return ({"precision": "float32"}, {"precision": "float64"})
        return ({"precision": "float32"},)

    def guard(self, settings: Settings) -> Guard:
        return Guard(tolerance=2e-3, agreement=0.9, likeness=0.999)

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        model = self._convert(artifact, str(settings.get("precision", "float32")), materials)
        strip_zipmaps(model)
        if artifact.format in _TABULAR:
            free_batch(model)
        return onnx_artifact(artifact, write_model(model, folder))

    def _convert(self, artifact: Artifact, precision: str, materials: Materials) -> Any:
        if artifact.format in ("xgboost", "lightgbm", "catboost"):
            from joulewise.shrink.transforms.onnx_boosters import convert_booster

            return convert_booster(artifact)
        if artifact.format in ("sklearn", "skops"):
            from joulewise.shrink.transforms.loading import estimator_of
            from joulewise.shrink.transforms.onnx_sklearn import convert_estimator

            return convert_estimator(estimator_of(artifact), artifact, precision)
        from joulewise.shrink.transforms.onnx_torch import convert_module

        return convert_module(artifact, materials)

    def note(self, before: Artifact, after: Artifact, materials: Materials) -> Mapping[str, Any]:
        return flips(before, after, materials) if before.format in _TABULAR else {}


def _compares_in_float32(artifact: Artifact) -> bool:
    """True for trees that take rows as float32 themselves, so that doubles could only differ from them."""
    estimator = str(artifact.facts.get("estimator", ""))
    return "Hist" not in estimator and any(part in estimator for part in ("Forest", "Tree", "Boosting", "XGB", "LGBM"))


def flips(before: Artifact, after: Artifact, materials: Materials) -> dict[str, int]:
    """Calibration rows on which a threshold falls the other way: float32 trees against float64 thresholds."""
    import numpy as np

    from joulewise.shrink.transforms.checking import answer

    old, new = answer(before, materials, None), answer(after, materials, None)
    was = old.scores if old.scores is not None else old.values
    now = new.scores if new.scores is not None else new.values
    if was is None or now is None or np.shape(was) != np.shape(now):
        return {}
    was, now = (np.asarray(array, dtype=np.float64).reshape(len(array), -1) for array in (was, now))
    spread = float(was.max() - was.min()) or 1.0
    off = np.abs(was - now).max(axis=1) > 1e-3 * spread
    return {"flipped": int(off.sum()), "flipped_of": len(was)}
