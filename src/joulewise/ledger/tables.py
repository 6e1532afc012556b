"""The ledger's tables, for SQLite and PostgreSQL alike. Rows are only ever added; triggers refuse the rest.

Units stand in the names: `_j` joule, `_g` gram CO2e, `_s` second, `_at_us` microseconds since 1970 UTC (an integer
sorts and lists fastest, and is the same on every back-end). Columns without one hold a value whose unit the row states.
Mappings and tuples are canonical JSON text. `audit_seq` names the audit entry whose hash covers the row.
A `_key` column holds the first 64 characters of a text without limit, so that an index can hold it.

A change here needs a migration in `migrations/versions`; a contract test compares the two on both back-ends.
"""

from __future__ import annotations

import sqlalchemy as sa

from joulewise.ledger import plan_tables, variant_tables
from joulewise.ledger.columns import (
    BOUNDS,
    COVERAGE,
    METHOD,
    METHODS,
    check,
    entry,
    figure_columns,
    key,
    key_text,
    metadata,
    number,
    phase_reference,
    ref,
    run_reference,
    text,
    whole,
)

KEY_LENGTH = 64
plan, decision = plan_tables.plan, plan_tables.decision
model, dataset = variant_tables.model, variant_tables.dataset
variant, saving = variant_tables.variant, variant_tables.saving
SAVING_FIGURES = variant_tables.FIGURES

