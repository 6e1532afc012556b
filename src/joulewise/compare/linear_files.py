"""Our format for linear models and small networks: linear.json (steps and facts) beside weights.npz, in one folder.

Steps, in order, each {"op": ..., arrays by name}:
    scale   (x - shift) * factor            arrays "shift", "factor", each (features,) or absent
    dense   activation(x @ weight + bias)   arrays "weight" (in, out), "bias" (out,); "activation": identity, relu,
            tanh, logistic, softmax
The last step gives scores (n, k), of a single column the positive class, or values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from joulewise.core.errors import ModelError

ACTIVATIONS = ("identity", "relu", "tanh", "logistic", "softmax")
OPS = {"scale": ("shift", "factor"), "dense": ("weight", "bias")}


def write_linear(folder: Path, steps: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> Path:
    """Write the model into `folder`. `facts` as artifacts have them: task, classes, inputs (one matrix "x"), outputs
    (of a classification "labels" and "scores", else "values"), roles.

    Raises ModelError for an unknown step or activation.
    """
    arrays: dict[str, Any] = {}
    lines = []
    for at, step in enumerate(steps):
        _check(step)
        lines.append({key: value for key, value in step.items() if key not in OPS[step["op"]]})
        arrays |= {f"{at}.{name}": np.asarray(step[name]) for name in OPS[step["op"]] if step.get(name) is not None}
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "weights.npz", allow_pickle=False, **arrays)
    text = json.dumps({"version": 1, "steps": lines, "facts": dict(facts)}, indent=2)
    (folder / "linear.json").write_text(text, encoding="utf-8")
    return folder


def read_linear(folder: Path) -> list[dict[str, Any]]:
    """The steps with their arrays. Raises ModelError for a torn or newer file."""
    try:
        told = json.loads((folder / "linear.json").read_text(encoding="utf-8"))
        with np.load(folder / "weights.npz", allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder} is torn: {error}", hint="write it again") from error
    if told.get("version") != 1:
        raise ModelError(f"{folder} is of version {told.get('version')}", hint="upgrade joulewise")
    steps = [dict(step) for step in told["steps"]]
    for at, step in enumerate(steps):
        _check(step)
        step.update({name: arrays.get(f"{at}.{name}") for name in OPS[step["op"]]})
    return steps


def _check(step: Mapping[str, Any]) -> None:
    if step.get("op") not in OPS:
        raise ModelError(f"no step {step.get('op')!r}", hint=f"one of {', '.join(OPS)}")
    if step.get("activation", "identity") not in ACTIVATIONS:
        raise ModelError(f"no activation {step['activation']!r}", hint=f"one of {', '.join(ACTIVATIONS)}")
