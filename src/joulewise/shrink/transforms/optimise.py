"""ONNX Runtime's graph optimisation, done once and saved: shorter start, and fused operators for what follows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.making import Recipe, Settings
from joulewise.shrink.transforms.onnx_graphs import onnx_artifact, peek, write_model

_QUANTIZED = {"QuantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "MatMulNBits"}


class Optimise(Recipe):
    """`level` basic folds constants and batch norms and keeps standard operators, so that quantization can follow;
    extended fuses further into ONNX Runtime's own. `fusion` "transformer" fuses attention, layer norm and GELU."""

    name = "optimise"
    formats = ("onnx",)
    distribution = "onnxruntime"
    modules = ("onnx", "onnxruntime")
    extra = "onnx"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        kinds = peek(artifact.path)
        if kinds & _QUANTIZED:
            return "the graph is quantized: optimise before"
        if kinds and all(kind.startswith(("TreeEnsemble", "Linear", "Scaler", "Identity", "Cast")) for kind in kinds):
            return "there is nothing to fuse in trees or a linear model"
        return ""

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        plain: list[Settings] = [{"level": "basic"}, {"level": "extended"}]
        return ({"fusion": "transformer"}, *plain) if is_transformer(artifact) else tuple(plain)

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        path = folder / "model.onnx"
        if settings.get("fusion") == "transformer":
            path = write_model(fused_transformer(artifact), folder)
        else:
            saved_by_runtime(artifact.path, path, str(settings.get("level", "basic")))
        return onnx_artifact(artifact, path)


def is_transformer(artifact: Artifact) -> bool:
    """Attention shows as Softmax and layer norm (whole, or in its parts) beside MatMul, without convolutions."""
    kinds = peek(artifact.path)
    norms = "LayerNormalization" in kinds or {"ReduceMean", "Sqrt"} <= kinds
    return {"MatMul", "Softmax"} <= kinds and norms and "Conv" not in kinds


def saved_by_runtime(source: Path, target: Path, level: str) -> None:
    """Load with optimisation and write what ONNX Runtime would run. `level` is basic or extended."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = {
        "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
        "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    }[level]
    options.optimized_model_filepath = str(target)
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if source.stat().st_size > 1 << 30:
        options.add_session_config_entry("session.optimized_model_external_initializers_file_name", "weights.data")
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


def fused_transformer(artifact: Artifact) -> Any:
    """The graph with attention, layer norm, GELU and skip connections fused, as BERT-like encoders have them."""
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    options = FusionOptions("bert")
    fused = optimizer.optimize_model(
        str(artifact.path), model_type="bert", num_heads=0, hidden_size=0, optimization_options=options, opt_level=0
    )
    return fused.model
