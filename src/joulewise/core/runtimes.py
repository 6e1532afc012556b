"""What loads, runs and changes models: the shapes of runtimes and transforms, and what passes between them.

Arrays are NumPy's, typed Any here, as core knows the standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from joulewise.core.variants import Step

TASKS = ("classification", "regression", "embedding", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """An input or output: `dtype` as NumPy names it ("float32", "int64", "object" for text); `shape` with the batch
    first, and a name (text) for each dimension that is free."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A model on disk, as one runtime or another reads it. `path` is a file or a folder.

    `format` says what it is: onnx, sklearn, skops, xgboost, lightgbm, catboost, torch-export, torchscript, torch-module
    (a module:factory), hf (a Hugging Face folder), saved-model, openvino, treelite, linear, ...
    `facts` is JSON-able knowledge that a transform must not lose: task, classes (in the order of the scores), inputs
    and outputs by role, dtypes, opset. `steps` is the chain that made it from the user's model.
    """

    path: Path
    format: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a runtime is to run. `threads` is intra-op; `spinning` lets idle threads burn CPU to save latency.

    `more` holds what only one runtime knows (OpenVINO's precision hint).
    """

    threads: int = 1
    spinning: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)


class Predictor(Protocol):
    """A model that is loaded and answers."""

    @property
    def inputs(self) -> tuple[Tensor, ...]: ...

    @property
    def outputs(self) -> tuple[Tensor, ...]: ...

    def predict(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        """One answer for a batch: arrays by input name in, arrays by output name out, rows first in each."""
        ...

    def close(self) -> None:
        """Let go of memory and threads; may be called twice."""
        ...


class Runtime(Protocol):
    """Runs artifacts of some formats. Registered in `joulewise.runtimes`.

    A runtime whose library is absent fails on import: it is then PluginMissing with the cure.
    """

    name: str
    formats: tuple[str, ...]

    @property
    def version(self) -> str:
        """The version of the library that does the work."""
        ...

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        """What of `RunOptions.more` is worth trying on this artifact and machine; [{}] for nothing special."""
        ...

    def open(self, artifact: Artifact, options: RunOptions) -> Predictor:
        """Load it. Raises ModelError with the cure for what it can't run."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """What transforms may use. Paths are .npz files with one array an input, and `y` for targets where known.

    Calibration and training rows never overlap the rows that judge. `training` is None where the user gave none.
    """

    calibration: Path
    training: Path | None = None
    seed: int = 0
    threads: int = 1
    time_limit_s: float = 300.0


class Transform(Protocol):
    """Makes a cheaper artifact of another. Registered in `joulewise.transforms`."""

    name: str
    formats: tuple[str, ...]

    @property
    def version(self) -> str:
        """The version of the library that does the work."""
        ...

    def offers(self, artifact: Artifact, materials: Materials) -> Sequence[Mapping[str, Any]]:
        """The settings worth trying on this artifact, the likeliest first; empty where it does not apply. Cheap."""
        ...

    def apply(self, artifact: Artifact, settings: Mapping[str, Any], materials: Materials, folder: Path) -> Artifact:
        """Write the new artifact into `folder` (empty, its own), with the step added. Raises ModelError: why not."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One way to run a model: what is measured, compared and, if it wins, served."""

    name: str
    artifact: Artifact
    runtime: str
    options: RunOptions = field(default_factory=RunOptions)
