"""What a model does, told in a line: "parameters=7B tokens=2T stage=training"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from joulewise.core.errors import OutOfRange, UsageError
from joulewise.core.figures import REPORTED, Figure, exact

STAGES = ("training", "inference")
_SCALES = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12}
_NUMBER = re.compile(r"^(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*([KMBGT]?)$", re.IGNORECASE)
_NAMES = {
    "parameters": "parameters", "params": "parameters", "n": "parameters", "active": "active",
    "active_parameters": "active", "tokens": "tokens", "d": "tokens", "stage": "stage", "precision": "precision",
    "flop": "flop",
}  # fmt: skip
_HINT = "parameters=7B tokens=2T stage=training"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A dense transformer (or any model whose `flop` is given). Counts as figures, so that their doubt propagates.

    `active` are the parameters that one token meets: fewer than `parameters` in a mixture of experts. `flop` is of the
    whole job; with it, parameters and tokens are not needed. `precision` picks the hardware's peak.
    """

    parameters: Figure | None = None
    tokens: Figure | None = None
    active: Figure | None = None
    flop: Figure | None = None
    stage: str = "training"
    precision: str = "fp16"

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise OutOfRange(f"stage {self.stage!r} is not one of {', '.join(STAGES)}")
        if self.flop is None and (self.parameters is None or self.tokens is None):
            raise UsageError("a model needs parameters and tokens, or flop", hint=_HINT)


def spec_of(text: str) -> ModelSpec:
    """Read "parameters=175B,tokens=300B,stage=training"; commas or spaces. Raises UsageError for what it can't read."""
    found: dict[str, str] = {}
    for part in filter(None, re.split(r"[,\s]+", text.strip())):
        name, equals, value = part.partition("=")
        key = _NAMES.get(name.casefold().replace("-", "_"))
        if not equals or key is None or key in found:
            raise UsageError(f"can't read {part!r} in the model's description", hint=_HINT)
        found[key] = value
    numbers = {key: _count(key, value) for key, value in found.items() if key not in ("stage", "precision")}
    words = {key: value.casefold() for key, value in found.items() if key in ("stage", "precision")}
    words["stage"] = {"train": "training", "infer": "inference"}.get(
        words.get("stage", ""), words.get("stage", "training")
    )
    return ModelSpec(
        parameters=numbers.get("parameters"),
        tokens=numbers.get("tokens"),
        active=numbers.get("active"),
        flop=numbers.get("flop"),
        stage=words["stage"],
        precision=words.get("precision", "fp16"),
    )


def _count(name: str, text: str) -> Figure:
    found = _NUMBER.match(text)
    if not found or float(found[1]) <= 0:
        raise UsageError(f"{text!r} is no number of {name}", hint="7B, 1.3e9, 300B, 2T")
    return exact(float(found[1]) * _SCALES[found[2].upper()], "FLOP" if name == "flop" else "1", REPORTED, "as given")
