"""The torch module behind an artifact: exported programs, scripts, factories, Hugging Face encoders with pooling."""

from __future__ import annotations

from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact

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

    class Classifier(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.model(input_ids=input_ids, attention_mask=attention_mask).logits

    return Classifier()


def _pooled(model: Any, pooling: str, normalise: bool) -> Any:
    import torch

    class Encoder(torch.nn.Module):
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
