"""The ledger of savings as lists: an account a month, a line a job, and what a backfill changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from joulewise.core.figures import Figure
from joulewise.report.digits import share, shown
from joulewise.report.listing import Listing, figure_fields, simple
from joulewise.report.savings_rows import basis_of, percent
from joulewise.report.view import Row

if TYPE_CHECKING:
    from joulewise.core.plans import Decision
    from joulewise.schedule import Savings

NOTHING = "No job has followed a plan yet. Try: joulewise run --when cleanest --within 24h -- COMMAND"
_NOTE = (
    "Ratio of sums over all jobs that followed a plan, those that stayed and those that lost included. Location-based, "
    "operational; the contract's (market-based) saving stands apart and is never added."
)


class Revised(Protocol):
    """What a backfill tells of a run."""

    run_id: str
    name: str
    changed: bool
    decisions: int
    before: Figure | None
    after: Figure | None
    status_before: str
    status_after: str
    why: str
    parent_id: str


def savings_account(accounts: Sequence[Savings]) -> Listing:
    """A line a month and one for all, for each type of intensity."""
    columns = ("Month", "Jobs", "Moved", "Lost", "Emitted", "At once at home", "Saved", "Share", "Of best", "Contract")
    lines = [line for one in accounts for line in _account_lines(one, several=len(accounts) > 1)]
    numeric = ("Jobs", "Moved", "Lost", "Emitted", "At once at home", "Saved", "Share", "Of best", "Contract")
    grid = simple(
        "Savings", columns, lines, numeric=numeric, spare=("Of best", "Contract", "At once at home", "Emitted")
    )
    records = tuple(_account_record(part) for one in accounts for part in (*one.months, one))
    return Listing(grid=grid, records=records, footer="\n".join(_told(accounts)) if accounts else NOTHING)


def savings_jobs(decisions: Sequence[Decision], names: Mapping[str, str]) -> Listing:
    """A line a job, latest last."""
    columns = ("Ended (UTC)", "Name", "Option", "Emitted", "At once at home", "Saved", "Share", "Rests on", "Run")
    lines = [
        (
            one.segments[-1].end.strftime("%Y-%m-%d %H:%M") if one.segments else "",
            names.get(one.run_id, ""),
            one.chosen,
            shown(one.realised, co2e=False),
            shown(one.counterfactual, co2e=False),
            shown(one.saved, co2e=False),
            percent(one.ratio) if one.ratio else "",
            basis_of(one),
            one.run_id[-8:],
        )
        for one in decisions
    ]
    grid = simple(
        "Savings by job",
        columns,
        lines,
        numeric=("Emitted", "At once at home", "Saved", "Share"),
        spare=("Rests on", "Option", "At once at home", "Emitted"),
    )
    records = tuple(_job_record(one, names.get(one.run_id, "")) for one in decisions)
    return Listing(grid=grid, records=records, footer=f"{len(decisions)} jobs" if decisions else NOTHING)


def backfill_list(found: Sequence[Revised]) -> Listing:
    """A line a job: what it was taken to emit, what it is now, or why nothing was filed. The parts of a task that is
    there as well are counted in its line; machines get them all."""
    columns = ("Run", "Name", "Before", "After", "Remark")
    ids = {one.run_id for one in found}
    jobs = [one for one in found if one.parent_id not in ids]
    parts = Counter(one.parent_id for one in found if one.parent_id in ids)
    remarks = list(dict.fromkeys(map(_remark, jobs)))  # numbered and told once below, since runs share them
    lines: list[tuple[Row | str, ...]] = [
        (
            one.run_id[-8:],
            _with_parts(one.name, parts[one.run_id]),
            shown(one.before, co2e=False) if one.before else "",
            shown(one.after, co2e=False) if one.after else "",
            str(remarks.index(_remark(one)) + 1),
        )
        for one in jobs
    ]
    changed, decisions = sum(one.changed for one in jobs), sum(one.decisions for one in found)
    records = tuple(
        {
            "run_id": one.run_id,
            "part_of": one.parent_id or None,
            "name": one.name,
            "changed": one.changed,
            **figure_fields("operational_before", "g", one.before),
            **figure_fields("operational_after", "g", one.after),
            "status_before": one.status_before,
            "status_after": one.status_after,
            "decisions": one.decisions,
            "remark": one.why,
        }
        for one in found
    )
    grid = simple("Backfill", columns, lines, numeric=("Run", "Before", "After", "Remark"))
    footer = f"{changed} of {len(jobs)} jobs revised, {decisions} savings computed anew; the old rows stay."
    notes = tuple(f"{number}: {remark}" for number, remark in enumerate(remarks, start=1))
    return Listing(grid=grid, records=records, notes=notes, footer=footer)


def _with_parts(name: str, count: int) -> str:
    return f"{name} ({count} part{'s' * (count != 1)})" if count else name


def _remark(one: Revised) -> str:
    """What became of a run: "revised: rests on measured values, before on climatology", "measured already"."""
    parts = [one.why]
    if one.changed and one.status_after == one.status_before:
        parts = [f"revised: newer {one.status_after} values", one.why]
    elif one.changed:
        parts = [f"revised: rests on {one.status_after} values, before on {one.status_before}", one.why]
    if one.decisions:
        parts.append("its saving computed anew")
    return "; ".join(filter(None, parts)) or "nothing to revise"


def _account_lines(one: Savings, *, several: bool) -> list[tuple[Row | str, ...]]:
    label = f"all: {', '.join(one.type)}" if several else "all"
    parts = one.months if len(one.months) > 1 else ()
    return [*(_account_line(part, part.month, one) for part in parts), _account_line(one, label, one)]


def _account_line(part: Savings, label: str, whole: Savings) -> tuple[str, ...]:
    size = whole.counterfactual
    return (
        label,
        str(part.count),
        str(part.moved),
        str(part.lost),
        shown(part.realised, co2e=False, size_of=size),
        shown(part.counterfactual, co2e=False, size_of=size),
        shown(part.saved, co2e=False, size_of=size),
        percent(part.ratio) if part.ratio else "",
        share(part.kept_share) if part.kept_share is not None and part.kept_share >= 0 else "",
        shown(part.market_saved, co2e=False) if part.market_saved else "",
    )


def _told(accounts: Sequence[Savings]) -> list[str]:
    told = [_NOTE]
    for one in accounts:
        if one.typical_share:
            told.append(
                f"{share(one.typical_share)} of it rests on typical hours, not on those of the days themselves: "
                "joulewise carbon backfill"
            )
        if one.market_saved and one.market_count < one.count:
            told.append(f"A contract is known for {one.market_count} of {one.count} jobs.")
        if one.oracle and one.oracle_count < one.count:
            told.append(f"The best in hindsight is known for {one.oracle_count} of {one.count} jobs.")
    if len(accounts) > 1:
        told.append("Intensities of different types are never added: an account each.")
    return list(dict.fromkeys(told))


def _account_record(one: Savings) -> dict[str, Any]:
    kind, basis, scope = one.type
    return {
        "month": one.month or None,
        "kind": kind,
        "basis": basis,
        "scope": scope,
        "first": one.first,
        "last": one.last,
        "job_count": one.count,
        "moved_count": one.moved,
        "lost_count": one.lost,
        "energy_j": one.energy_j,
        **figure_fields("realised", "g", one.realised),
        **figure_fields("counterfactual", "g", one.counterfactual),
        **figure_fields("saved", "g", one.saved),
        **figure_fields("saved", "ratio", one.ratio),
        **figure_fields("oracle", "g", one.oracle),
        "oracle_count": one.oracle_count,
        "kept_share": one.kept_share,
        **figure_fields("market_saved", "g", one.market_saved),
        "market_count": one.market_count,
        "typical_share": one.typical_share,
    }


def _job_record(one: Decision, name: str) -> dict[str, Any]:
    details = one.details
    return {
        "run_id": one.run_id,
        "name": name,
        "decision_id": one.id,
        "plan_id": one.plan_id,
        "chosen": one.chosen,
        "started_at": one.segments[0].start if one.segments else None,
        "ended_at": one.segments[-1].end if one.segments else None,
        "waited_s": details.get("waited_s"),
        "paused_s": details.get("paused_s"),
        "energy_j": details.get("energy_j"),
        "overhead_j": details.get("overhead_j"),
        **figure_fields("realised", "g", one.realised),
        **figure_fields("counterfactual", "g", one.counterfactual),
        **figure_fields("saved", "g", one.saved),
        **figure_fields("saved", "ratio", one.ratio),
        **figure_fields("oracle", "g", one.oracle),
        **figure_fields("market_saved", "g", one.market_saved),
        "grade": details.get("grade"),
        "status": details.get("status"),
        "typical_share": details.get("typical_share"),
    }
