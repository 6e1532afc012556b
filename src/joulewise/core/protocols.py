"""The shapes that plug-ins have. A plug-in matches them by shape and need not import us.

Entry-point groups: joulewise.meters (a MeterPlugin each), joulewise.intensity, joulewise.exporters; later rooms add
joulewise.runtimes, joulewise.transforms, joulewise.executors, joulewise.trackers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from joulewise.core.channels import Channel, Finding, MeterContext
from joulewise.core.signals import Signal


@runtime_checkable
class Meter(Protocol):
    """Reads one or more channels in one go."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What `read` returns, in this order; fixed for the meter's life."""
        ...

    def read(self) -> tuple[int | None, ...]:
        """The raw count of each channel now; None is a gap. Never blocks for more than a millisecond or two.

        Raises MeterUnavailable if nothing can be read; the caller writes a gap. Zero always means a measured zero.
        """
        ...

    def close(self) -> None:
        """Let go of files and handles; may be called twice."""
        ...


class MeterPlugin(Protocol):
    """Finds the meters of one kind on a machine. Registered in the entry-point group `joulewise.meters`."""

    def __call__(self, context: MeterContext) -> tuple[list[Meter], list[Finding]]:
        """The meters that work now, and what to tell the user about those that don't. Never raises, never prompts."""
        ...


class IntensityProvider(Protocol):
    """Gives carbon-intensity signals of a zone. Registered in `joulewise.intensity`."""

    name: str

    def signals(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """Signals that overlap [start, end), sorted, not overlapping one another; holes stay holes.

        Raises FactorError if the zone is unknown.
        """
        ...


class Exporter(Protocol):
    """Writes a report in one format. Registered in `joulewise.exporters`."""

    name: str
    suffix: str

    def render(self, view: object) -> str | bytes:
        """The whole document."""
        ...
