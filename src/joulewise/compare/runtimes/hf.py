"""Hugging Face folders through transformers: logits of a classifier, pooled vectors of an encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import transformers

from joulewise.compare.facts import tensors
from joulewise.compare.runtimes.hf_modules import module_of_folder
from joulewise.compare.runtimes.predicting import CheckedPredictor
from joulewise.compare.runtimes.torch import answer_of
from joulewise.core.runtimes import Artifact, RunOptions


class HuggingFace:
    """Runs transformers and sentence-transformers folders in eager PyTorch, tokens in."""

    name = "hf"
    formats = ("hf",)

    @property
    def version(self) -> str:
        return str(transformers.__version__)

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        del artifact
        return [{}]

    def open(self, artifact: Artifact, options: RunOptions) -> CheckedPredictor:
        torch.set_num_threads(options.threads)
        answer = answer_of(module_of_folder(artifact), artifact)
        return CheckedPredictor(tensors(artifact.facts["inputs"]), tensors(artifact.facts["outputs"]), answer)


def tokens(artifact: Artifact, texts: Sequence[str], length: int | None = None) -> dict[str, Any]:
    """Texts as input_ids and attention_mask, padded to the longest or to `length` tokens, cut at the model's limit."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(artifact.path), local_files_only=True)
    limit = length or int(artifact.facts["max_length"])
    found = tokenizer(
        list(texts),
        padding="max_length" if length else True,
        truncation=True,
        max_length=limit,
        return_tensors="np",
    )
    return {name: np.asarray(found[name], np.int64) for name in ("input_ids", "attention_mask")}
