"""Make the RunView of a bundle: pure, so that a page, a table and a test see the same figures."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace

from joulewise.core.plans import Decision
from joulewise.core.records import Bundle, Run
from joulewise.core.variants import Comparison
from joulewise.report.below import bands_below, blocks_below, evaluation_grid
from joulewise.report.carbon_rows import PER_UNIT, carbon_sections, expired, factor_grid
from joulewise.report.digits import number, seconds, share
from joulewise.report.energy_rows import (
    component_grid,
    energy_section,
    meter_grid,
    other_measurements,
    phase_grid,
)
from joulewise.report.how import Explainer
from joulewise.report.labels import FACTOR_LABELS, METHOD_LABELS
from joulewise.report.power import PowerTrace, power_series
from joulewise.report.savings_rows import savings_section
from joulewise.report.variant_rows import comparison_grids
from joulewise.report.view import Grid, Notice, Row, RunView, Section

LOW_COVERAGE = 0.9
"""Below this share of metered time a reader is warned."""
_FACT_LABELS = {
    "joulewise": "joulewise",
    "cpus": "CPUs seen",
    "mode": "Measured as",
    "share": "Share of machine",
    "share_source": "Share by",
}
_HEADLINE = (
    ("energy", "energy_j.with_idle_share.total"),
    ("energy", "energy_j.total"),
    ("carbon", "emissions_g.location"),
    ("carbon", "emissions_g"),
    ("carbon", "operational_g.location"),
    ("carbon", "operational_g"),
    ("money", "cost"),
    ("unit", "sci_g_per_unit.location"),
    ("unit", "sci_g_per_unit"),
)
_ONE_LINE = ("energy_j", "emissions_g", "operational_g", "cost")


def view(
    bundle: Bundle,
    children: Sequence[Bundle] = (),
    trace: PowerTrace | None = None,
    equivalents: Sequence[Row] = (),
    decisions: Sequence[Decision] = (),
    comparison: Comparison | None = None,
) -> RunView:
    """A run with everything that a report shows of it.

    `children` are the runs below it (ranks, trials); `trace` the power trace, read from its file; `decisions` what
    became of its plan, the latest last; `comparison` what it found out about models.
    `equivalents` are shown only if somebody asked for them: energy and carbon speak for themselves.
    """
    explainer = Explainer(bundle)
    run = bundle.run
    beside = [savings_section(decisions), *comparison_grids(comparison)]
    found = _blocks(bundle, explainer, children, equivalents, beside)
    blocks = [block for block in found if block is not None]
    energy_and_more = [row for block in blocks if isinstance(block, Section) for row in block.rows]
    return RunView(
        run_id=run.id,
        title=run.name or (shlex.join(run.command) if run.command else run.id),
        status=run.status,
        started_at=run.started_at,
        duration_s=run.duration_s,
        headline=headline(energy_and_more),
        blocks=tuple(blocks),
        notices=tuple(notices(bundle)),
        facts=tuple(facts(bundle)),
        power=power_series(bundle, trace, bands_below(bundle, children)) if trace is not None else None,
        bundle=bundle,
        comparison=comparison,
    )


def headline(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Energy, carbon, money, SCI, each once; energy and carbon even if absent, the other two only if known."""
    by_key = {row.key: row for row in rows}
    chosen: dict[str, Row] = {}
    for name, key in _HEADLINE:
        if key in by_key and (by_key[key].figure or name in ("energy", "carbon")):
            chosen.setdefault(name, by_key[key])
    return tuple(chosen.values())


def one_line(run_view: RunView) -> str:
    """What `joulewise run` says when the command has ended: the headline in one line, the run to ask for."""
    told = [row for row in run_view.headline if row.key.startswith(_ONE_LINE)]
    known = [row for row in told if row.figure]
    missing = [row for row in told if not row.figure]
    parts = [row.shown + _origin(row, run_view.bundle) for row in known]
    parts += [_missing(row) for row in missing[:1]]  # what has no energy has no carbon either: one reason is enough
    return f"{' · '.join(parts)} · {seconds(run_view.duration_s)} · joulewise show {run_view.run_id}"


def notices(bundle: Bundle) -> list[Notice]:
    """What must be known before a figure is used, gravest first."""
    run = bundle.run
    found = [Notice(level="warning", text=text) for text in run.warnings]
    if run.status != "finished":
        found.insert(0, Notice(level="warning", text=f"The run {_status_text(run)}: its figures end there."))
    if run.coverage is not None and run.coverage < LOW_COVERAGE:
        text = f"Only {share(run.coverage)} of the time was metered; the rest is a gap, in no figure."
        found.append(Notice(level="warning", text=text, cure="joulewise doctor"))
    found += [
        Notice(
            level="note",
            text=f"The factor {factor.kind} of {factor.zone} ended on {factor.valid_to}, before this run.",
            cure="joulewise factors list",
        )
        for factor in expired(bundle)
    ]
    defaults = sorted(
        {FACTOR_LABELS.get(factor.kind, factor.kind) for factor in bundle.factors if factor.method == "default"}
    )
    if defaults:
        text = f"Defaults stand in for what nobody stated: {', '.join(defaults)}. Their bands are wide on purpose."
        found.append(Notice(level="note", text=text, cure="joulewise config --explain"))
    return found


