"""PyTorch: eager in inference mode, and compiled. Threads are the process's: one predictor a process, to be sure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from joulewise.compare.facts import programs
from joulewise.compare.runtimes.predicting import CheckedPredictor, as_data_error, predictor_of
from joulewise.compare.trust import refuse_untrusted
from joulewise.core.errors import DataError, ModelError
from joulewise.core.runtimes import Artifact, RunOptions


class Torch:
    """Runs torch.export archives, TorchScript, and modules that a function builds, as they are."""

    name = "torch"
    formats: tuple[str, ...] = ("torch-export", "torch-module", "torchscript")

    @property
    def version(self) -> str:
        return str(torch.__version__)

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        del artifact
        return [{}]

    def open(self, artifact: Artifact, options: RunOptions) -> CheckedPredictor:
        """Raises UntrustedModel, ModelError."""
        torch.set_num_threads(options.threads)
        module = module_of(artifact)
        return predictor_of(artifact, answer_of(module, artifact))


class TorchCompile:
    """The same through torch.compile, which builds a kernel for the first shapes it sees. `more`: "mode"."""

    name = "torch-compile"
    formats: tuple[str, ...] = ("hf", "torch-export", "torch-module")

    @property
    def version(self) -> str:
        return str(torch.__version__)

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        del artifact
        return [{}]

    def open(self, artifact: Artifact, options: RunOptions) -> CheckedPredictor:
        torch.set_num_threads(options.threads)
        module = module_of(artifact)
        mode = options.more.get("mode")
        compiled = torch.compile(module, mode=mode) if mode else torch.compile(module)
        return predictor_of(artifact, answer_of(compiled, artifact))


def module_of(artifact: Artifact) -> Any:
    """The artifact as a module in eval mode."""
    trusted = bool(artifact.facts.get("trusted"))
    if artifact.format == "torch-export":
        return programs.load_exported(artifact.path, trusted).module()
    if artifact.format == "torchscript":
        return programs.load_script(artifact.path)
    if artifact.format == "hf":
        from joulewise.compare.runtimes.hf_modules import module_of_folder

        return module_of_folder(artifact)
    refuse_untrusted(artifact.facts["factory"], "Python code", trusted)
    return programs.build(artifact.facts["factory"], artifact.facts["import_from"])["model"]


def answer_of(module: Any, artifact: Artifact) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """A call with arrays, by position as forward has them."""
    names = [each["name"] for each in artifact.facts["inputs"]]
    outputs = [each["name"] for each in artifact.facts["outputs"]]

    def answer(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        with torch.inference_mode():
            try:
                found = module(*[_tensor(feeds[name]) for name in names])
            except (RuntimeError, IndexError, TypeError, ValueError, AssertionError) as error:
                raise _cause(error) from error
            answers = programs.named_outputs(found)
            if list(answers) != outputs and len(answers) == len(outputs):
                answers = dict(zip(outputs, answers.values(), strict=True))
            return {name: _array(value) for name, value in answers.items()}

    return answer


def _tensor(array: Any) -> Any:
    try:
        return torch.from_numpy(array if array.flags.writeable else array.copy())
    except (TypeError, ValueError) as error:
        raise DataError(f"PyTorch can't take an array of {array.dtype}: {error}", hint="feed numbers") from error


def _array(value: Any) -> Any:
    return value.float().numpy() if value.dtype == torch.bfloat16 else value.numpy()


def _cause(error: Exception) -> DataError | ModelError:
    said = str(error)
    if "out of memory" in said or "alloc" in said:
        return ModelError(f"PyTorch ran out of memory: {said[:200]}", hint="a smaller batch")
    return as_data_error(error, "PyTorch")
