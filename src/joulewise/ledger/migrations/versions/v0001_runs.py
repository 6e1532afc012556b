"""The first schema: runs, what was measured and calculated in them, and the audit chain."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from joulewise.ledger.migrations.append_only import POSTGRESQL_FUNCTION, trigger_statements

revision = "0001"
down_revision = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make every table, then forbid changes to it."""
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute(POSTGRESQL_FUNCTION)
        op.execute("CREATE SEQUENCE joulewise_high_water")
    for name, (create, keys) in _TABLES.items():
        create()
        for statement in trigger_statements(dialect, name, keys):
            op.execute(statement)


def _entry() -> sa.Column[Any]:
    return sa.Column("audit_seq", sa.BigInteger(), nullable=False)


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("run_id", _KEY, nullable=True),
        sa.Column("contents", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("prev_sha256", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.CheckConstraint("seq >= 1", name="ck_audit_seq"),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_run_id", "audit", ["run_id"])


def _device() -> None:
    op.create_table(
        "device",
        sa.Column("sha256", _KEY, nullable=False),
        _entry(),
        sa.Column("id", _KEY, nullable=False),
        sa.Column("host_id", _KEY, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_device_audit_seq"),
        sa.PrimaryKeyConstraint("sha256", name="pk_device"),
    )
    op.create_index("ix_device_id", "device", ["id"])


def _factor_set() -> None:
    op.create_table(
        "factor_set",
        sa.Column("id", _KEY, nullable=False),
        _entry(),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_factor_set_audit_seq"),
        sa.PrimaryKeyConstraint("id", name="pk_factor_set"),
    )


def _report() -> None:
    op.create_table(
        "report",
        sa.Column("id", _KEY, nullable=False),
        _entry(),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("period_start_at_us", sa.BigInteger(), nullable=False),
        sa.Column("period_end_at_us", sa.BigInteger(), nullable=False),
        sa.Column("snapshot_sha256", sa.Text(), nullable=False),
        sa.Column("restates_id", _KEY, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status <> 'corrective' OR (restates_id IS NOT NULL AND reason IS NOT NULL)", name="ck_report_corrective"
        ),
        sa.CheckConstraint("status IN ('draft', 'final', 'corrective')", name="ck_report_status"),
        sa.CheckConstraint("period_start_at_us <= period_end_at_us", name="ck_report_period"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_report_audit_seq"),
        sa.ForeignKeyConstraint(["restates_id"], ["report.id"], name="fk_report_restates_id"),
        sa.PrimaryKeyConstraint("id", name="pk_report"),
    )


def _site() -> None:
    op.create_table(
        "site",
        sa.Column("id", _KEY, nullable=False),
        _entry(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("pue", sa.Double(), nullable=True),
        sa.Column("pue_low", sa.Double(), nullable=True),
        sa.Column("pue_high", sa.Double(), nullable=True),
        sa.Column("wue_l_per_kwh", sa.Double(), nullable=True),
        sa.CheckConstraint("pue IS NULL OR (pue_low >= 1 AND pue_low <= pue AND pue <= pue_high)", name="ck_site_pue"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_site_audit_seq"),
        sa.PrimaryKeyConstraint("id", name="pk_site"),
    )


def _factor() -> None:
    op.create_table(
        "factor",
        sa.Column("id", _KEY, nullable=False),
        _entry(),
        sa.Column("set_id", _KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Text(), nullable=False),
        sa.Column("valid_to", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("gwp", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.CheckConstraint("method IN ('measured', 'reported', 'modelled', 'default')", name="ck_factor_method"),
        sa.CheckConstraint("low <= value AND value <= high", name="ck_factor_bounds"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_factor_audit_seq"),
        sa.ForeignKeyConstraint(["set_id"], ["factor_set.id"], name="fk_factor_set_id"),
        sa.PrimaryKeyConstraint("id", name="pk_factor"),
    )


def _host() -> None:
    op.create_table(
        "host",
        sa.Column("sha256", _KEY, nullable=False),
        _entry(),
        sa.Column("id", _KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cpu_family", sa.Text(), nullable=False),
        sa.Column("cpu_count", sa.BigInteger(), nullable=False),
        sa.Column("memory_gb", sa.Double(), nullable=False),
        sa.Column("virtual", sa.Boolean(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("site_id", _KEY, nullable=True),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_host_audit_seq"),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_host_site_id"),
        sa.PrimaryKeyConstraint("sha256", name="pk_host"),
    )
    op.create_index("ix_host_id", "host", ["id"])


def _run() -> None:
    op.create_table(
        "run",
        sa.Column("id", _KEY, nullable=False),
        _entry(),
        sa.Column("started_at_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("project_key", _KEY, nullable=False),
        sa.Column("name_key", _KEY, nullable=False),
        sa.Column("parent_id", _KEY, nullable=True),
        sa.Column("supersedes", _KEY, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("coverage", sa.Double(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("unit_count", sa.Double(), nullable=True),
        sa.Column("group_key", _KEY, nullable=True),
        sa.Column("energy_id", _KEY, nullable=True),
        sa.Column("energy_j", sa.Double(), nullable=True),
        sa.Column("energy_low_j", sa.Double(), nullable=True),
        sa.Column("energy_high_j", sa.Double(), nullable=True),
        sa.Column("energy_method", sa.Text(), nullable=True),
        sa.Column("energy_attribution", sa.Text(), nullable=True),
        sa.Column("emissions_id", _KEY, nullable=True),
        sa.Column("emissions_g", sa.Double(), nullable=True),
        sa.Column("emissions_low_g", sa.Double(), nullable=True),
        sa.Column("emissions_high_g", sa.Double(), nullable=True),
        sa.Column("emissions_method", sa.Text(), nullable=True),
        sa.Column("bundle_sha256", sa.Text(), nullable=False),
        sa.Column("host_id", _KEY, nullable=True),
        sa.Column("host_sha256", _KEY, nullable=True),
        sa.Column("exit_code", sa.BigInteger(), nullable=True),
        sa.Column("seed", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("device_refs", sa.Text(), nullable=False),
        sa.Column("factor_ids", sa.Text(), nullable=False),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.Column("git", sa.Text(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "emissions_g IS NULL OR (emissions_low_g <= emissions_g AND emissions_g <= emissions_high_g AND emissions_method IN ('measured', 'reported', 'modelled', 'default'))",
            name="ck_run_emissions",
        ),
        sa.CheckConstraint(
            "energy_j IS NULL OR (energy_j >= 0 AND energy_low_j <= energy_j AND energy_j <= energy_high_j AND energy_method IN ('measured', 'reported', 'modelled', 'default'))",
            name="ck_run_energy",
        ),
        sa.CheckConstraint("kind IN ('train', 'tune', 'eval', 'infer', 'serve', 'data')", name="ck_run_kind"),
        sa.CheckConstraint("status IN ('finished', 'failed', 'killed', 'recovered')", name="ck_run_status"),
        sa.CheckConstraint("coverage IS NULL OR (coverage >= 0 AND coverage <= 1)", name="ck_run_coverage"),
        sa.CheckConstraint("duration_s >= 0", name="ck_run_duration"),
        sa.CheckConstraint("length(id) = 26", name="ck_run_id"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_run_audit_seq"),
        sa.ForeignKeyConstraint(["host_sha256"], ["host.sha256"], name="fk_run_host_sha256"),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )
    op.create_index("ix_run_duration", "run", ["duration_s", "id"])
    op.create_index("ix_run_emissions", "run", ["emissions_g", "id"])
    op.create_index("ix_run_energy", "run", ["energy_j", "id"])
    op.create_index(
        "ix_run_group_key", "run", ["group_key"], postgresql_using="hash", sqlite_where=sa.text("group_key IS NOT NULL")
    )
    op.create_index("ix_run_kind", "run", ["kind", "started_at_us", "id"])
    op.create_index("ix_run_listing", "run", ["started_at_us", "id", "kind", "status", "project_key", "name_key"])
    op.create_index("ix_run_name", "run", ["name_key", "id", "started_at_us"])
    op.create_index(
        "ix_run_parent_id",
        "run",
        ["parent_id", "id"],
        sqlite_where=sa.text("parent_id IS NOT NULL"),
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index("ix_run_project", "run", ["project_key", "started_at_us", "id"])
    op.create_index("ix_run_status", "run", ["status", "started_at_us", "id"])
    op.create_index(
        "ix_run_supersedes",
        "run",
        ["supersedes", "id"],
        sqlite_where=sa.text("supersedes IS NOT NULL"),
        postgresql_where=sa.text("supersedes IS NOT NULL"),
    )


def _phase() -> None:
    op.create_table(
        "phase",
        sa.Column("run_id", _KEY, nullable=False),
        sa.Column("id", _KEY, nullable=False),
        _entry(),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_s", sa.Double(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("parent_id", _KEY, nullable=True),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_phase_audit_seq"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_phase_run_id"),
        sa.PrimaryKeyConstraint("run_id", "id", name="pk_phase"),
        sqlite_with_rowid=False,
    )


def _run_tag() -> None:
    op.create_table(
        "run_tag",
        sa.Column("pair_sha256", _KEY, nullable=False),
        sa.Column("started_at_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("run_id", _KEY, nullable=False),
        _entry(),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_run_tag_audit_seq"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_run_tag_run_id"),
        sa.PrimaryKeyConstraint("pair_sha256", "started_at_us", "run_id", name="pk_run_tag"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_tag_run_id", "run_tag", ["run_id"])


def _trace() -> None:
    op.create_table(
        "trace",
        sa.Column("run_id", _KEY, nullable=False),
        sa.Column("id", _KEY, nullable=False),
        _entry(),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("period_s", sa.Double(), nullable=True),
        sa.CheckConstraint("rows >= 0", name="ck_trace_rows"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_trace_audit_seq"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_trace_run_id"),
        sa.PrimaryKeyConstraint("run_id", "id", name="pk_trace"),
        sqlite_with_rowid=False,
    )


def _calculation() -> None:
    op.create_table(
        "calculation",
        sa.Column("run_id", _KEY, nullable=False),
        sa.Column("id", _KEY, nullable=False),
        _entry(),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("formula_id", sa.Text(), nullable=False),
        sa.Column("formula_version", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("pue_included", sa.Boolean(), nullable=False),
        sa.Column("phase_id", _KEY, nullable=True),
        sa.Column("supersedes", _KEY, nullable=True),
        sa.Column("headline", sa.BigInteger(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.CheckConstraint("method IN ('measured', 'reported', 'modelled', 'default')", name="ck_calculation_method"),
        sa.CheckConstraint("headline IN (0, 1, 2)", name="ck_calculation_headline"),
        sa.CheckConstraint("low <= value AND value <= high", name="ck_calculation_bounds"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_calculation_audit_seq"),
        sa.ForeignKeyConstraint(
            ["run_id", "phase_id"], ["phase.run_id", "phase.id"], name="fk_calculation_run_id_phase_id"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_calculation_run_id"),
        sa.PrimaryKeyConstraint("run_id", "id", name="pk_calculation"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_calculation_later_run",
        "calculation",
        ["run_id", "audit_seq"],
        sqlite_where=sa.text("headline = 2"),
        postgresql_where=sa.text("headline = 2"),
    )
    op.create_index(
        "ix_calculation_later_value",
        "calculation",
        ["value", "run_id"],
        sqlite_where=sa.text("headline = 2"),
        postgresql_where=sa.text("headline = 2"),
    )


def _evaluation() -> None:
    op.create_table(
        "evaluation",
        sa.Column("run_id", _KEY, nullable=False),
        sa.Column("id", _KEY, nullable=False),
        _entry(),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("not_a_number", sa.Text(), nullable=True),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("n", sa.BigInteger(), nullable=True),
        sa.Column("phase_id", _KEY, nullable=True),
        sa.CheckConstraint(
            "not_a_number IS NULL OR not_a_number IN ('nan', 'inf', '-inf')", name="ck_evaluation_not_a_number"
        ),
        sa.CheckConstraint("(value IS NULL) <> (not_a_number IS NULL)", name="ck_evaluation_value"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_evaluation_audit_seq"),
        sa.ForeignKeyConstraint(
            ["run_id", "phase_id"], ["phase.run_id", "phase.id"], name="fk_evaluation_run_id_phase_id"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_evaluation_run_id"),
        sa.PrimaryKeyConstraint("run_id", "id", name="pk_evaluation"),
        sqlite_with_rowid=False,
    )


def _measurement() -> None:
    op.create_table(
        "measurement",
        sa.Column("run_id", _KEY, nullable=False),
        sa.Column("id", _KEY, nullable=False),
        _entry(),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("attribution", sa.Text(), nullable=True),
        sa.Column("boundary", sa.Text(), nullable=False),
        sa.Column("pue_included", sa.Boolean(), nullable=False),
        sa.Column("coverage", sa.Double(), nullable=True),
        sa.Column("phase_id", _KEY, nullable=True),
        sa.Column("device_id", _KEY, nullable=True),
        sa.Column("supersedes", _KEY, nullable=True),
        sa.CheckConstraint(
            "attribution IS NULL OR attribution IN ('dynamic', 'with_idle_share', 'machine')",
            name="ck_measurement_attribution",
        ),
        sa.CheckConstraint("boundary IN ('device', 'node', 'facility')", name="ck_measurement_boundary"),
        sa.CheckConstraint("method IN ('measured', 'reported', 'modelled', 'default')", name="ck_measurement_method"),
        sa.CheckConstraint("substr(quantity, 1, 8) <> 'energy_j' OR value >= 0", name="ck_measurement_energy"),
        sa.CheckConstraint("coverage IS NULL OR (coverage >= 0 AND coverage <= 1)", name="ck_measurement_coverage"),
        sa.CheckConstraint("low <= value AND value <= high", name="ck_measurement_bounds"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_measurement_audit_seq"),
        sa.ForeignKeyConstraint(
            ["run_id", "phase_id"], ["phase.run_id", "phase.id"], name="fk_measurement_run_id_phase_id"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_measurement_run_id"),
        sa.PrimaryKeyConstraint("run_id", "id", name="pk_measurement"),
        sqlite_with_rowid=False,
    )


_TABLES = {
    "audit": (_audit, ("seq",)),
    "device": (_device, ("sha256",)),
    "factor_set": (_factor_set, ("id",)),
    "report": (_report, ("id",)),
    "site": (_site, ("id",)),
    "factor": (_factor, ("id",)),
    "host": (_host, ("sha256",)),
    "run": (_run, ("id",)),
    "phase": (_phase, ("run_id", "id")),
    "run_tag": (_run_tag, ("pair_sha256", "started_at_us", "run_id")),
    "trace": (_trace, ("run_id", "id")),
    "calculation": (_calculation, ("run_id", "id")),
    "evaluation": (_evaluation, ("run_id", "id")),
    "measurement": (_measurement, ("run_id", "id")),
}
