"""Trees as machine code: a library called with nothing in between, which is most of what one row costs elsewhere."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from joulewise.compare.compiled_trees import library_of, read_about
from joulewise.compare.runtimes.predicting import Answer, CheckedPredictor, class_array, predictor_of
from joulewise.compare.trust import refuse_untrusted
from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, RunOptions
from joulewise.core.version import VERSION


class CompiledTrees:
    """Runs folders of `compiled_trees.write_compiled`, in the calling thread alone."""

    name = "compiled-trees"
    formats = ("compiled-trees",)

    @property
    def version(self) -> str:
        return VERSION

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        del artifact
        return [{}]

    def open(self, artifact: Artifact, options: RunOptions) -> CheckedPredictor:
        """Raises UntrustedModel, ModelError for a library that was changed or can't be compiled or loaded here."""
        del options
        refuse_untrusted(artifact.path, "a compiled library", bool(artifact.facts.get("trusted")))
        facts, shape = artifact.facts, read_about(artifact.path)["shape"]
        classes = class_array(facts["classes"]) if facts.get("task") == "classification" else None
        return predictor_of(artifact, _answer(_function(artifact.path), shape, classes))


def _function(folder: Path) -> Any:
    with TemporaryDirectory(prefix="joulewise-trees-") as spare:  # unlinked once it is loaded
        path = library_of(folder, Path(spare))
        try:
            function = ctypes.CDLL(str(path)).joulewise_predict
        except (OSError, AttributeError) as error:
            raise ModelError(f"{path} can't be loaded: {error}", hint="write it again") from error
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p]
    function.restype = None
    return function


def _answer(function: Any, shape: Mapping[str, Any], classes: Any) -> Answer:
    """One call into the library for all rows, which answers with scores and the place of the highest."""
    given, wanted, columns = np.dtype(shape["rows"]), np.dtype(shape["answers"]), int(shape["columns"])

    def scores_of(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        rows = np.ascontiguousarray(feeds["x"], given)
        scores, best = np.empty((len(rows), columns), wanted), np.empty(len(rows), np.int64)
        function(rows.ctypes.data, len(rows), scores.ctypes.data, best.ctypes.data)
        return {"labels": classes[best], "scores": scores}

    def values_of(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        rows = np.ascontiguousarray(feeds["x"], given)
        values = np.empty((len(rows), columns), wanted)
        function(rows.ctypes.data, len(rows), values.ctypes.data, None)
        return {"values": values[:, 0] if columns == 1 else values}

    return values_of if classes is None else scores_of
