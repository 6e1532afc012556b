"""Makers of models that read text, as words or as tokens; see `testing.models`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from joulewise.testing.made import ROWS, MadeModel, scored


def _tokens(vocabulary: int) -> dict[str, Any]:
    """50 made-up texts as tokens, padded: weights of chance need no real words."""
    chance = np.random.default_rng(7)
    ids = chance.integers(1, vocabulary, (ROWS, 12), dtype=np.int64)
    mask = (np.arange(12) < chance.integers(3, 13, ROWS)[:, None]).astype(np.int64)
    return {"input_ids": ids * mask, "attention_mask": mask}


def _config() -> Any:
    import torch
    import transformers

    torch.manual_seed(0)
    return transformers.BertConfig(
        vocab_size=64,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
    )


def _hushed(model: Any, folder: Path) -> None:
    import transformers

    transformers.utils.logging.disable_progress_bar()
    model.eval().save_pretrained(str(folder))


def hf_encoder(folder: Path) -> MadeModel:
    """A BERT of two small layers with the pooling of sentence-transformers: mean, length one."""
    import torch
    import transformers

    path = folder / "encoder"
    model = transformers.BertModel(_config(), add_pooling_layer=False)
    _hushed(model, path)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    (path / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (path / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    (path / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")
    feeds = _tokens(64)
    with torch.inference_mode():
        hidden = model(**{name: torch.from_numpy(array) for name, array in feeds.items()}).last_hidden_state.numpy()
    mask = feeds["attention_mask"][:, :, None]
    pooled = (hidden * mask).sum(axis=1) / mask.sum(axis=1)
    vectors = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    return MadeModel(
        text=str(path), feeds=feeds, answers={"vectors": vectors}, task="embedding", runtimes=("hf",), nan="whole"
    )


def hf_classifier(folder: Path) -> MadeModel:
    """A classifier of texts with named classes."""
    import torch
    import transformers

    config = _config()
    config.id2label = {0: "cold", 1: "mild", 2: "warm"}
    config.label2id = {label: at for at, label in config.id2label.items()}
    model = transformers.BertForSequenceClassification(config)
    _hushed(model, folder / "classifier")
    feeds = _tokens(64)
    with torch.inference_mode():
        logits = model(**{name: torch.from_numpy(array) for name, array in feeds.items()}).logits.numpy()
    return MadeModel(
        text=str(folder / "classifier"),
        feeds=feeds,
        answers={"scores": logits},
        task="classification",
        runtimes=("hf",),
        classes=("cold", "mild", "warm"),
        nan="whole",
    )


def sklearn_text(folder: Path) -> MadeModel:
    """Words in, a label out: the lines of scikit-learn's own descriptions of its data sets."""
    import joblib
    from sklearn import datasets
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts, labels = [], []
    for label in ("wine", "diabetes", "digits"):
        lines = [line for line in getattr(datasets, f"load_{label}")().DESCR.splitlines() if len(line) > 20]
        texts += lines
        labels += [label] * len(lines)
    order = np.random.default_rng(4).permutation(len(texts))
    words, known = np.array(texts, dtype=object)[order], np.array(labels)[order]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(words[ROWS // 2 :], known[ROWS // 2 :])
    joblib.dump(model, folder / "text.joblib")
    rows = words[:ROWS]
    return MadeModel(
        text=str(folder / "text.joblib"),
        feeds={"x": rows},
        answers=scored(model, rows),
        task="classification",
        runtimes=("sklearn",),
        classes=("diabetes", "digits", "wine"),
        trust=True,
        nan="whole",
    )
