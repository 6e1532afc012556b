"""PyTorch programs: torch.export archives, TorchScript, and functions that build a module."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from joulewise.compare.archive_trust import suspicious_parts
from joulewise.compare.facts import BATCH, entry
from joulewise.compare.trust import refuse_untrusted
from joulewise.core.errors import ModelError, PluginMissing, UntrustedModel

_UNREADABLE = (
    *(RuntimeError, ValueError, KeyError, AttributeError, TypeError, AssertionError, OSError, EOFError),
    UnpicklingError,
)
_BY_RANK = {2: (BATCH, 1), 4: (BATCH, 1, "height", "width"), 3: (BATCH, 1, "length"), 5: (BATCH, 1, "d", "h", "w")}


def describe(path: Path, form: str, trust: bool) -> dict[str, Any]:
    """Facts of a .pt2 or TorchScript file; the output's shape is unknown to TorchScript."""
    if form == "torch-export":
        return _exported(load_exported(path, trust)) | {"trusted": trust}
    return _of_module(load_script(path))


def _torch(path: Path | str) -> Any:
    try:
        import torch
    except ImportError as error:
        raise PluginMissing(f"{path} needs PyTorch", hint="pip install 'joulewise[torch]'") from error
    return torch


def load_exported(path: Path, trust: bool) -> Any:
    """The ExportedProgram. torch.export.load falls back to unsafe pickles, so those are looked at first."""
    strange = [] if trust else suspicious_parts(path)
    if strange:
        raise UntrustedModel(
            f"{path} holds more than tensors: {', '.join(strange[:5])}",
            hint="--trust (in Python: trust=True) if you made it or trust who did",
        )
    torch = _torch(path)
    try:
        with _quietly() as said:
            return torch.export.load(str(path))
    except _UNREADABLE as error:
        raise ModelError(
            f"PyTorch {torch.__version__} can't read {path}: {first_line(said[0] if said else error)}",
            hint="export it with the installed version",
        ) from error


@contextmanager
def _quietly() -> Iterator[list[object]]:
    """PyTorch logs a traceback, and raises another error that points to it: here is what it would have logged."""
    said: list[object] = []
    logger = logging.getLogger("torch.export")

    def keep(record: logging.LogRecord) -> bool:
        said.append(record.exc_info[1] if record.exc_info else record.getMessage())
        return False

    logger.addFilter(keep)
    try:
        yield said
    finally:
        logger.removeFilter(keep)


