"""What all transforms share: when they apply, the step that they add, and the check that the result answers alike."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from importlib import metadata
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

from joulewise.core.errors import JoulewiseError, ModelError, PluginMissing
from joulewise.core.runtimes import Artifact, Materials
from joulewise.core.variants import Step
from joulewise.shrink.transforms.checking import EXACT, Guard, check

Settings = Mapping[str, Any]
_log = logging.getLogger(__name__)


class Recipe:
    """A transform without its work: subclasses say `why_not`, `choices` and `make`.

    `modules` are the importable names that `make` needs, `distribution` the one that does the work and gives the
    version, `extra` the extra of joulewise that brings them.
    """

    name: ClassVar[str]
    formats: ClassVar[tuple[str, ...]]
    distribution: ClassVar[str]
    modules: ClassVar[tuple[str, ...]]
    extra: ClassVar[str]

    @property
    def version(self) -> str:
        """The version of the library that does the work."""
        try:
            return f"{self.distribution} {metadata.version(self.distribution)}"
        except metadata.PackageNotFoundError as error:
            raise self._missing(self.distribution) from error

    def why_not(self, artifact: Artifact, materials: Materials) -> str:
        """Why there is nothing to offer, in words for the user; empty where the transform applies. Cheap."""
        if artifact.format not in self.formats:
            return f"{self.name} takes {', '.join(self.formats)}, not {artifact.format}"
        absent = [name for name in self.modules if find_spec(name) is None]
        if absent:
            return f"{self.name} needs {', '.join(absent)}: pip install 'joulewise[{self.extra}]'"
        if any(step.transform == self.name for step in artifact.steps):
            return f"{self.name} was done already"
        return self.unfit(artifact, materials)

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        """Why this very model or these materials don't suit; empty where they do."""
        return ""

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        """The settings worth trying, the likeliest first."""
        return ({},)

    def guard(self, settings: Settings) -> Guard:
        """How far the answers may move before the result counts as broken."""
        return EXACT

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        """Do the work; the step and the check are added by `apply`."""
        raise NotImplementedError

    def note(self, before: Artifact, after: Artifact, materials: Materials) -> Mapping[str, Any]:
        """What else is worth keeping beside the check, found on the finished artifact."""
        return {}

    def offers(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        """The settings worth trying; none where `why_not` has a reason."""
        return () if self.why_not(artifact, materials) else tuple(self.choices(artifact, materials))

    def apply(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        """Write the new artifact into `folder`, its step added and its answers checked: facts["checks"] says how far
        they moved.

        Raises ModelError with the cause, PluginMissing with the cure.
        """
        if artifact.format not in self.formats:
            raise ModelError(
                f"{self.name} can't change a model of format {artifact.format}",
                hint=f"give it one of {', '.join(self.formats)}",
            )
        folder.mkdir(parents=True, exist_ok=True)
        made = self._made(artifact, settings, materials, folder)
        noted = {**check(artifact, made, self.guard(settings), materials), **self.note(artifact, made, materials)}
        facts = {**made.facts, "checks": {**artifact.facts.get("checks", {}), self.name: noted}}
        step = Step(transform=self.name, version=self.version, options=dict(settings))
        return replace(made, facts=facts, steps=(*artifact.steps, step))

    def _made(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        said = StringIO()  # Libraries print progress, and stdout is for data.
        try:
            with redirect_stdout(said):
                return self.make(artifact, settings, materials, folder)
        except ImportError as error:
            if isinstance(error, JoulewiseError):
                raise
            raise self._missing(error.name or str(error)) from error
        except JoulewiseError:
            raise
        except Exception as error:
            _log.info("%s failed on %s", self.name, artifact.path, exc_info=True)
            raise ModelError(
                f"{self.name} failed: {type(error).__name__}: {_first_lines(str(error))}",
                hint="another transform or runtime; the log has the whole cause",
            ) from error
        finally:
            _log.debug("%s said: %s", self.name, said.getvalue())

    def _missing(self, module: str) -> PluginMissing:
        return PluginMissing(f"{self.name} needs {module}", hint=f"pip install 'joulewise[{self.extra}]'")


def _first_lines(text: str, length: int = 400) -> str:
    return text if len(text) <= length else f"{text[:length]} ..."
