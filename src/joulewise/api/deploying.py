"""From what a user types to what is measured: "small=net.onnx@openvino" is a name, a file and a runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from joulewise import compare
from joulewise.core.errors import JoulewiseError, ModelError, NotFound, UntrustedModel, UsageError
from joulewise.core.runtimes import Artifact, Deployment, RunOptions

ALL, NATIVE = "all", ""
"""Runtimes that a user may ask for besides those of a name: every one that takes the model, or the model's own."""
Trust = Callable[[str], bool]
"""Is asked, with the reason, before code of a file would run; True if the user trusts it."""


@dataclass(frozen=True, slots=True)
class Named:
    """A model as it was typed, in parts. `name` and `runtime` are "" where nobody gave them."""

    place: str
    name: str = ""
    runtime: str = ""


def named(text: str) -> Named:
    """Read NAME=PLACE@RUNTIME. What is there as a whole is a path, whatever letters it has."""
    if Path(text).expanduser().exists():
        return Named(text)
    name, equals, place = text.partition("=")
    if not (equals and name) or "/" in name:
        name, place = "", text
    if Path(place).expanduser().exists():
        return Named(place, name)
    front, at, runtime = place.rpartition("@")
    if at and front and "/" not in runtime:
        return Named(front, name, runtime)
    return Named(place, name)


def deployments_of(
    models: Iterable[str | Path | Deployment],
    *,
    runtimes: Iterable[str] = (),
    trust: bool | Trust = False,
    threads: int = 1,
    task: str = "",
) -> list[Deployment]:
    """Load what each model says of itself, and name it. `runtimes` hold for models that name none of their own, `task`
    for those whose own is only guessed.

    Raises ModelError and its kin for a model that can't be read or a runtime that does not take it, UntrustedModel
    unless `trust` says so, UsageError for two models of one name.
    """
    wanted = list(runtimes)
    found: list[Deployment] = []
    for one in models:
        if isinstance(one, Deployment):
            found.append(one)
            continue
        asked = named(str(one))
        artifact = compare.overruled(_trusted(asked.place, trust), task)
        names = _runtimes(artifact, [asked.runtime] if asked.runtime else wanted)
        for runtime in names:
            name = asked.name or Path(asked.place).name
            shown = f"{name} · {runtime}" if len(names) > 1 or (asked.runtime and not asked.name) else name
            found.append(
                Deployment(name=shown, artifact=artifact, runtime=runtime, options=RunOptions(threads=threads))
            )
    return list(_unlike(found))


def _trusted(place: str, trust: bool | Trust) -> Artifact:
    """The model; the user is asked once if it would run code of its own."""
    try:
        return compare.artifact_of(place, trust=trust is True)
    except UntrustedModel as error:
        if callable(trust) and trust(error.message):
            return compare.artifact_of(place, trust=True)
        raise


def _runtimes(artifact: Artifact, wanted: list[str]) -> list[str]:
    """The runtimes to measure it with, each known to take it."""
    can = compare.runtimes_for(artifact)
    native = compare.native_runtime(artifact)
    if not wanted:
        return [native]
    if ALL in wanted:
        return can or [native]
    for name in wanted:
        if name not in can:
            _refuse(artifact, name, can)
    return list(dict.fromkeys(wanted))


def _refuse(artifact: Artifact, name: str, can: list[str]) -> None:
    from joulewise.compare.opening import runtime_of

    hint = f"one of: {', '.join(can) or 'none that is installed'}; or convert it first"
    try:
        runtime_of(name)  # an unknown name, or a library that is absent, say so themselves
    except NotFound as error:
        raise NotFound(f"there is no runtime {name!r}", hint=hint) from error
    raise ModelError(f"{name} does not run {artifact.path.name} ({artifact.format})", hint=hint)


def _unlike(found: list[Deployment]) -> Iterator[Deployment]:
    """Raise UsageError for two of one name: nobody could tell their figures apart."""
    names = [one.name for one in found]
    for one in found:
        if names.count(one.name) > 1:
            raise UsageError(
                f"two models are called {one.name!r}", hint="name each: joulewise bench a=one/m.onnx b=two/m.onnx"
            )
        yield one


def baseline_first(deployments: list[Deployment], baseline: str) -> list[Deployment]:
    """The baseline in front: the first unless one is named, by its name or by the start of one name alone.

    Raises NotFound with the names for one that is not there.
    """
    if not baseline:
        return deployments
    exact = [one for one in deployments if one.name == baseline]
    near = exact or [one for one in deployments if one.name.startswith(baseline)]
    if len(near) != 1:
        raise NotFound(f"no model {baseline!r} to compare with", hint=", ".join(one.name for one in deployments))
    return [near[0], *(one for one in deployments if one is not near[0])]


def version_of(runtime: str) -> str:
    """The version of the library behind a runtime; "" if it can't say."""
    from joulewise.compare.opening import runtime_of

    try:
        return str(runtime_of(runtime).version)
    except JoulewiseError:
        return ""
