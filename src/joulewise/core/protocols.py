"""The shapes that plug-ins have. A plug-in matches them by shape and need not import us.

Entry-point groups: joulewise.meters (a MeterPlugin each), joulewise.intensity, joulewise.executors,
joulewise.exporters; joulewise.runtimes and joulewise.transforms, whose shapes are in `core.runtimes`; a later room adds
joulewise.trackers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from joulewise.core.channels import Channel, Finding, MeterContext
from joulewise.core.plans import Task, TaskStatus
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

        Raises FactorError if the zone is unknown, ProviderUnavailable if there is no usable answer.
        """
        ...


@runtime_checkable
class ForecastProvider(Protocol):
    """An intensity provider that can look ahead."""

    name: str

    def forecast(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """Forecast signals that overlap [start, end), as far as the source looks ahead, each with its `issued_at`.

        Raises FactorError if the zone is unknown, ProviderUnavailable if there is no usable answer.
        """
        ...


class Executor(Protocol):
    """A place that runs tasks. Registered in `joulewise.executors`. A handle is text that survives our own restart.

    All calls are idempotent: a second submit of a task's id gives the handle of the first, stopping a stopped task or
    starting a running one does nothing. Raises ExecutorError with the cure where the place refuses or is not there.
    """

    name: str

    def submit(self, task: Task) -> str:
        """Take the task without running it (unless the place itself waits for `not_before`); its handle."""
        ...

    def start(self, handle: str) -> None:
        """Run it now."""
        ...

    def stop(self, handle: str) -> None:
        """Ask it to save its state and stop; returns at once, `status` says when it is paused."""
        ...

    def resume(self, handle: str) -> None:
        """Run it again from what it saved."""
        ...

    def status(self, handle: str) -> TaskStatus:
        """How it stands."""
        ...

    def cancel(self, handle: str) -> None:
        """End it for good."""
        ...


class Exporter(Protocol):
    """Writes a report in one format. Registered in `joulewise.exporters`."""

    name: str
    suffix: str

    def render(self, view: object) -> str | bytes:
        """The whole document."""
        ...
