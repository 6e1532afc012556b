"""Plans, with the forecast that they were made from, and decisions: what a plan came to."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from joulewise.ledger.migrations.append_only import trigger_statements

revision = "0002"
down_revision = "0001"

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_METHODS = "('measured', 'reported', 'modelled', 'default')"


def upgrade() -> None:
    """Make the two tables, then forbid changes to them."""
    dialect = op.get_bind().dialect.name
    for create, name, keys in ((_plan, "plan", ("id",)), (_decision, "decision", ("run_id", "id"))):
        create()
        for statement in trigger_statements(dialect, name, keys):
            op.execute(statement)


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _wholes(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _plan() -> None:
    op.create_table(
        "plan",
        sa.Column("id", _KEY, nullable=False),
        *_wholes("audit_seq", "created_at_us"),
        *_texts("name", "home"),
        *_wholes("release_at_us", "deadline_at_us"),
        *_texts("chosen", "reason", "job", "options", "forecast", "notices"),
        sa.CheckConstraint("length(id) = 26", name="ck_plan_id"),
        sa.CheckConstraint("release_at_us < deadline_at_us", name="ck_plan_window"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_plan_audit_seq"),
        sa.PrimaryKeyConstraint("id", name="pk_plan"),
    )
    op.create_index("ix_plan_audit_seq", "plan", ["audit_seq"])


def _figure(name: str, unit: str, *, nullable: bool) -> list[Any]:
    value, low, high = f"{name}{unit}", f"{name}_low{unit}", f"{name}_high{unit}"
    absent = f"{value} IS NULL OR " if nullable else ""
    rule = f"{absent}({low} <= {value} AND {value} <= {high} AND {name}_method IN {_METHODS})"
    return [
        *(sa.Column(column, sa.Double(), nullable=nullable) for column in (value, low, high)),
        *_texts(f"{name}_method", f"{name}_source", nullable=nullable),
        sa.Column(f"{name}_level", sa.Double(), nullable=nullable),
        sa.CheckConstraint(rule, name=f"ck_decision_{name}"),
    ]


def _decision() -> None:
    op.create_table(
        "decision",
        sa.Column("run_id", _KEY, nullable=False),
        sa.Column("id", _KEY, nullable=False),
        *_wholes("audit_seq"),
        sa.Column("plan_id", _KEY, nullable=True),
        *_wholes("decided_at_us"),
        *_texts("chosen", "segments"),
        *_figure("realised", "_g", nullable=False),
        *_figure("counterfactual", "_g", nullable=False),
        *_figure("saved", "_g", nullable=False),
        *_figure("oracle", "_g", nullable=True),
        *_figure("market_saved", "_g", nullable=True),
        *_figure("ratio", "", nullable=True),
        *_texts("details"),
        sa.Column("supersedes", _KEY, nullable=True),
        sa.CheckConstraint("length(id) = 26", name="ck_decision_id"),
        sa.CheckConstraint("realised_low_g >= 0 AND counterfactual_low_g >= 0", name="ck_decision_emissions"),
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name="fk_decision_audit_seq"),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name="fk_decision_plan_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_decision_run_id"),
        sa.PrimaryKeyConstraint("run_id", "id", name="pk_decision"),
    )