audit = sa.Table(
    "audit",
    metadata,
    sa.Column(
        "seq",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    whole("at_us"),
    text("actor"),
    text("action"),
    ref("run_id"),
    text("contents"),
    text("content_sha256"),
    text("prev_sha256"),
    text("sha256"),
    check("seq >= 1", "seq"),
    sa.Index("ix_audit_run_id", "run_id"),
    sqlite_autoincrement=True,
)

site = sa.Table(
    "site",
    metadata,
    key("id", primary_key=True),
    entry(),
    text("name"),
    text("zone"),
    number("pue", nullable=True),
    number("pue_low", nullable=True),
    number("pue_high", nullable=True),
    number("wue_l_per_kwh", nullable=True),
    check("pue IS NULL OR (pue_low >= 1 AND pue_low <= pue AND pue <= pue_high)", "pue"),
)

host = sa.Table(
    "host",
    metadata,
    key("sha256", primary_key=True),
    entry(),
    key("id"),
    text("name"),
    text("cpu_family"),
    whole("cpu_count"),
    number("memory_gb"),
    sa.Column("virtual", sa.Boolean(), nullable=True),
    text("details"),
    sa.Column("site_id", key_text(), sa.ForeignKey("site.id"), nullable=True),
    sa.Index("ix_host_id", "id"),
)

device = sa.Table(
    "device",
    metadata,
    key("sha256", primary_key=True),
    entry(),
    key("id"),
    key("host_id"),
    text("key"),
    text("component"),
    text("name"),
    sa.Index("ix_device_id", "id"),
)

run = sa.Table(
    "run",
    metadata,
    key("id", primary_key=True),
    entry(),
    whole("started_at_us"),
    text("kind"),
    text("status"),
    key("project_key"),
    key("name_key"),
    ref("parent_id"),
    ref("supersedes"),
    text("name"),
    text("project"),
    whole("ended_at_us"),
    number("duration_s"),
    number("coverage", nullable=True),
    text("unit", nullable=True),
    number("unit_count", nullable=True),
    ref("group_key"),
    ref("energy_id"),
    number("energy_j", nullable=True),
    number("energy_low_j", nullable=True),
    number("energy_high_j", nullable=True),
    text("energy_method", nullable=True),
    text("energy_attribution", nullable=True),
    ref("emissions_id"),
    number("emissions_g", nullable=True),
    number("emissions_low_g", nullable=True),
    number("emissions_high_g", nullable=True),
    text("emissions_method", nullable=True),
    text("bundle_sha256"),
    ref("host_id"),
    sa.Column("host_sha256", key_text(), sa.ForeignKey("host.sha256"), nullable=True),
    whole("exit_code", nullable=True),
    text("seed", nullable=True),
    text("tags"),
    text("device_refs"),
    text("factor_ids"),
    text("warnings"),
    text("git"),
    text("command"),
    text("environment"),
    check("length(id) = 26", "id"),
    check("kind IN ('train', 'tune', 'eval', 'infer', 'serve', 'data')", "kind"),
    check("status IN ('finished', 'failed', 'killed', 'recovered')", "status"),
    check("duration_s >= 0", "duration"),
    check(COVERAGE, "coverage"),
    check("energy_j IS NULL OR (energy_j >= 0 AND energy_low_j <= energy_j AND energy_j <= energy_high_j)", "energy"),
    check(f"energy_method IS NULL OR energy_method IN {METHODS}", "energy_method"),
    check("emissions_g IS NULL OR (emissions_low_g <= emissions_g AND emissions_g <= emissions_high_g)", "emissions"),
    check(f"emissions_method IS NULL OR emissions_method IN {METHODS}", "emissions_method"),
)
# each index of the list carries all that lists are filtered by, so that a walk along it never has to touch the rows
_FILTERS = ("kind", "status", "project_key", "name_key", "parent_id", "started_at_us")
for _name, _order in {
    "started": ("started_at_us", "id"),
    "kind": ("kind", "started_at_us", "id"),
    "status": ("status", "started_at_us", "id"),
    "project": ("project_key", "started_at_us", "id"),
    "name": ("name_key", "id"),
    "duration": ("duration_s", "id"),
    "energy": ("energy_j", "id"),
    "emissions": ("emissions_g", "id"),
}.items():
    sa.Index(f"ix_run_{_name}", *(run.c[_column] for _column in dict.fromkeys((*_order, *_FILTERS))))
for _column in ("parent_id", "supersedes"):
    _given = run.c[_column].is_not(None)
    sa.Index(f"ix_run_{_column}", run.c[_column], run.c.id, sqlite_where=_given, postgresql_where=_given)
# hashed on PostgreSQL, whose ordered indexes hold no more than 2.7 kB an entry
sa.Index("ix_run_group_key", run.c.group_key, postgresql_using="hash", sqlite_where=run.c.group_key.is_not(None))

run_tag = sa.Table(
    "run_tag",
    metadata,
    key("pair_sha256", primary_key=True),
    sa.Column("started_at_us", sa.BigInteger(), primary_key=True, autoincrement=False),
    run_reference(),
    entry(),
    sa.Index("ix_run_tag_run_id", "run_id"),
    sqlite_with_rowid=False,
)

phase = sa.Table(
    "phase",
    metadata,
    run_reference(),
    key("id", primary_key=True),
    entry(),
    whole("position"),
    text("name"),
    number("started_s"),
    number("duration_s"),
    ref("parent_id"),
    sqlite_with_rowid=False,
)

measurement = sa.Table(
    "measurement",
    metadata,
    run_reference(),
    key("id", primary_key=True),
    entry(),
    whole("position"),
    text("quantity"),
    text("component"),
    *figure_columns(),
    text("meter"),
    text("attribution", nullable=True),
    text("boundary"),
    sa.Column("pue_included", sa.Boolean(), nullable=False),
    number("coverage", nullable=True),
    ref("phase_id"),
    ref("device_id"),
    ref("supersedes"),
    phase_reference(),
    check(BOUNDS, "bounds"),
    check(METHOD, "method"),
    check("substr(quantity, 1, 8) <> 'energy_j' OR value >= 0", "energy"),
    check("attribution IS NULL OR attribution IN ('dynamic', 'with_idle_share', 'machine')", "attribution"),
    check("boundary IN ('device', 'node', 'facility')", "boundary"),
    check(COVERAGE, "coverage"),
    sqlite_with_rowid=False,
)

evaluation = sa.Table(
    "evaluation",
    metadata,
    run_reference(),
    key("id", primary_key=True),
    entry(),
    whole("position"),
    text("metric"),
    number("value", nullable=True),
    text("not_a_number", nullable=True),
    number("low", nullable=True),
    number("high", nullable=True),
    whole("n", nullable=True),
    ref("phase_id"),
    phase_reference(),
    check("(value IS NULL) <> (not_a_number IS NULL)", "value"),
    check("not_a_number IS NULL OR not_a_number IN ('nan', 'inf', '-inf')", "not_a_number"),
    sqlite_with_rowid=False,
)

trace = sa.Table(
    "trace",
    metadata,
    run_reference(),
    key("id", primary_key=True),
    entry(),
    whole("position"),
    text("path"),
    text("sha256"),
    whole("rows"),
    number("period_s", nullable=True),
    check("rows >= 0", "rows"),
    sqlite_with_rowid=False,
)

factor_set = sa.Table("factor_set", metadata, key("id", primary_key=True), entry())

factor = sa.Table(
    "factor",
    metadata,
    key("id", primary_key=True),
    entry(),
    sa.Column("set_id", key_text(), sa.ForeignKey("factor_set.id"), nullable=False),
    text("kind"),
    text("zone"),
    number("value"),
    number("low"),
    number("high"),
    *(text(name) for name in ("unit", "source", "url", "licence", "version", "valid_from", "valid_to", "resolution")),
    *(text(name) for name in ("method", "signal", "basis", "scope", "gwp", "note", "sha256")),
    check(BOUNDS, "bounds"),
    check(METHOD, "method"),
)

calculation = sa.Table(
    "calculation",
    metadata,
    run_reference(),
    key("id", primary_key=True),
    entry(),
    whole("position"),
    text("name"),
    text("formula_id"),
    whole("formula_version"),
    *figure_columns(),
    text("basis"),
    sa.Column("pue_included", sa.Boolean(), nullable=False),
    ref("phase_id"),
    ref("supersedes"),
    whole("headline"),
    text("inputs"),
    phase_reference(),
    check(BOUNDS, "bounds"),
    check(METHOD, "method"),
    check("headline IN (0, 1, 2)", "headline"),
    sqlite_with_rowid=False,
)
# headline: 1 is the emissions that lists show, as filed with the run; 2 was filed later and takes its place
_later = calculation.c.headline == 2
for _name, _columns in (
    ("value", (calculation.c.value, calculation.c.run_id)),
    ("run", (calculation.c.run_id, calculation.c.audit_seq)),
):
    sa.Index(f"ix_calculation_later_{_name}", *_columns, sqlite_where=_later, postgresql_where=_later)

report = sa.Table(
    "report",
    metadata,
    key("id", primary_key=True),
    entry(),
    text("status"),
    text("title"),
    whole("period_start_at_us"),
    whole("period_end_at_us"),
    text("snapshot_sha256"),
    sa.Column("restates_id", key_text(), sa.ForeignKey("report.id"), nullable=True),
    text("reason", nullable=True),
    check("status IN ('draft', 'final', 'corrective')", "status"),
    check("status <> 'corrective' OR (restates_id IS NOT NULL AND reason IS NOT NULL)", "corrective"),
    check("period_start_at_us <= period_end_at_us", "period"),
)

RUN_TABLES = (run, run_tag, phase, measurement, evaluation, trace, calculation, decision, variant, saving)
"""Filed with one run; the audit entry that covers them names it."""
SHARED_TABLES = (site, host, device, factor_set, factor, model, dataset, report)
"""Filed once, used by many runs."""
ALL_TABLES = (audit, site, host, device, factor_set, factor, plan, model, dataset, *RUN_TABLES, report)
