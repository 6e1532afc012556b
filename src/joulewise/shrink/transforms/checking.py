"""Does a changed model still answer like the one it came from? Asked on 16 calibration rows, after each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials, RunOptions

if TYPE_CHECKING:
    from joulewise.compare import Prediction

CHECKED_ROWS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What counts as broken. `tolerance` is the largest difference of scores, values or vectors, relative to their
    spread over the rows (None: not asked), which the share `agreement` of the rows must keep; `agreement` is also the
    least share of rows with the same label, `likeness` the least mean cosine of vectors, or correlation of values."""

    tolerance: float | None
    agreement: float
    likeness: float


EXACT = Guard(tolerance=1e-3, agreement=0.9, likeness=0.999)
"""A conversion: a row on a threshold may flip, nothing else may move."""
CLOSE = Guard(tolerance=None, agreement=0.75, likeness=0.9)
"""Less precision: noise, no new behaviour."""
LOOSE = Guard(tolerance=None, agreement=0.5, likeness=0.5)
"""Less structure: the proof on held-out rows decides; here only wrecks are sorted out."""


def answer(artifact: Artifact, materials: Materials, rows: int | None = CHECKED_ROWS) -> Prediction:
    """What the artifact says about the first calibration rows (None: all), on its own runtime."""
    from joulewise.compare import canonical, native_runtime, open_model
    from joulewise.shrink.transforms.feeding import ask, calibration_feeds

    predictor = open_model(artifact, native_runtime(artifact), RunOptions(threads=materials.threads))
    try:
        outputs = ask(predictor, calibration_feeds(materials, predictor.inputs, rows))
    finally:
        predictor.close()
    return canonical(outputs, artifact.facts)


def check(before: Artifact, after: Artifact, guard: Guard, materials: Materials) -> Mapping[str, Any]:
    """How far the answers moved, to be kept in the facts. Raises ModelError where they moved beyond the guard."""
    old, new = answer(before, materials), answer(after, materials)
    found = moved(old, new)
    broken = _broken(found, guard) or _many_off(old, new, guard)
    if broken:
        raise ModelError(
            f"the result answers differently: {broken}", hint="the original model stays; try other settings"
        )
    return {name: round(value, 6) for name, value in found.items()}


def moved(old: Prediction, new: Prediction) -> dict[str, float]:
    """ "agreement" of labels, "likeness" of values or vectors, "difference" relative to the spread of the old answers.

    Raises ModelError where the new answers have another shape or are not finite.
    """
    import numpy as np

    found: dict[str, float] = {}
    for name in ("scores", "values", "vectors"):
        was, now = getattr(old, name), getattr(new, name)
        if was is None or now is None:
            continue
        was, now = np.asarray(was, dtype=np.float64), np.asarray(now, dtype=np.float64)
        _same_kind(name, was, now)
        found["difference"] = float(differences(was, now).max())
        if name != "scores":
            found["likeness"] = _likeness(was, now)
    if old.labels is not None and new.labels is not None:
        found["agreement"] = float(np.mean(_same_labels(np.asarray(old.labels), np.asarray(new.labels))))
    if not found:
        raise ModelError("the result has no answer that can be held against the original's")
    return found


def differences(was: Any, now: Any) -> Any:
    """The largest difference in each row, relative to the spread of the old answers over all rows."""
    import numpy as np

    was, now = (np.asarray(array, dtype=np.float64).reshape(len(array), -1) for array in (was, now))
    return np.abs(was - now).max(axis=1) / (float(was.max() - was.min()) or 1.0)


def _many_off(old: Prediction, new: Prediction, guard: Guard) -> str:
    """The answer to a row may fall to the other side of a threshold; where many move, the result computes otherwise,
    be it that the labels stay."""
    if guard.tolerance is None:
        return ""
    for name in ("scores", "values", "vectors"):
        was, now = getattr(old, name), getattr(new, name)
        if was is None or now is None:
            continue
        off = differences(was, now)
        share = float((off > guard.tolerance).mean())
        if share > 1 - guard.agreement:
            return f"{share:.0%} of the {name} are off by up to {off.max():.2g} of their spread"
    return ""


def _same_kind(name: str, was: Any, now: Any) -> None:
    import numpy as np

    if was.shape != now.shape:
        raise ModelError(f"the {name} changed shape from {was.shape} to {now.shape}")
    if not np.isfinite(now).all() and np.isfinite(was).all():
        raise ModelError(f"the {name} hold NaN or infinity where the original's are finite")


def _same_labels(was: Any, now: Any) -> Any:
    """Numbers by value, so that true is 1 as in ONNX, which knows no labels of booleans; anything else as text."""
    numbers = was.dtype.kind in "biuf" and now.dtype.kind in "biuf"
    return was == now if numbers else was.astype(str) == now.astype(str)


def _likeness(was: Any, now: Any) -> float:
    """Mean cosine of vectors; for values their correlation, 1 where neither moves."""
    import numpy as np

    if was.ndim == 2 and was.shape[1] > 1:
        norms = np.linalg.norm(was, axis=1), np.linalg.norm(now, axis=1)
        cosines = (was * now).sum(axis=1) / np.maximum(norms[0] * norms[1], 1e-12)
        return float(np.mean(np.where((norms[0] == 0) & (norms[1] == 0), 1.0, cosines)))  # nothing is like nothing
    centred, moved_ = was.ravel() - was.mean(), now.ravel() - now.mean()
    size = float(np.linalg.norm(centred) * np.linalg.norm(moved_))
    return float(centred @ moved_) / size if size > 0 else 1.0


def _broken(found: Mapping[str, float], guard: Guard) -> str:
    if found.get("agreement", 1.0) < guard.agreement:
        return f"{found['agreement']:.0%} of the labels agree, {guard.agreement:.0%} asked"
    if found.get("likeness", 1.0) < guard.likeness:
        return f"likeness {found['likeness']:.3f}, {guard.likeness:.3f} asked"
    return ""
