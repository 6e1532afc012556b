"""The first schema: runs, what was measured and calculated in them, and the audit chain."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from joulewise.ledger.migrations.append_only import POSTGRESQL_FUNCTION, trigger_statements

revision = "0001"
down_revision = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_METHODS = "('measured', 'reported', 'modelled', 'default')"


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


def _phase_key(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_run_id_phase_id"
    return sa.ForeignKeyConstraint(["run_id", "phase_id"], ["phase.run_id", "phase.id"], name=name)


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _keys(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, _KEY, nullable=nullable) for name in names]


def _numbers(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Double(), nullable=nullable) for name in names]


def _wholes(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def _where(rule: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(rule), "postgresql_where": sa.text(rule)}


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        *_wholes("at_us"),
        *_texts("actor", "action"),
        *_keys("run_id", nullable=True),
        *_texts("contents", "content_sha256", "prev_sha256", "sha256"),
        sa.CheckConstraint("seq >= 1", name="ck_audit_seq"),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_run_id", "audit", ["run_id"])


def _device() -> None:
    op.create_table(
        "device",
        *_keys("sha256"),
        _entry(),
        *_keys("id", "host_id"),
        *_texts("key", "component", "name"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_device_audit_seq"),
        sa.PrimaryKeyConstraint("sha256", name="pk_device"),
    )
    op.create_index("ix_device_id", "device", ["id"])


def _factor_set() -> None:
    op.create_table(
        "factor_set",
        *_keys("id"),
        _entry(),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_factor_set_audit_seq"),
        sa.PrimaryKeyConstraint("id", name="pk_factor_set"),
    )


def _report() -> None:
    op.create_table(
        "report",
        *_keys("id"),
        _entry(),
        *_texts("status", "title"),
        *_wholes("period_start_at_us", "period_end_at_us"),
        *_texts("snapshot_sha256"),
        *_keys("restates_id", nullable=True),
        *_texts("reason", nullable=True),
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
        *_keys("id"),
        _entry(),
        *_texts("name", "zone"),
        *_numbers("pue", "pue_low", "pue_high", "wue_l_per_kwh", nullable=True),
        sa.CheckConstraint("pue IS NULL OR (pue_low >= 1 AND pue_low <= pue AND pue <= pue_high)", name="ck_site_pue"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_site_audit_seq"),
        sa.PrimaryKeyConstraint("id", name="pk_site"),
    )


def _factor() -> None:
    op.create_table(
        "factor",
        *_keys("id"),
        _entry(),
        *_keys("set_id"),
        *_texts("kind", "zone"),
        *_numbers("value", "low", "high"),
        *_texts(
            "unit",
            "source",
            "url",
            "licence",
            "version",
            "valid_from",
            "valid_to",
            "resolution",
            "method",
            "signal",
            "basis",
            "scope",
            "gwp",
            "note",
            "sha256",
        ),
        sa.CheckConstraint(f"method IN {_METHODS}", name="ck_factor_method"),
        sa.CheckConstraint("low <= value AND value <= high", name="ck_factor_bounds"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_factor_audit_seq"),
        sa.ForeignKeyConstraint(["set_id"], ["factor_set.id"], name="fk_factor_set_id"),
        sa.PrimaryKeyConstraint("id", name="pk_factor"),
    )


def _host() -> None:
    op.create_table(
        "host",
        *_keys("sha256"),
        _entry(),
        *_keys("id"),
        *_texts("name", "cpu_family"),
        *_wholes("cpu_count"),
        *_numbers("memory_gb"),
        sa.Column("virtual", sa.Boolean(), nullable=True),
        *_texts("details"),
        *_keys("site_id", nullable=True),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_host_audit_seq"),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_host_site_id"),
        sa.PrimaryKeyConstraint("sha256", name="pk_host"),
    )
    op.create_index("ix_host_id", "host", ["id"])


def _run() -> None:
    op.create_table(
        "run",
        *_keys("id"),
        _entry(),
        *_wholes("started_at_us"),
        *_texts("kind", "status"),
        *_keys("project_key", "name_key"),
        *_keys("parent_id", "supersedes", nullable=True),
        *_texts("name", "project"),
        *_wholes("ended_at_us"),
        *_numbers("duration_s"),
        *_numbers("coverage", nullable=True),
        *_texts("unit", nullable=True),
        *_numbers("unit_count", nullable=True),
        *_keys("group_key", "energy_id", nullable=True),
        *_numbers("energy_j", "energy_low_j", "energy_high_j", nullable=True),
        *_texts("energy_method", "energy_attribution", nullable=True),
        *_keys("emissions_id", nullable=True),
        *_numbers("emissions_g", "emissions_low_g", "emissions_high_g", nullable=True),
        *_texts("emissions_method", nullable=True),
        *_texts("bundle_sha256"),
        *_keys("host_id", "host_sha256", nullable=True),
        *_wholes("exit_code", nullable=True),
        *_texts("seed", nullable=True),
        *_texts("tags", "device_refs", "factor_ids", "warnings", "git", "command", "environment"),
        sa.CheckConstraint(
            f"emissions_method IS NULL OR emissions_method IN {_METHODS}", name="ck_run_emissions_method"
        ),
        sa.CheckConstraint(f"energy_method IS NULL OR energy_method IN {_METHODS}", name="ck_run_energy_method"),
        sa.CheckConstraint("kind IN ('train', 'tune', 'eval', 'infer', 'serve', 'data')", name="ck_run_kind"),
        sa.CheckConstraint("status IN ('finished', 'failed', 'killed', 'recovered')", name="ck_run_status"),
        sa.CheckConstraint("coverage IS NULL OR (coverage >= 0 AND coverage <= 1)", name="ck_run_coverage"),
        sa.CheckConstraint("duration_s >= 0", name="ck_run_duration"),
        sa.CheckConstraint(
            "emissions_g IS NULL OR (emissions_low_g <= emissions_g AND emissions_g <= emissions_high_g)",
            name="ck_run_emissions",
        ),
        sa.CheckConstraint(
            "energy_j IS NULL OR (energy_j >= 0 AND energy_low_j <= energy_j AND energy_j <= energy_high_j)",
            name="ck_run_energy",
        ),
        sa.CheckConstraint("length(id) = 26", name="ck_run_id"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_run_audit_seq"),
        sa.ForeignKeyConstraint(["host_sha256"], ["host.sha256"], name="fk_run_host_sha256"),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )
    filters = ("kind", "status", "project_key", "name_key", "parent_id", "started_at_us")
    for name, order in {
        "started": ("started_at_us", "id"),
        "kind": ("kind", "started_at_us", "id"),
        "status": ("status", "started_at_us", "id"),
        "project": ("project_key", "started_at_us", "id"),
        "name": ("name_key", "id"),
        "duration": ("duration_s", "id"),
        "energy": ("energy_j", "id"),
        "emissions": ("emissions_g", "id"),
    }.items():
        op.create_index(f"ix_run_{name}", "run", list(dict.fromkeys((*order, *filters))))
    op.create_index(
        "ix_run_group_key", "run", ["group_key"], postgresql_using="hash", sqlite_where=sa.text("group_key IS NOT NULL")
    )
    op.create_index("ix_run_parent_id", "run", ["parent_id", "id"], **_where("parent_id IS NOT NULL"))
    op.create_index("ix_run_supersedes", "run", ["supersedes", "id"], **_where("supersedes IS NOT NULL"))


def _phase() -> None:
    op.create_table(
        "phase",
        *_keys("run_id", "id"),
        _entry(),
        *_wholes("position"),
        *_texts("name"),
        *_numbers("started_s", "duration_s"),
        *_keys("parent_id", nullable=True),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_phase_audit_seq"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_phase_run_id"),
        sa.PrimaryKeyConstraint("run_id", "id", name="pk_phase"),
        sqlite_with_rowid=False,
    )


def _run_tag() -> None:
    op.create_table(
        "run_tag",
        *_keys("pair_sha256"),
        sa.Column("started_at_us", sa.BigInteger(), autoincrement=False, nullable=False),
        *_keys("run_id"),
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
        *_keys("run_id", "id"),
        _entry(),
        *_wholes("position"),
        *_texts("path", "sha256"),
        *_wholes("rows"),
        *_numbers("period_s", nullable=True),
        sa.CheckConstraint("rows >= 0", name="ck_trace_rows"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_trace_audit_seq"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_trace_run_id"),
        sa.PrimaryKeyConstraint("run_id", "id", name="pk_trace"),
        sqlite_with_rowid=False,
    )


def _calculation() -> None:
    op.create_table(
        "calculation",
        *_keys("run_id", "id"),
        _entry(),
        *_wholes("position"),
        *_texts("name", "formula_id"),
        *_wholes("formula_version"),
        *_numbers("value", "low", "high"),
        *_texts("unit", "method", "source"),
        *_numbers("level"),
        *_texts("basis"),
        sa.Column("pue_included", sa.Boolean(), nullable=False),
        *_keys("phase_id", "supersedes", nullable=True),
        *_wholes("headline"),
        *_texts("inputs"),
        sa.CheckConstraint(f"method IN {_METHODS}", name="ck_calculation_method"),
        sa.CheckConstraint("headline IN (0, 1, 2)", name="ck_calculation_headline"),
        sa.CheckConstraint("low <= value AND value <= high", name="ck_calculation_bounds"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_calculation_audit_seq"),
        _phase_key("calculation"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_calculation_run_id"),
        sa.PrimaryKeyConstraint("run_id", "id", name="pk_calculation"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_calculation_later_run", "calculation", ["run_id", "audit_seq"], **_where("headline = 2"))
    op.create_index("ix_calculation_later_value", "calculation", ["value", "run_id"], **_where("headline = 2"))


def _evaluation() -> None:
    op.create_table(
        "evaluation",
        *_keys("run_id", "id"),
        _entry(),
        *_wholes("position"),
        *_texts("metric"),
        *_numbers("value", nullable=True),
        *_texts("not_a_number", nullable=True),
        *_numbers("low", "high", nullable=True),
        *_wholes("n", nullable=True),
        *_keys("phase_id", nullable=True),
        sa.CheckConstraint(
            "not_a_number IS NULL OR not_a_number IN ('nan', 'inf', '-inf')", name="ck_evaluation_not_a_number"
        ),
        sa.CheckConstraint("(value IS NULL) <> (not_a_number IS NULL)", name="ck_evaluation_value"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_evaluation_audit_seq"),
        _phase_key("evaluation"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_evaluation_run_id"),
        sa.PrimaryKeyConstraint("run_id", "id", name="pk_evaluation"),
        sqlite_with_rowid=False,
    )


def _measurement() -> None:
    op.create_table(
        "measurement",
        *_keys("run_id", "id"),
        _entry(),
        *_wholes("position"),
        *_texts("quantity", "component"),
        *_numbers("value", "low", "high"),
        *_texts("unit", "method", "source"),
        *_numbers("level"),
        *_texts("meter"),
        *_texts("attribution", nullable=True),
        *_texts("boundary"),
        sa.Column("pue_included", sa.Boolean(), nullable=False),
        *_numbers("coverage", nullable=True),
        *_keys("phase_id", "device_id", "supersedes", nullable=True),
        sa.CheckConstraint(
            "attribution IS NULL OR attribution IN ('dynamic', 'with_idle_share', 'machine')",
            name="ck_measurement_attribution",
        ),
        sa.CheckConstraint("boundary IN ('device', 'node', 'facility')", name="ck_measurement_boundary"),
        sa.CheckConstraint(f"method IN {_METHODS}", name="ck_measurement_method"),
        sa.CheckConstraint("substr(quantity, 1, 8) <> 'energy_j' OR value >= 0", name="ck_measurement_energy"),
        sa.CheckConstraint("coverage IS NULL OR (coverage >= 0 AND coverage <= 1)", name="ck_measurement_coverage"),
        sa.CheckConstraint("low <= value AND value <= high", name="ck_measurement_bounds"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_measurement_audit_seq"),
        _phase_key("measurement"),
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
