"""Recognises a model by its content and gathers what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from joulewise.compare.formats import LOADABLE, format_of
from joulewise.core.errors import ModelError, OutOfRange
from joulewise.core.runtimes import TASKS, Artifact

_READERS = {
    "catboost": "trees:describe",
    "compiled-trees": "folders:describe_compiled",
    "hf": "folders:describe_hugging_face",
    "keras": "folders:describe_keras",
    "lightgbm": "trees:describe",
    "linear": "folders:describe_linear",
    "onnx": "graphs:describe",
    "openvino": "folders:describe_openvino",
    "saved-model": "folders:describe_keras",
    "sklearn": "estimators:describe",
    "skops": "estimators:describe",
    "torch-export": "programs:describe",
    "torchscript": "programs:describe",
    "treelite": "trees:describe",
    "xgboost": "trees:describe",
}


def artifact_of(text: str | Path, *, trust: bool = False) -> Artifact:
    """The model at a path, or the one that `module:factory` (or `file.py:factory`) builds.

    Raises UntrustedModel, before anything is loaded, for what would run its own code; ModelError for what can't be
    loaded, with what it seems to be and how to export it; PluginMissing for an absent library.
    """
    path = Path(text).expanduser()
    if not path.exists():
        return _factory(str(text), trust)
    path = path.resolve()
    if path.is_dir():
        path = _only_model(path)
    form = format_of(path)
    return Artifact(path=path, format=form, facts=facts_of(path, form, trust=trust))


def facts_of(path: Path, form: str, *, trust: bool = False) -> dict[str, Any]:
    """What a model of a known format says of itself; a transform uses it for what it has written."""
    module, _, name = _READERS[form].partition(":")
    reader: Callable[[Path, str, bool], dict[str, Any]]
    reader = getattr(import_module(f"joulewise.compare.facts.{module}"), name)
    return reader(path, form, trust)


def with_task(artifact: Artifact, task: str, classes: list[Any] | None = None) -> Artifact:
    """The artifact with the user's word on what it does, where that was guessed. Raises OutOfRange."""
    if task not in TASKS:
        raise OutOfRange(f"task {task!r} is not one of {', '.join(TASKS)}")
    from joulewise.compare.facts.graphs import roles_for

    facts = {key: value for key, value in artifact.facts.items() if key != "task_guessed"}
    facts |= {"task": task, "roles": roles_for(task, list(facts.get("outputs", [])))}
    return replace(artifact, facts=facts | ({"classes": classes} if classes is not None else {}))


def overruled(artifact: Artifact, task: str) -> Artifact:
    """The artifact as its user says what it does; "" leaves it as it is, and so does what the model says itself.

    Raises OutOfRange for no task, ModelError for a model that declares another: only a guess can be overruled.
    """
    known = str(artifact.facts.get("task") or "unknown")
    guessed = known == "unknown" or artifact.facts.get("task_guessed")
    if not task or (task == known and not guessed):
        return artifact
    if not guessed and task in TASKS:
        raise ModelError(f"{artifact.path.name} says itself that it does {known}, not {task}", hint="leave --task away")
    return with_task(artifact, task)


def _factory(text: str, trust: bool) -> Artifact:
    module, colon, attribute = text.rpartition(":")
    folder = Path.cwd()
    if module.endswith(".py") and Path(module).is_file():
        folder, module = Path(module).resolve().parent, Path(module).stem
    if colon and all(part.isidentifier() for part in [*module.split("."), *attribute.split(".")]):
        from joulewise.compare.facts.programs import describe_factory

        path, facts = describe_factory(f"{module}:{attribute}", folder, trust)
        return Artifact(path=path, format="torch-module", facts=facts)
    if text.count("/") == 1 and not text.startswith(("/", ".", "~")) and "." not in text.rpartition("/")[2][-5:]:
        raise ModelError(
            f"{text} is not there; if it is a name on the Hugging Face Hub, we download nothing",
            hint=f"hf download {text} --local-dir {text.rpartition('/')[2]}",
        )
    raise ModelError(f"{text} is not there", hint=f"a path or module:factory; we load {LOADABLE}")


def _only_model(folder: Path) -> Path:
    """A folder that is no model itself may hold exactly one: an export beside its tokenizer, say."""
    try:
        format_of(folder)
    except ModelError as error:
        found = [
            path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix in (".onnx", ".xml", ".pt2")
        ]
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise ModelError(f"{folder} holds {len(found)} models", hint=f"name one of {names}") from error
        if not found:
            raise
        return found[0]
    return folder
