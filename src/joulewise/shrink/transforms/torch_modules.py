"""The torch module behind an artifact: exported programs, scripts, factories, Hugging Face encoders with pooling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials

FORMATS = ("torch-module", "torch-export", "torchscript", "hf")


def module_of(artifact: Artifact) -> Any:
    """A module in evaluation mode on the CPU that takes the inputs of the facts, in their order.

    Raises UntrustedModel where the user has not said that he trusts the file.
    """
    from joulewise.compare.facts import programs

    trusted = bool(artifact.facts.get("trusted", False))
    if artifact.format == "torch-module":
        return programs.build(artifact.facts["factory"], artifact.facts["import_from"])["model"]
    if artifact.format == "torch-export":
        return programs.load_exported(artifact.path, trusted).module()
    if artifact.format == "torchscript":
        return programs.load_script(artifact.path)
    if artifact.format == "hf":
        return _encoder(artifact)
    raise ModelError(f"a model of format {artifact.format} holds no torch module")


def _encoder(artifact: Artifact) -> Any:
    """The transformers model with its pooling, as one module from tokens to scores or vectors."""
    import torch
    from transformers import AutoModel, AutoModelForSequenceClassification

    sequence = artifact.facts.get("head") == "sequence"
    kind = AutoModelForSequenceClassification if sequence else AutoModel
    model = kind.from_pretrained(
        str(artifact.path),
        local_files_only=True,
        attn_implementation="eager",
        trust_remote_code=bool(artifact.facts.get("trusted", False)),
        dtype=torch.float32,
    ).eval()
    pooling, normalise = artifact.facts.get("pooling", "mean"), bool(artifact.facts.get("normalise", False))
    module: Any = _classifier(model) if sequence else _pooled(model, pooling, normalise)
    return module.eval()


def _classifier(model: Any) -> Any:
    import torch

    class Classifier(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.model(input_ids=input_ids, attention_mask=attention_mask).logits

    return Classifier()


def _pooled(model: Any, pooling: str, normalise: bool) -> Any:
    import torch

    class Encoder(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            vectors = pool(hidden, attention_mask, pooling)
            return torch.nn.functional.normalize(vectors, p=2.0, dim=1) if normalise else vectors

    return Encoder()


def pool(hidden: Any, mask: Any, pooling: str) -> Any:
    """One vector a row of the vectors of its tokens: mean, max or the first (cls)."""
    weight = mask.unsqueeze(-1).to(hidden.dtype)
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "max":
        return hidden.masked_fill(weight == 0, -1e9).max(dim=1).values
    return (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1e-9)


def export_module(module: Any, artifact: Artifact, materials: Materials, folder: Path) -> Artifact:
    """A changed module as a torch.export archive, batch free, the facts kept; to-onnx takes it from there."""
    import torch

    from joulewise.shrink.transforms.feeding import calibration_feeds, tensors

    inputs = tensors(artifact.facts)
    feeds = calibration_feeds(materials, inputs, 2)
    arguments = tuple(torch.from_numpy(feeds[tensor.name]) for tensor in inputs)
    shapes = tuple(dict.fromkeys(axes, torch.export.Dim.AUTO) for axes in free_axes(inputs))
    with torch.no_grad():
        program = torch.export.export(module.eval(), arguments, dynamic_shapes=shapes)
    path = folder / "model.pt2"
    torch.export.save(program, path)
    return exported_artifact(artifact, path)


def exported_artifact(artifact: Artifact, path: Path) -> Artifact:
    """The archive with the facts of the module that it was made of; names of inputs and outputs are the archive's."""
    from joulewise.compare.artifacts import facts_of
    from joulewise.compare.facts.graphs import roles_for

    fresh = facts_of(path, "torch-export", trust=True)
    gone = ("factory", "import_from", "inputs", "outputs", "roles")
    known = {name: value for name, value in artifact.facts.items() if name not in gone}
    facts = {**fresh, **known, "roles": roles_for(str(known.get("task", fresh["task"])), fresh["outputs"])}
    return Artifact(path=path, format="torch-export", facts=facts, steps=artifact.steps)


def free_axes(inputs: Sequence[Any]) -> list[dict[int, str]]:
    """The axes of each input that are free: the batch, and what the facts name by text."""
    return [
        {
            axis: "batch" if axis == 0 else str(size)
            for axis, size in enumerate(tensor.shape)
            if axis == 0 or isinstance(size, str)
        }
        for tensor in inputs
    ]
