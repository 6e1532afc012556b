"""Hugging Face folders as PyTorch modules of two inputs: what eager, compiled and exported runs all start from."""

from __future__ import annotations

from typing import Any

import torch
import transformers

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact


class Encoder(torch.nn.Module):  # type: ignore[misc]
    """Tokens to one vector a text: the transformer, pooling over the tokens that count, and length 1 where asked.

    Inputs: input_ids, attention_mask, int64 (batch, length). Output: vectors, float32 (batch, width).
    """

    def __init__(self, transformer: Any, pooling: str, normalise: bool) -> None:
        super().__init__()
        self.transformer = transformer
        self.pooling = pooling
        self.normalise = normalise

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        """Pooled as sentence-transformers does it."""
        hidden = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        vectors = self._pooled(hidden, attention_mask.unsqueeze(-1).to(hidden.dtype))
        return torch.nn.functional.normalize(vectors, p=2, dim=1) if self.normalise else vectors

    def _pooled(self, hidden: Any, mask: Any) -> Any:
        if self.pooling == "cls":
            return hidden[:, 0]
        if self.pooling == "max":
            return hidden.masked_fill(mask == 0, -1e9).max(dim=1).values
        return (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)


class Classifier(torch.nn.Module):  # type: ignore[misc]
    """Tokens to logits or values."""

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        """Logits, float32 (batch, classes)."""
        return self.transformer(input_ids=input_ids, attention_mask=attention_mask).logits


def module_of_folder(artifact: Artifact) -> Any:
    """The folder as a module of two inputs, in eval mode and float32; exporters take it too.

    Raises ModelError for architectures that this version of transformers does not know.
    """
    facts = artifact.facts
    kind = transformers.AutoModelForSequenceClassification if facts.get("head") else transformers.AutoModel
    transformers.utils.logging.disable_progress_bar()
    try:
        inner = kind.from_pretrained(
            str(artifact.path),
            local_files_only=True,
            dtype=torch.float32,
            trust_remote_code=bool(facts.get("trusted")),
        )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise ModelError(
            f"transformers {transformers.__version__} can't load {artifact.path}: {str(error)[:300]}",
            hint="download the whole folder, or pip install -U transformers",
        ) from error
    if facts.get("head"):
        return Classifier(inner).eval()
    return Encoder(inner, facts.get("pooling", "mean"), bool(facts.get("normalise"))).eval()
