"""What is measured, as the user describes it."""

from __future__ import annotations

from joulewise.core.errors import UsageError
from joulewise.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = ("train", "tune", "eval", "infer", "serve", "data")
"""The ledger's kinds of runs (core.records.RUN_KINDS, which a measured process does not load)."""


class Job(Frozen):
    """What is measured, in the user's words. `mode` is process (this one), command (a child) or watch (another)."""

    name: str = ""
    kind: str = "train"
    unit: str | None = None
    unit_count: float | None = None
    project: str = ""
    tags: Mapping[str, str] = {}
    seed: int | None = None
    parent_id: str | None = None
    mode: str = "process"
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = self.unit_count
        if count is not None and not (isinstance(count, int | float) and 0 <= count < 1e300):
            raise UsageError(f"unit_count must be a finite number >= 0, got {count!r:.60}")
        if not isinstance(self.name, str) or not isinstance(self.project, str):
            raise UsageError(f"name and project must be text, got {self.name!r:.60} and {self.project!r:.60}")
        if self.kind not in KINDS:
            raise UsageError(f"kind {self.kind!r} is not one of {', '.join(KINDS)}")
