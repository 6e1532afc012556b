"""What plans saved: all decisions that hold as one account, or job by job."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from joulewise import schedule
from joulewise.api.filing import current
from joulewise.core import settings as _settings

if TYPE_CHECKING:
    from joulewise.core.plans import Decision
    from joulewise.core.settings import Settings


def savings(
    settings: Settings | None = None, *, since: datetime | None = None, until: datetime | None = None
) -> tuple[schedule.Savings, ...]:
    """What all jobs saved that followed a plan and ended in [since, until): an account a type of intensity.

    () if there is no such job. Times are aware.
    """
    with current(settings or _settings.load()) as ledger:
        return schedule.savings_by_type(_between(ledger.decisions(), since, until))


def saved_jobs(
    settings: Settings | None = None, *, since: datetime | None = None, until: datetime | None = None
) -> tuple[list[Decision], dict[str, str]]:
    """The decision about each such job, in the order of their ends, and the names of the runs by their ids."""
    with current(settings or _settings.load()) as ledger:
        found = sorted(_between(ledger.decisions(), since, until), key=_ended)
        return found, {row.id: row.name for row in ledger.rows([one.run_id for one in found])}


def _between(decisions: Iterable[Decision], since: datetime | None, until: datetime | None) -> list[Decision]:
    return [
        one for one in decisions if (since is None or _ended(one) >= since) and (until is None or _ended(one) < until)
    ]


def _ended(decision: Decision) -> datetime:
    return (decision.segments[-1].end if decision.segments else decision.decided_at).astimezone(UTC)
