"""Students for torch modules: a narrower copy where the factory makes one, else a small plain network."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.fine_tuning import distil
from joulewise.shrink.transforms.making import Settings
from joulewise.shrink.transforms.torch_modules import export_module, module_of

RATE = 3e-2
"""The highest learning rate of a student, which starts from nothing and has few steps; pruned models take a tenth."""


def taught_module(artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
    """The student, trained to answer as the artifact's module does."""
    import torch

    torch.manual_seed(materials.seed)
    teacher = module_of(artifact).eval()
    share = float(settings.get("width", 0.5))
    if not 0 < share < 1:
        raise ModelError(f"width is a share of the channels between 0 and 1, got {share}")
    student = _narrower(artifact, teacher, share)
    if student is None:
        student = plain_student(artifact, share)
    student = distil(student, teacher, artifact, materials, epochs=int(settings.get("epochs", 30)), rate=RATE)
    return export_module(student, artifact, materials, folder)


def _narrower(artifact: Artifact, teacher: Any, share: float) -> Any:
    """What the factory makes of a smaller `width`; None where it takes none."""
    module, _, attribute = str(artifact.facts["factory"]).partition(":")
    if artifact.facts["import_from"] not in sys.path:
        sys.path.insert(0, artifact.facts["import_from"])
    factory = getattr(import_module(module), attribute)
    if not callable(factory) or "width" not in inspect.signature(factory).parameters:
        return None
    made = factory(width=max(4, round(share * first_width(teacher) / 4) * 4))
    if isinstance(made, tuple):
        return made[0]
    return made["model"] if isinstance(made, dict) else made


def first_width(module: Any) -> int:
    """Channels of the first layer. Raises ModelError for a module without layers."""
    for part in module.modules():
        width = getattr(part, "out_channels", getattr(part, "out_features", None))
        if width is not None:
            return int(width)
    raise ModelError("the module has no layer whose width could shrink")


def plain_student(artifact: Artifact, share: float) -> Any:
    """Two convolutions for images, one hidden layer for rows. Raises ModelError for other inputs."""
    from torch import nn

    shape = artifact.facts["inputs"][0]["shape"]
    answers = artifact.facts["outputs"][0]["shape"][-1]
    width = max(4, round(32 * share))
    if len(artifact.facts["inputs"]) != 1 or not isinstance(answers, int):
        raise ModelError("a plain student takes one input and gives a known number of answers")
    if len(shape) == 4:
        return nn.Sequential(
            nn.Conv2d(int(shape[1]), width, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, 2, 1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(2 * width, answers),
        )
    if len(shape) == 2 and isinstance(shape[1], int):
        return nn.Sequential(nn.Linear(shape[1], 2 * width), nn.ReLU(), nn.Linear(2 * width, answers))
    raise ModelError(f"no plain student for inputs of shape {tuple(shape)}", hint="give the factory a width")
