"""The lists that the front doors show: runs, factors, settings, plug-ins, formulas, findings of the doctor."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

from joulewise.core.channels import Finding
from joulewise.core.figures import Figure
from joulewise.core.formulas import Formula
from joulewise.core.records import Factor
from joulewise.core.settings import HELP, Settings
from joulewise.report.digits import number, seconds, share, shown
from joulewise.report.listing import Listing, figure_fields, simple

if TYPE_CHECKING:
    from joulewise.carbon import FactorChange
    from joulewise.ledger import Page, RunRow

_PASSWORD = re.compile(r"(://[^/@:\s]*:)[^@/\s]*@")
NOT_MEASURED = "not measured"
_ASIDE = ("system", "calibrate")
"""Findings about the surroundings rather than about a meter."""
_STATES = ("ready", "denied", "broken", "absent")


def runs(page: Page) -> Listing:
    """A page of runs, energy first, carbon beside it. People see the end of the id, which finds the run as well."""
    columns = ("Started (UTC)", "Name", "Kind", "Status", "Duration", "Energy", "Carbon (CO2e)", "Run")
    lines = [
        (
            row.started_at.strftime("%Y-%m-%d %H:%M"),
            row.name,
            row.kind,
            row.status,
            seconds(row.duration_s),
            _brief(row.energy),
            _brief(row.emissions, co2e=False),
            row.id[-8:],
        )
        for row in page.rows
    ]
    whole = ("Started (UTC)", "Duration", "Energy", "Carbon (CO2e)", "Run")  # never broken over two lines
    grid = simple("Runs", columns, lines, numeric=whole, spare=("Kind", "Status"))
    return Listing(grid=grid, records=tuple(map(_run_record, page.rows)), footer=page_text(page))


def factors(found: Sequence[Factor]) -> Listing:
    """Factors with their validity and source."""
    columns = ("Kind", "Zone", "Value", "Valid", "Method", "Source", "Licence", "Id")
    lines = [
        (
            one.kind,
            one.zone,
            shown(one.as_figure()),
            _years(one),
            one.method,
            one.source,
            one.licence,
            one.id,
        )
        for one in found
    ]
    grid = simple("Factors", columns, lines, numeric=("Value",), spare=("Licence", "Source", "Id"))
    return Listing(grid=grid, records=tuple(map(factor_record, found)), footer=f"{len(found)} factors")


def one_factor(factor: Factor) -> Listing:
    """All that is known of a factor, a line a field."""
    record = factor_record(factor)
    lines = [(name.replace("_", " ").capitalize(), str(value)) for name, value in record.items() if value != ""]
    lines.insert(0, ("Shown as", shown(factor.as_figure())))
    return Listing(grid=simple("Factor", ("Field", "Value"), lines), records=(record,))


def factor_changes(changes: Sequence[FactorChange]) -> Listing:
    """What differs between two factor sets."""
    columns = ("Factor", "Change", "Before", "After")
    lines = [(one.id, _change(one), _factor_text(one.before), _factor_text(one.after)) for one in changes]
    records = tuple(
        {
            "id": one.id,
            "change": _change(one),
            "before": factor_record(one.before) if one.before else None,
            "after": factor_record(one.after) if one.after else None,
        }
        for one in changes
    )
    return Listing(grid=simple("Changes", columns, lines), records=records, footer=f"{len(changes)} changes")


def settings(current: Settings, *, explain: bool = False) -> Listing:
    """Each setting with its value and, if asked, where the value is from and what it means."""
    values = {key: without_password(getattr(current, key)) for key in HELP}
    columns = ("Setting", "Value", *(("From", "Meaning") if explain else ()))
    lines = [
        (key, _setting_text(value), *((current.origins.get(key, "default"), HELP[key]) if explain else ()))
        for key, value in values.items()
    ]
    records = tuple(
        {"key": key, "value": value, "origin": current.origins.get(key, "default"), "help": HELP[key]}
        for key, value in values.items()
    )
    return Listing(grid=simple("Settings", columns, lines), records=records)


def fields(title: str, values: Mapping[str, Any]) -> Listing:
    """Named values, a line each; one record."""
    lines = [(name.replace("_", " ").capitalize(), _setting_text(value)) for name, value in values.items()]
    return Listing(grid=simple(title, ("What", "Value"), lines), records=(dict(values),))


def plugins(found: Iterable[tuple[str, str, str, str]]) -> Listing:
    """Kind, name, state and cure of each plug-in."""
    lines = list(found)
    records = tuple(dict(zip(("kind", "name", "state", "cure"), line, strict=True)) for line in lines)
    return Listing(grid=simple("Plug-ins", ("Kind", "Name", "State", "Cure"), lines), records=records)


def formulas(found: Sequence[Formula]) -> Listing:
    """Every formula with its expression and source."""
    lines = [(f"{one.id} v{one.version}", one.unit, one.expression, one.source) for one in found]
    records = tuple(
        {
            "id": one.id,
            "version": one.version,
            "unit": one.unit,
            "expression": one.expression,
            "source": one.source,
            "page": f"explanation/equations/{one.page}",
        }
        for one in found
    )
    return Listing(grid=simple("Formulas", ("Formula", "Unit", "Expression", "Source"), lines), records=records)


def findings(found: Sequence[Finding]) -> Listing:
    """What the doctor found: the verdict first, what is there as a table, then what is not, and the cures, whole, so
    that they can be copied."""
    here = [one for one in found if one.state != "absent" or one.cure or one.plugin in _ASIDE]
    away = [one for one in found if one not in here]
    here.sort(key=lambda one: (one.plugin in _ASIDE, _STATES.index(one.state) if one.state in _STATES else 0))
    lines = [(one.state, one.plugin, ": ".join(filter(None, (one.what, one.why))), one.quality) for one in here]
    records = tuple(
        {
            "plugin": one.plugin,
            "state": one.state,
            "what": one.what,
            "quality": one.quality,
            "why": one.why,
            "cure": one.cure,
        }
        for one in found
    )
    absent = ", ".join(f"{one.plugin} ({one.what})" for one in away)
    cures = {one.cure: one.what for one in found if one.cure}
    parts = [fill(f"Not here: {absent}.", 100) if absent else "", _cure_text(cures)]
    grid = simple("Meters", ("State", "Meter", "What", "Quality (95 % bounds)"), lines)
    return Listing(grid=grid, records=records, header=_verdict(found), footer="\n\n".join(filter(None, parts)))


def _verdict(found: Sequence[Finding]) -> str:
    """In one line what to expect of a run here."""
    methods = {re.split(r"\W", one.quality)[0] for one in found if one.state == "ready" and one.quality}
    if methods & {"measured", "reported"}:
        also = "; what has no meter is modelled" if "modelled" in methods else ""
        return f"Energy here is {' and '.join(sorted(methods - {'modelled'}))}{also}."
    if methods:
        return "Energy here is modelled from CPU time: no meter can be read, so the bounds are wide."
    return "Nothing here can be measured or modelled: runs will have no energy."


def _cure_text(cures: Mapping[str, str]) -> str:
    return (
        "\n".join(("To measure better:", *(f"  # {what}\n  {cure}" for cure, what in cures.items()))) if cures else ""
    )


def calibration(record: Mapping[str, Any], path: str) -> Listing:
    """The fit of the wall's power, with its intervals."""
    values = {name: record[name] for name in sorted(record)}
    lines = [
        ("Wall power", f"{number(values['slope'])} × sum + {number(values['offset_w'])} W"),
        ("Slope", f"{number(values['slope_low'])} – {number(values['slope_high'])}"),
        ("Offset", f"{number(values['offset_low_w'])} – {number(values['offset_high_w'])} W"),
        ("Residual (median)", share(values["residual_ratio"])),
        ("Points", f"{values['points']}, {values['outliers']} left out"),
        ("Seen", f"{number(values['lowest_w'])} – {number(values['highest_w'])} W"),
        ("Stored in", path),
    ]
    return Listing(grid=simple("Calibration", ("What", "Value"), lines), records=({**values, "path": path},))


