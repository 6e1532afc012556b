"""torchao's INT8 on the linear layers of a torch module: weights only, or activations too as they come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.checking import CLOSE, Guard
from joulewise.shrink.transforms.making import Recipe, Settings
from joulewise.shrink.transforms.torch_modules import export_module, module_of


class TorchAo(Recipe):
    """`kind` int8-dynamic or int8-weights. It pays with torch.compile, which fuses what eager mode does one by one."""

    name = "torchao"
    formats = ("torch-module", "hf")
    distribution = "torchao"
    modules = ("torch", "torchao")
    extra = "torch"

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        return ({"kind": "int8-dynamic"}, {"kind": "int8-weights"})

    def guard(self, settings: Settings) -> Guard:
        return CLOSE

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        import torch
        from torchao.quantization import (
            Int8DynamicActivationInt8WeightConfig,
            Int8WeightOnlyConfig,
            quantize_,
        )
        from torchao.utils import unwrap_tensor_subclass

        module = module_of(artifact)
        if not any(isinstance(part, torch.nn.Linear) for part in module.modules()):
            raise ModelError("the module has no linear layers, and torchao leaves convolutions as they are")
        dynamic = settings.get("kind", "int8-dynamic") == "int8-dynamic"
        quantize_(module, Int8DynamicActivationInt8WeightConfig() if dynamic else Int8WeightOnlyConfig())
        return export_module(unwrap_tensor_subclass(module), artifact, materials, folder)