def first_line(error: object) -> str:
    """What an error says first, in at most 200 letters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__


def load_script(path: Path) -> Any:
    """The ScriptModule, in eval mode, on the CPU."""
    torch = _torch(path)
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript's end is PyTorch's matter
            return torch.jit.load(str(path), map_location="cpu").eval()
    except RuntimeError as error:
        raise ModelError(
            f"PyTorch can't read {path}: {str(error)[:200]}", hint="save it anew, or use torch.export"
        ) from error


def _exported(program: Any) -> dict[str, Any]:
    signature = program.graph_signature
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    free: dict[str, str] = {}
    inputs = [_entry(str(name), values[name], free) for name in signature.user_inputs if name in values]
    outputs = [
        _entry(f"output_{at}" if len(signature.user_outputs) > 1 else "output", values.get(name), free)
        for at, name in enumerate(signature.user_outputs)
    ]
    return {"inputs": inputs, "outputs": outputs, **guess_task(inputs, outputs)}


def _entry(name: str, value: Any, free: dict[str, str]) -> dict[str, Any]:
    if value is None or not hasattr(value, "shape"):
        return entry(name, "float32", (BATCH, "..."))
    shape: list[int | str] = []
    for axis, size in enumerate(value.shape):
        text = str(size)
        if text.isdigit():
            shape.append(int(text))
        else:
            shape.append(free.setdefault(text, BATCH if axis == 0 else f"free_{len(free)}"))
    return entry(name, str(value.dtype).removeprefix("torch."), shape)


def guess_task(inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> dict[str, Any]:
    """Task and roles from names and shapes: said to be guessed, since a program does not tell."""
    main = outputs[0]
    shape = main["shape"]
    tokens = any(each["name"] == "input_ids" for each in inputs)
    if tokens and main["name"] in ("vectors", "last_hidden_state"):
        task, role = "embedding", "vectors"
    elif len(shape) == 1 or (len(shape) == 2 and shape[1] == 1):
        task, role = "regression", "values"
    elif len(shape) == 2 and isinstance(shape[1], int):
        task, role = "classification", "scores"
    else:
        return {"task": "unknown", "roles": {}, "task_guessed": True}
    return {"task": task, "roles": {role: main["name"]}, "task_guessed": True}


def describe_factory(text: str, folder: Path, trust: bool) -> tuple[Path, dict[str, Any]]:
    """Where `module:factory` lives, and facts of what it builds. Raises UntrustedModel before anything is imported."""
    refuse_untrusted(text, "Python code", trust)
    built = build(text, str(folder))
    origin = find_spec(text.partition(":")[0])
    facts = {
        "factory": text,
        "import_from": str(folder),
        "trusted": True,
        **_of_module(built["model"], built.get("example")),
    }
    facts |= {key: built[key] for key in ("task", "classes", "roles") if key in built}
    return Path(origin.origin) if origin and origin.origin else folder, facts


def build(text: str, folder: str) -> dict[str, Any]:
    """Call the factory: {"model": module in eval mode, "example": {name: tensor} or absent, ...}.

    A factory returns the module, (module, example inputs), or a dict with "model" and any of "example", "task",
    "classes". Raises ModelError for anything else.
    """
    module_name, _, attribute = text.partition(":")
    torch = _torch(text)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        made = getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"{text} is not there: {error}", hint="module:function, importable from this folder"
        ) from error
    except Exception as error:  # the module is the user's, and may raise anything
        raise _failed(text, error) from error
    made = _called(text, made) if callable(made) and not isinstance(made, torch.nn.Module) else made
    if isinstance(made, torch.nn.Module):
        made = {"model": made}
    elif isinstance(made, tuple) and len(made) == 2:
        made = {"model": made[0], "example": made[1]}
    if not isinstance(made, Mapping) or not isinstance(made.get("model"), torch.nn.Module):
        raise ModelError(
            f"{text} gave a {type(made).__name__}, not a torch.nn.Module",
            hint="return the module, (module, example inputs), or {'model': ..., 'example': ..., 'classes': ...}",
        )
    made = dict(made)
    made["model"] = made["model"].eval()
    if "example" in made:
        made["example"] = _by_name(made["model"], made["example"])
    return made


def _called(text: str, factory: Any) -> Any:
    try:
        return factory()
    except (Exception, SystemExit) as error:  # the code is the user's, and may raise anything
        raise _failed(text, error) from error


def _failed(text: str, error: BaseException) -> ModelError:
    logging.getLogger(__name__).debug("%s failed", text, exc_info=error)
    return ModelError(
        f"{text} failed: {type(error).__name__}: {first_line(error)}", hint="call it in Python, without arguments"
    )


def _by_name(module: Any, example: Any) -> dict[str, Any]:
    if isinstance(example, Mapping):
        return dict(example)
    given = example if isinstance(example, (tuple, list)) else (example,)
    return dict(zip(argument_names(module), given, strict=False))


def argument_names(module: Any) -> list[str]:
    """The names of forward's tensors, without those that have a default."""
    if hasattr(module, "graph") and hasattr(module, "_c"):  # ScriptModule: self comes first
        return [value.debugName().split(".")[0] for value in list(module.graph.inputs())[1:]]
    parameters = inspect.signature(module.forward).parameters.values()
    return [each.name for each in parameters if each.default is each.empty and each.kind != each.VAR_KEYWORD]


def _of_module(module: Any, example: Mapping[str, Any] | None = None) -> dict[str, Any]:
    if example:
        return _of_example(module, example)
    first = next((weights for weights in module.parameters() if weights.dim() > 1), None)
    shape: tuple[int | str, ...] = (BATCH, "...")
    if first is not None and first.dim() in _BY_RANK:
        known = list(_BY_RANK[first.dim()])
        known[1] = int(first.shape[1])
        shape = tuple(known)
    inputs = [entry(name, "float32", shape) for name in argument_names(module)]
    outputs = [entry("output", "float32", (BATCH, "..."))]
    last = [weights for weights in module.parameters() if weights.dim() == 2]
    if last:
        outputs = [entry("output", "float32", (BATCH, int(last[-1].shape[0])))]
    return {"inputs": inputs, "outputs": outputs, **guess_task(inputs, outputs)}


def _of_example(module: Any, example: Mapping[str, Any]) -> dict[str, Any]:
    import torch

    try:
        with torch.inference_mode():
            answer = module(**example)
    except (TypeError, RuntimeError, ValueError, IndexError) as error:
        raise ModelError(
            f"the model does not take its own example ({', '.join(example)}): {error}",
            hint="name each tensor of the example as forward() names it, with a shape that it takes",
        ) from error
    inputs = [_freed(name, value) for name, value in example.items()]
    outputs = [_freed(name, value) for name, value in named_outputs(answer).items()]
    return {"inputs": inputs, "outputs": outputs, **guess_task(inputs, outputs)}


def _freed(name: str, tensor: Any) -> dict[str, Any]:
    """The batch is free; tokens are free in length as well."""
    shape: list[int | str] = [BATCH, *map(int, tensor.shape[1:])] if tensor.dim() else [BATCH]
    if not tensor.is_floating_point() and tensor.dim() == 2:
        shape[1] = "length"
    return entry(name, str(tensor.dtype).removeprefix("torch."), shape)


def named_outputs(answer: Any) -> dict[str, Any]:
    """A module's answer as tensors by name: one tensor is "output", several keep their keys or places."""
    if hasattr(answer, "shape"):
        return {"output": answer}
    if isinstance(answer, Mapping):
        return {str(name): value for name, value in answer.items() if hasattr(value, "shape")}
    return {f"output_{at}" if len(answer) > 1 else "output": value for at, value in enumerate(answer)}
