"""Makers of Keras models and SavedModels; see `testing.models`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from joulewise.compare.facts.keras_models import limit_threads
from joulewise.testing.made import MadeModel, real_rows


def _trained() -> tuple[Any, Any, Any]:
    """A small dense network over wine."""
    import tensorflow

    limit_threads(tensorflow, 1)
    tensorflow.keras.utils.set_random_seed(0)
    x, y, rows, _ = real_rows("wine")
    scale = x.mean(axis=0)
    model = tensorflow.keras.Sequential(
        [
            tensorflow.keras.Input((13,), name="wine"),
            tensorflow.keras.layers.Dense(8, activation="relu"),
            tensorflow.keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit((x / scale).astype(np.float32), y, epochs=2, verbose=0)
    judged = (rows / scale).astype(np.float32)
    return model, judged, np.asarray(model(judged))


def keras_file(folder: Path) -> MadeModel:
    """A .keras archive."""
    model, rows, scores = _trained()
    model.save(folder / "wine.keras")
    return _network(folder / "wine.keras", rows, scores, model.inputs[0].name)


def saved_model(folder: Path) -> MadeModel:
    """A SavedModel with the endpoint that Keras exports."""
    model, rows, scores = _trained()
    model.export(str(folder / "wine"), verbose=False)
    return _network(folder / "wine", rows, scores, "wine", "output_0")


def _network(path: Path, rows: Any, scores: Any, name: str, out: str = "scores") -> MadeModel:
    return MadeModel(
        text=str(path),
        feeds={name: rows},
        answers={out: scores},
        task="classification",
        runtimes=("tensorflow",),
        nan="answered",
    )
