"""The folder that a shrink leaves: the model, a manifest with the proof, a loader of five lines."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from joulewise.compare import model_card, open_model
from joulewise.compare.digests import digest_of, files_of
from joulewise.core.errors import JoulewiseError, ModelError, UsageError
from joulewise.core.figures import Figure
from joulewise.core.runtimes import Artifact, Deployment, Predictor, RunOptions
from joulewise.core.variants import Observation, Step
from joulewise.core.version import VERSION
from joulewise.measure.cpu_identity import identify
from joulewise.shrink.exported import Exported
from joulewise.shrink.loaders import loader_text
from joulewise.shrink.workplace import content_of

MANIFEST, LOADER = "manifest.json", "loader.py"
_FORMAT, _VERSION = "joulewise-model", 1
_CODE = "torch-module"
"""The format of what Python code builds: it is built where the code lies, the folder has a copy to look at."""
_INTERFACE = ("task", "inputs", "outputs", "roles", "classes", "columns")
_LIBRARIES = (
    "catboost", "lightgbm", "nncf", "numpy", "onnx", "onnxruntime", "openvino", "scikit-learn", "skl2onnx", "skops",
    "torch", "torchao", "transformers", "treelite", "xgboost",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What the folder says of itself. `original` and `data` are what `verify` needs to repeat the proof: paths and
    hashes, nothing of the rows themselves. `proof` holds the figures and sentences, `ledger` the ids of the rows.
    `model` has the chain of transforms and the files' hashes, `interface` what goes in and comes out: names, types,
    shapes, which output is what, the classes in the order of the scores, the columns in the order of the input."""

    name: str
    created_at: str
    model: Mapping[str, Any]
    runtime: Mapping[str, Any]
    original: Mapping[str, Any]
    data: Mapping[str, Any]
    interface: Mapping[str, Any] = field(default_factory=dict)
    proof: Mapping[str, Any] = field(default_factory=dict)
    measured: tuple[Observation, ...] = ()
    ledger: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    joulewise: str = VERSION


def refuse_foreign(place: Path) -> None:
    """Raise UsageError where the folder of a result would replace something else."""
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise UsageError(f"{place} is there and is no folder", hint="--out with a new folder")
    if place.exists() and any(place.iterdir()) and not (place / MANIFEST).exists():
        raise UsageError(f"{place} is there and is not of joulewise shrink", hint="--out with a new folder")


