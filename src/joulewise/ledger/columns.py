"""The kinds of columns that the ledger's tables are made of, and the book in which all tables stand."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def key_text() -> sa.types.TypeEngine[str]:
    """Text compared by bytes: SQLite does so anyway, PostgreSQL needs to be told."""
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def key(name: str, **options: object) -> sa.Column[str]:
    return sa.Column(name, key_text(), nullable=False, **options)  # type: ignore[arg-type]


def ref(name: str) -> sa.Column[str]:
    """The id of another row, absent where there is none."""
    return sa.Column(name, key_text(), nullable=True)


def text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def number(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=nullable)


def whole(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def entry() -> sa.Column[int]:
    return sa.Column("audit_seq", sa.BigInteger(), sa.ForeignKey("audit.seq"), nullable=False)


def run_reference() -> sa.Column[str]:
    return sa.Column("run_id", key_text(), sa.ForeignKey("run.id"), nullable=False, primary_key=True)


def phase_reference() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["run_id", "phase_id"], ["phase.run_id", "phase.id"])


def check(rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=name)


def figure_columns() -> list[sa.schema.SchemaItem]:
    """A figure: value, 95 % bounds unless `level` differs, unit, method, source."""
    return [
        number("value"),
        number("low"),
        number("high"),
        text("unit"),
        text("method"),
        text("source"),
        number("level"),
    ]


METHODS = "('measured', 'reported', 'modelled', 'default')"
BOUNDS, METHOD = "low <= value AND value <= high", f"method IN {METHODS}"
COVERAGE = "coverage IS NULL OR (coverage >= 0 AND coverage <= 1)"
