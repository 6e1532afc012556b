"""The target's classes and the model's: the same things under different names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulewise.compare.outputs import Prediction, key_of
from joulewise.core.errors import DataError

Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matched:
    """Target and answer as numbers of the same classes, 0 to `classes` - 1, in the order of the model's scores."""

    target: Codes
    answer: Codes
    classes: int


def matched(prediction: Prediction, target: NDArray[Any]) -> Matched:
    """Number both sides alike: by value, by text ("1" is 1), or by the order of a label encoder.

    Raises DataError for a class in the target that the model does not know, and for answers without classes.
    """
    if prediction.labels is None:
        raise DataError("the model names no classes, so it can't be judged by them", hint="a metric of values: r2, mae")
    if len(target) != len(prediction.labels):
        raise DataError(f"{len(prediction.labels)} answers for {len(target)} rows", hint="the same rows for both")
    if target.ndim != 1 or (target.dtype.kind == "f" and not bool(np.all(target == np.floor(target)))):
        raise DataError("the target is no list of classes", hint="a metric of values (r2, mae), or another --target")
    wanted = [key_of(one) for one in target]
    said = [key_of(one) for one in prediction.labels]
    known = [key_of(one) for one in prediction.classes]
    if not known and prediction.scores is not None:
        known = list(range(prediction.scores.shape[1]))
    known = known or _ordered({*said} | ({*wanted} if _alike(wanted, said) else set()))
    numbers = _numbers(wanted, known, sure=bool(prediction.classes))
    answers = {key: index for index, key in enumerate(known)}
    strange = [key for key in said if key not in answers]
    if strange:
        raise DataError(
            f"the model answers {strange[0]!r}, which is none of its classes {known[:8]}",
            hint="export it again, with its classes",
        )
    return Matched(
        target=np.array([numbers[key] for key in wanted], dtype=np.intp),
        answer=np.array([answers[key] for key in said], dtype=np.intp),
        classes=len(known),
    )


def _numbers(wanted: Sequence[Any], known: Sequence[Any], *, sure: bool) -> dict[Any, int]:
    """The number of each class in the target. `sure`: the model named its classes itself, so they mean themselves."""
    distinct = set(wanted)
    by_value = {key: index for index, key in enumerate(known)}
    if distinct <= by_value.keys():
        return by_value
    by_text = {str(key): index for index, key in enumerate(known)}
    if {str(key) for key in distinct} <= by_text.keys():
        return {key: by_text[str(key)] for key in distinct}
    count = len(known)
    if all(isinstance(key, str) for key in known) and all(_is_code(key, count) for key in distinct):
        return {key: int(key) for key in distinct}  # the target was encoded, the model names its classes
    encoded = list(known) == list(range(count))
    if encoded and len(distinct) == count and (not sure or all(isinstance(key, str) for key in distinct)):
        return {key: index for index, key in enumerate(_ordered(distinct))}  # as scikit-learn's LabelEncoder does
    unknown = _ordered(distinct - by_value.keys())
    raise DataError(
        f"the target has classes that the model does not know: {', '.join(map(repr, unknown[:5]))}"
        f"{', ...' if len(unknown) > 5 else ''}; it knows {', '.join(map(repr, list(known)[:8]))}",
        hint=_cure(distinct, known),
    )


def guessed_classes(prediction: Prediction, target: NDArray[Any]) -> str:
    """What has to be told of how the target was understood: names taken for numbers in their order, or numbers that
    would fit far better if they were counted from another start; "" where nothing was guessed.

    Raises DataError as `matched` does.
    """
    found = matched(prediction, target)
    wanted = [key_of(one) for one in target]
    pairs = dict(sorted(zip(found.target.tolist(), wanted, strict=True)))
    known = [key_of(one) for one in prediction.classes] or list(range(found.classes))
    renamed = {known[at]: key for at, key in pairs.items() if str(known[at]) != str(key)}
    if renamed:
        told = ", ".join(f"{name!r} for {mine!r}" for mine, name in list(renamed.items())[:4])
        return f"the target's classes were taken in their order: {told}{', ...' if len(renamed) > 4 else ''}"
    right = float(np.mean(found.target == found.answer))
    for step in (1, -1):
        if float(np.mean(found.target - found.answer == step)) > max(0.5, 2 * right):
            side, other = ("target", "model") if step > 0 else ("model", "target")
            return f"most answers are off by one: does the {side} count its classes from 1, the {other} from 0?"
    return ""


def _cure(distinct: set[Any], known: Sequence[Any]) -> str:
    numbers = [*distinct, *known]
    if all(isinstance(key, int) for key in numbers) and min(distinct) != min(known) and len(distinct) <= len(known):
        return f"the target counts from {min(distinct)}, the model from {min(known)}: shift the target"
    return "name the classes as at training, or leave those rows out"


def _is_code(key: Any, count: int) -> bool:
    return isinstance(key, int) and 0 <= key < count


def _alike(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return {isinstance(key, str) for key in one} == {isinstance(key, str) for key in other}


def _ordered(keys: set[Any]) -> list[Any]:
    return sorted(keys, key=lambda key: (isinstance(key, str), key))