def factor_record(factor: Factor) -> dict[str, Any]:
    """All fields of a factor."""
    return {name: getattr(factor, name) for name in factor.__dataclass_fields__}


def without_password(value: Any) -> Any:
    """A URL with *** for the password in it; anything else as it is."""
    return _PASSWORD.sub(r"\1***@", value) if isinstance(value, str) else value


def _run_record(row: RunRow) -> Mapping[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "status": row.status,
        "project": row.project,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "duration_s": row.duration_s,
        "coverage": row.coverage,
        **figure_fields("energy", "j", row.energy),
        "energy_attribution": row.energy_attribution,
        **figure_fields("emissions", "g", row.emissions),
        "unit": row.unit,
        "unit_count": row.unit_count,
        "parent_id": row.parent_id,
        "group_key": row.group_key,
        "tags": dict(row.tags),
    }


def _brief(figure: Figure | None, *, co2e: bool = True) -> str:
    return shown(figure, co2e=co2e) if figure else NOT_MEASURED


def page_text(page: Page) -> str:
    """How many runs of how many, and how to see more; what to do if there are none."""
    if not page.rows:
        return "No run fits. Try: joulewise run -- COMMAND measures one; joulewise runs lists all"
    count = f"{len(page.rows)} of {page.total:,} runs" if page.total is not None else f"{len(page.rows)} runs"
    return count + (f"; more with --cursor {page.next}" if page.next else "")


def _change(change: FactorChange) -> str:
    if change.before is None:
        return "new"
    return "gone" if change.after is None else "changed"


def _years(factor: Factor) -> str:
    start, end = factor.valid_from[:4], factor.valid_to[:4]
    if not end:
        return f"from {start}" if start else "always"
    return start if start == end else f"{start} to {end}".strip()


def _factor_text(factor: Factor | None) -> str:
    return f"{shown(factor.as_figure())}, {factor.source}" if factor else "absent"


def _setting_text(value: object) -> str:
    if value is None or value in ("", ()):
        return "unset"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
