"""treelite: its interpreter GTIL, or the trees compiled to machine code by tl2cgen where there is a C compiler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import treelite

from joulewise.compare.facts.trees import load_treelite
from joulewise.compare.runtimes.predicting import (
    CheckedPredictor,
    as_data_error,
    class_array,
    predictor_of,
    scores_answer,
)
from joulewise.core.errors import ModelError, PluginMissing
from joulewise.core.runtimes import Artifact, RunOptions


class TreeLite:
    """Runs treelite checkpoints. `more`: "engine" is "gtil" (default) or "compiled"; the latter takes "quantize"."""

    name = "treelite"
    formats = ("treelite",)

    @property
    def version(self) -> str:
        return str(treelite.__version__)

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        del artifact
        if _compiler() and find_spec("tl2cgen"):
            return [{"engine": "compiled"}, {"engine": "compiled", "quantize": True}, {}]
        return [{}]

    def open(self, artifact: Artifact, options: RunOptions) -> CheckedPredictor:
        """Raises ModelError without a C compiler or for an engine that is not there; compiling takes seconds."""
        model = load_treelite(artifact.path)
        engine = options.more.get("engine", "gtil")
        if engine not in ("gtil", "compiled"):
            raise ModelError(f"no engine {engine!r}", hint="gtil or compiled")
        make = _interpreted if engine == "gtil" else _compiled
        run = make(model, options)
        facts = artifact.facts
        classes = class_array(facts["classes"]) if facts.get("task") == "classification" else None

        def answer(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
            try:
                found = run(feeds["x"])
            except (ValueError, treelite.TreeliteError) as error:
                raise as_data_error(error, "treelite") from error
            if classes is None:
                return {"values": found.reshape(len(found)) if found[0].size == 1 else found.reshape(len(found), -1)}
            return scores_answer(found.reshape(len(found), -1), classes)

        return predictor_of(artifact, answer)


def _interpreted(model: Any, options: RunOptions) -> Callable[[Any], Any]:
    return lambda rows: treelite.gtil.predict(model, rows, nthread=options.threads)


def _compiled(model: Any, options: RunOptions) -> Callable[[Any], Any]:
    """A shared library in a folder of its own, unlinked as soon as it is loaded."""
    try:
        import tl2cgen
    except ImportError as error:
        raise PluginMissing("compiling trees needs tl2cgen", hint="pip install 'joulewise[trees]'") from error
    compiler = _compiler()
    if not compiler:
        raise ModelError("compiling trees needs a C compiler", hint="apt install gcc, or the engine gtil")
    told = {"quantize": 1} if options.more.get("quantize") else {}
    with TemporaryDirectory(prefix="joulewise-trees-") as folder:
        library = Path(folder) / "trees.so"
        tl2cgen.export_lib(
            model,
            toolchain=compiler,
            libpath=str(library),
            params={"parallel_comp": 0, **told},
        )
        predictor = tl2cgen.Predictor(str(library), nthread=options.threads)

    def run(rows: Any) -> Any:
        return np.asarray(predictor.predict(tl2cgen.DMatrix(rows)))

    return run


def _compiler() -> str:
    return next((name for name in ("gcc", "clang") if which(name)), "")
