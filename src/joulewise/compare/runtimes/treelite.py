"""treelite's interpreter GTIL; the transform compile-trees makes machine code of the same checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import treelite

from joulewise.compare.facts.trees import load_treelite
from joulewise.compare.runtimes.predicting import (
    CheckedPredictor,
    as_data_error,
    class_array,
    predictor_of,
    scores_answer,
)
from joulewise.core.runtimes import Artifact, RunOptions


class TreeLite:
    """Runs treelite checkpoints."""

    name = "treelite"
    formats = ("treelite",)

    @property
    def version(self) -> str:
        return str(treelite.__version__)

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        del artifact
        return [{}]

    def open(self, artifact: Artifact, options: RunOptions) -> CheckedPredictor:
        model = load_treelite(artifact.path)
        facts = artifact.facts
        classes = class_array(facts["classes"]) if facts.get("task") == "classification" else None

        def answer(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
            try:
                found = treelite.gtil.predict(model, feeds["x"], nthread=options.threads)
            except (ValueError, treelite.TreeliteError) as error:
                raise as_data_error(error, "treelite") from error
            flat = found.reshape(len(found), -1)
            if classes is None:
                return {"values": flat[:, 0] if flat.shape[1] == 1 else flat}
            return scores_answer(flat, classes)

        return predictor_of(artifact, answer)
