"""Structured pruning: whole channels go, what depends on them shrinks along, and a short training mends the rest."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.checking import LOOSE, Guard
from joulewise.shrink.transforms.feeding import calibration_feeds, tensors
from joulewise.shrink.transforms.fine_tuning import distil
from joulewise.shrink.transforms.making import Recipe, Settings
from joulewise.shrink.transforms.torch_modules import export_module, module_of

ROUND_TO = 4
"""Channels are kept in multiples of this, as the kernels of all runtimes work on groups."""


class Prune(Recipe):
    """`share` of the channels goes, those of the smallest norm first; `epochs` of distillation from the original on the
    training rows follow. The result is a torch.export archive."""

    name = "prune"
    formats = ("torch-module",)
    distribution = "torch-pruning"
    modules = ("torch", "torch_pruning")
    extra = "torch"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        if materials.training is None:
            return "pruning needs training rows to mend what it breaks: give --training"
        return ""

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        return tuple({"share": share, "epochs": 12} for share in (0.5, 0.3, 0.7))

    def guard(self, settings: Settings) -> Guard:
        return LOOSE

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        import torch

        share = float(settings.get("share", 0.5))
        if not 0 < share < 1:
            raise ModelError(f"share is a part of the channels between 0 and 1, got {share}")
        torch.manual_seed(materials.seed)
        teacher = module_of(artifact).eval()
        student = pruned(deepcopy(teacher), share, _example(artifact, materials))
        if materials.training is not None:
            epochs = int(settings.get("epochs", 12))
            student = distil(student, teacher, artifact, materials, epochs=epochs, rate=3e-3)
        return export_module(student, artifact, materials, folder)


def pruned(module: Any, share: float, example: tuple[Any, ...]) -> Any:
    """The module with `share` of the channels of each layer gone, its outputs as many as before."""
    import torch
    import torch_pruning

    weights = [part for part in module.modules() if isinstance(part, torch.nn.Linear | torch.nn.modules.conv._ConvNd)]
    if len(weights) < 2:
        raise ModelError("there is no layer between input and output to prune")
    before = sum(parameter.numel() for parameter in module.parameters())
    pruner = torch_pruning.pruner.MagnitudePruner(
        module,
        example,
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        pruning_ratio=share,
        ignored_layers=output_layers(module, example),
        round_to=ROUND_TO,
    )
    pruner.step()
    if sum(parameter.numel() for parameter in module.parameters()) >= before:
        raise ModelError("no channel could go without changing the outputs")
    return module


def output_layers(module: Any, example: tuple[Any, ...]) -> list[Any]:
    """The layers that give the outputs: the last one to run, whose width is the number of answers."""
    import torch

    last: list[Any] = []

    def note(part: Any, given: Any, found: Any) -> None:
        last[:] = [part]

    kinds = torch.nn.Linear | torch.nn.modules.conv._ConvNd
    hooks = [part.register_forward_hook(note) for part in module.modules() if isinstance(part, kinds)]
    with torch.no_grad():
        module(*example)
    for hook in hooks:
        hook.remove()
    return last


def _example(artifact: Artifact, materials: Materials) -> tuple[Any, ...]:
    import torch

    inputs = tensors(artifact.facts)
    feeds = calibration_feeds(materials, inputs, 2)
    return tuple(torch.from_numpy(feeds[tensor.name]) for tensor in inputs)