def facts(bundle: Bundle) -> list[tuple[str, str]]:
    """Command, time, machine and versions: what a second person needs to do it again."""
    run = bundle.run
    found = [
        ("Run", run.id),
        ("Kind", run.kind),
        ("Status", run.status + ("" if run.exit_code is None else f", exit code {run.exit_code}")),
        ("Command", shlex.join(run.command)),
        ("Project", run.project),
        ("Tags", ", ".join(f"{key}={value}" for key, value in sorted(run.tags.items()))),
        ("Started", run.started_at.isoformat(timespec="seconds")),
        ("Ended", run.ended_at.isoformat(timespec="seconds")),
        ("Duration", f"{number(round(run.duration_s, 3))} s"),
        ("Coverage", "" if run.coverage is None else f"{share(run.coverage)} of the time metered"),
        ("Units", "" if run.unit_count is None else f"{number(run.unit_count)} × {run.unit or 'unit'}"),
        ("Seed", "" if run.seed is None else str(run.seed)),
        ("Parent run", run.parent_id or ""),
        ("Group", run.group_key or ""),
        ("Supersedes", run.supersedes or ""),
        ("Git", _git(run)),
        *_host(bundle),
    ]
    found += [
        (_FACT_LABELS.get(name) or name.replace("_", " ").capitalize(), str(value))
        for name, value in run.environment.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
    ]
    return [(name, text) for name, text in found if text]


def _blocks(
    bundle: Bundle,
    explainer: Explainer,
    children: Sequence[Bundle],
    equivalents: Sequence[Row],
    beside: Sequence[Section | Grid | None],
) -> list[Section | Grid | None]:
    energy = energy_section(bundle, explainer)
    calculated = carbon_sections(bundle, explainer)
    if any(child.run.unit_count for child in children) and not bundle.run.unit_count:
        calculated = [section for section in calculated if section.title != PER_UNIT]
    if calculated and calculated[0].title == energy.title:
        energy = replace(energy, rows=energy.rows + calculated.pop(0).rows)
    return [
        energy,
        *calculated,
        *beside,
        component_grid(bundle, explainer),
        phase_grid(bundle, explainer),
        evaluation_grid(bundle.evaluations),
        *blocks_below(bundle, children),
        other_measurements(bundle, explainer),
        Section(title="Equivalents", rows=tuple(equivalents)) if equivalents else None,
        meter_grid(bundle),
        factor_grid(bundle),
        _method_grid(bundle),
    ]


def _method_grid(bundle: Bundle) -> Grid | None:
    figures = [one.figure for one in bundle.measurements] + [one.figure for one in bundle.calculations]
    used = {figure.method for figure in figures}
    lines = tuple((name, text.partition(": ")[2]) for name, text in METHOD_LABELS.items() if name in used)
    return Grid(title="What the methods mean", columns=("Method", "Meaning"), rows=lines) if lines else None


def _status_text(run: Run) -> str:
    code = "" if run.exit_code is None else f" with exit code {run.exit_code}"
    return {
        "failed": f"failed{code}",
        "killed": "was killed",
        "recovered": "was recovered from the journal of a dead process",
    }.get(run.status, run.status)


def _origin(row: Row, bundle: Bundle) -> str:
    """The method of an energy, the grid of its carbon; the world's average says how to do better."""
    if row.key.startswith("energy_j"):
        return f", {row.method}"
    zones = {factor.zone for factor in bundle.factors if factor.kind == "intensity"}
    if not row.key.startswith(("emissions_g", "operational_g")) or len(zones) != 1:
        return ""
    return ", world's grids (--zone sets yours)" if zones == {"WORLD"} else f", grid {zones.pop()}"


def _missing(row: Row) -> str:
    return f"{row.label.partition(',')[0].lower()} {row.shown} (try: {row.cure})"


def _git(run: Run) -> str:
    commit, branch = str(run.git.get("commit", "")), str(run.git.get("branch", ""))
    dirty = ", with uncommitted changes" if run.git.get("dirty") else ""
    return f"{commit}{f' on {branch}' if branch else ''}{dirty}".strip()


def _host(bundle: Bundle) -> list[tuple[str, str]]:
    host = bundle.host
    if host is None:
        return []
    kind = {True: "virtual machine", False: "physical machine", None: ""}[host.virtual]
    parts = (f"{host.cpu_count} CPUs", f"{number(host.memory_gb)} GB memory", kind)
    return [("Host", host.name), ("CPU", host.cpu_family), ("Machine", ", ".join(part for part in parts if part))]