def write_folder(
    place: Path,
    deployment: Deployment,
    told: Mapping[str, Any],
    observations: tuple[Observation, ...] = (),
    pages: Mapping[str, str] | None = None,
) -> Manifest:
    """Write the folder anew; `told` has original, data, proof, ledger, `pages` the report's files by name.

    The folder appears whole: it is made beside its place and moved there. Raises UsageError if other files are there.
    """
    refuse_foreign(place)
    draft = place.with_name(f"{place.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    artifact = _copied(deployment.artifact, draft)
    manifest = _manifest(deployment, artifact, told, observations)
    options = manifest.runtime["options"]
    entry = artifact.path.relative_to(draft).as_posix()
    (draft / LOADER).write_text(loader_text(deployment.runtime, entry, options, artifact.facts))
    document = {"format": _FORMAT, "version": _VERSION, **asdict(manifest)}
    document = json.loads(json.dumps(document, default=str))
    (draft / MANIFEST).write_text(json.dumps({**document, "sha256": seal(document)}, indent=1) + "\n")
    for name, text in (pages or {}).items():
        (draft / name).write_text(text, encoding="utf-8")
    _replace(place, draft)
    return manifest


def seal(document: Mapping[str, Any]) -> str:
    """The hash that notices a manifest that was edited or damaged; it is no signature."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _replace(place: Path, draft: Path) -> None:
    """The draft becomes the folder; what was there is away only once the draft is in its place."""
    if not place.exists():
        draft.rename(place)
        return
    old = place.with_name(f"{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    place.rename(old)
    draft.rename(place)
    shutil.rmtree(old)


def _copied(artifact: Artifact, folder: Path) -> Artifact:
    """The model's files in the folder: a file with those that lie beside it, as external weights do."""
    source = artifact.path
    if source.is_dir():
        shutil.copytree(source, folder / source.name)
    elif artifact.steps:  # made by us, alone in its folder
        shutil.copytree(source.parent, folder, dirs_exist_ok=True)
    else:
        for each in files_of(artifact):
            target = folder / each.relative_to(source.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(each, target)
    return Artifact(path=folder / source.name, format=artifact.format, facts=artifact.facts, steps=artifact.steps)


def _manifest(
    deployment: Deployment, artifact: Artifact, told: Mapping[str, Any], observations: tuple[Observation, ...]
) -> Manifest:
    from joulewise.compare.opening import runtime_of

    card = model_card(artifact)
    return Manifest(
        name=deployment.name,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        model={
            "path": artifact.path.name,
            "format": artifact.format,
            "sha256": card.sha256,
            "size_bytes": card.size_bytes,
            "parameters": card.parameters,
            "facts": {key: value for key, value in artifact.facts.items() if key != "trusted"},
            "steps": [asdict(step) for step in artifact.steps],
            "files": _hashes(artifact),
            **_built(deployment.artifact),
        },
        interface={key: artifact.facts[key] for key in _INTERFACE if key in artifact.facts},
        versions=versions_here(),
        runtime={
            "name": deployment.runtime,
            "version": runtime_of(deployment.runtime).version,
            "options": {
                "threads": deployment.options.threads,
                "spinning": deployment.options.spinning,
                "more": dict(deployment.options.more),
            },
        },
        original=told.get("original", {}),
        data=told.get("data", {}),
        proof=told.get("proof", {}),
        ledger=told.get("ledger", {}),
        measured=observations,
    )


def _built(artifact: Artifact) -> dict[str, str]:
    """Of a model that code builds: where the code lies, and the hash of it and of what it builds."""
    if artifact.format != _CODE:
        return {}
    return {"origin": str(artifact.path.resolve()), "content": content_of(artifact)}


def _hashes(artifact: Artifact) -> dict[str, str]:
    """SHA-256 of every file, as sha256sum gives it."""
    root = artifact.path if artifact.path.is_dir() else artifact.path.parent
    found = {}
    for each in files_of(artifact):
        with each.open("rb") as file:
            found[each.relative_to(root).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def versions_here() -> dict[str, str]:
    """The machine, Python, and the libraries that make and run models, as far as they are installed."""
    found = {"python": platform.python_version(), "machine": platform.machine(), "cpu": _cpu()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    """The processor's name; "" if the machine does not tell."""
    try:
        found = identify(Path("/proc/cpuinfo").read_text(errors="replace"))
    except OSError:
        return ""
    return found.brand if found else ""


def differences(manifest: Manifest) -> list[str]:
    """What is not here as it was where the folder was made: "onnxruntime 1.20.0, here 1.22.0"."""
    here, there = versions_here(), manifest.versions
    return [
        f"{name} {there.get(name) or '-'}, here {here.get(name) or '-'}"
        for name in sorted({*here, *there})
        if there.get(name) != here.get(name)
    ]


def read_folder(place: Path) -> Manifest:
    """The manifest of a folder. Raises ModelError for anything else, a newer one, or one that was changed."""
    try:
        document = json.loads((place / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"{place} is no folder of joulewise shrink: {error}", hint="joulewise shrink MODEL") from error
    if not isinstance(document, dict) or document.pop("format", None) != _FORMAT:
        raise ModelError(f"{place / MANIFEST} is not of joulewise shrink", hint="joulewise shrink MODEL")
    if document.get("version") != _VERSION:
        raise ModelError(f"{place} was written by another joulewise", hint="pip install --upgrade joulewise")
    if document.pop("sha256", "") != seal({"format": _FORMAT, **document}):
        raise ModelError(f"{place / MANIFEST} was changed after it was written", hint="export it again")
    del document["version"]
    try:
        seen = tuple(Observation(**{**one, "figure": Figure(**one["figure"])}) for one in document.pop("measured"))
        return Manifest(**document, measured=seen)
    except (TypeError, KeyError, JoulewiseError) as error:
        raise ModelError(f"{place / MANIFEST} is damaged: {error}", hint="export it again") from error


def deployment_of(place: Path, manifest: Manifest | None = None, *, trust: bool = False) -> Deployment:
    """What the folder deploys, its files checked against the manifest. Nothing of the model is loaded but with `trust`,
    and then only what Python code builds.

    `trust`: the model may run code that it brings, as pickles do; without, opening such a one raises UntrustedModel.
    Raises ModelError if a file is gone or was changed.
    """
    found = manifest or read_folder(place)
    artifact = _unchanged(place, found.model, trust)
    options = found.runtime["options"]
    return Deployment(
        name=found.name,
        artifact=artifact,
        runtime=found.runtime["name"],
        options=RunOptions(threads=options["threads"], spinning=options["spinning"], more=options["more"]),
    )


def _unchanged(place: Path, model: Mapping[str, Any], trust: bool) -> Artifact:
    path = Path(model.get("origin") or place / model["path"]).resolve()
    artifact = Artifact(
        path=path,
        format=model["format"],
        facts={**model["facts"], "trusted": trust},
        steps=tuple(Step(**one) for one in model["steps"]),
    )
    if not path.exists():
        raise ModelError(f"{place} lacks {model.get('origin', model['path'])}", hint="put it back, or export it again")
    if digest_of(artifact)[0] != model["sha256"]:
        raise ModelError(f"{path} is not the file that was proven", hint="export it again")
    if trust and "content" in model and content_of(artifact) != model["content"]:
        raise ModelError(f"{path} does not build the weights that were proven", hint="put them back, or shrink again")
    return artifact


def load_folder(place: Path | str, *, trust: bool = False) -> Predictor:
    """The exported model, ready to answer: `load_folder("out").predict({"x": rows})`.

    `trust`: it may run code that it brings, as scikit-learn's pickles do; only for folders that you made, or whose
    maker you trust. Raises UntrustedModel without, and ModelError if a file was changed.
    """
    deployment = deployment_of(Path(place), trust=trust)
    return Exported(open_model(deployment.artifact, deployment.runtime, deployment.options))
