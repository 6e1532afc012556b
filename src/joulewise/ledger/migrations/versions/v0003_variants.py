"""Models, datasets, variants and savings: what comparing and shrinking models found out."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from joulewise.ledger.migrations.append_only import trigger_statements

revision = "0003"
down_revision = "0002"

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_METHODS = "('measured', 'reported', 'modelled', 'default')"


def upgrade() -> None:
    """Make the four tables, then forbid changes to them."""
    dialect = op.get_bind().dialect.name
    of_runs, by_content = ("run_id", "id"), ("row_sha256",)
    tables = ((_model, "model", by_content), (_dataset, "dataset", by_content), (_variant, "variant", of_runs))
    for create, name, keys in (*tables, (_saving, "saving", of_runs)):
        create()
        for statement in trigger_statements(dialect, name, keys):
            op.execute(statement)


def _key(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _KEY, nullable=nullable)


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _wholes(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def _numbers(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Double(), nullable=nullable) for name in names]


def _filed(table: str, *keys: str) -> list[Any]:
    return [
        sa.ForeignKeyConstraint(["audit_seq"], ["audit.seq"], name=f"fk_{table}_audit_seq"),
        sa.PrimaryKeyConstraint(*keys, name=f"pk_{table}"),
    ]


def _of_run(table: str) -> list[Any]:
    return [
        sa.CheckConstraint("length(id) = 26", name=f"ck_{table}_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=f"fk_{table}_run_id"),
        *_filed(table, "run_id", "id"),
    ]


def _model() -> None:
    op.create_table(
        "model",
        _key("row_sha256"),
        *_wholes("audit_seq"),
        _key("id"),
        *_texts("name", "format", "sha256"),
        *_wholes("size_bytes"),
        *_wholes("parameters", nullable=True),
        *_texts("flops", nullable=True),
        *_numbers("flops_covered", nullable=True),
        *_texts("signature", "details"),
        sa.CheckConstraint("size_bytes >= 0", name="ck_model_size"),
        sa.CheckConstraint(
            "flops_covered IS NULL OR (flops_covered >= 0 AND flops_covered <= 1)", name="ck_model_flops"
        ),
        *_filed("model", "row_sha256"),
    )
    op.create_index("ix_model_id", "model", ["id"])


def _dataset() -> None:
    op.create_table(
        "dataset",
        _key("row_sha256"),
        *_wholes("audit_seq"),
        _key("id"),
        *_texts("name", "sha256"),
        *_wholes("rows"),
        *_texts("columns", "target", "details"),
        sa.CheckConstraint("rows >= 0", name="ck_dataset_rows"),
        *_filed("dataset", "row_sha256"),
    )
    op.create_index("ix_dataset_id", "dataset", ["id"])


def _variant() -> None:
    op.create_table(
        "variant",
        _key("run_id"),
        _key("id"),
        *_wholes("audit_seq", "position"),
        _key("model_id"),
        _key("dataset_id", nullable=True),
        _key("model_row"),
        _key("dataset_row", nullable=True),
        *_texts("name", "runtime", "runtime_version", "status", "reason", "steps", "options", "observations"),
        _key("supersedes", nullable=True),
        sa.CheckConstraint("status IN ('ok', 'failed', 'discarded')", name="ck_variant_status"),
        sa.CheckConstraint("status = 'ok' OR reason <> ''", name="ck_variant_reason"),
        sa.ForeignKeyConstraint(["model_row"], ["model.row_sha256"], name="fk_variant_model_row"),
        sa.ForeignKeyConstraint(["dataset_row"], ["dataset.row_sha256"], name="fk_variant_dataset_row"),
        *_of_run("variant"),
    )
    op.create_index("ix_variant_model_id", "variant", ["model_id"])


def _figure(name: str) -> list[Any]:
    rule = f"{name}_low <= {name} AND {name} <= {name}_high AND {name}_method IN {_METHODS}"
    return [
        *_numbers(name, f"{name}_low", f"{name}_high"),
        *_texts(f"{name}_unit", f"{name}_method", f"{name}_source"),
        *_numbers(f"{name}_level"),
        sa.CheckConstraint(rule, name=f"ck_saving_{name}"),
    ]


def _saving() -> None:
    op.create_table(
        "saving",
        _key("run_id"),
        _key("id"),
        *_wholes("audit_seq", "position"),
        _key("baseline_id"),
        _key("new_id"),
        *_texts("quantity", "unit", "boundary"),
        *_figure("ratio"),
        *_figure("quality_change"),
        *_texts("metric"),
        *_wholes("n"),
        *_texts("test"),
        sa.Column("held", sa.Boolean(), nullable=False),
        *_texts("floor"),
        *_numbers("p_value", nullable=True),
        *_texts("details"),
        sa.CheckConstraint("baseline_id <> new_id", name="ck_saving_pair"),
        sa.CheckConstraint("ratio_low > 0", name="ck_saving_ratio_positive"),
        sa.CheckConstraint("p_value IS NULL OR (p_value >= 0 AND p_value <= 1)", name="ck_saving_p_value"),
        *_of_run("saving"),
    )
