"""The tables of plans and of what became of them. A plan is filed by itself, a decision about a run that is there."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from joulewise.ledger.columns import (
    METHODS,
    check,
    entry,
    key,
    key_text,
    metadata,
    number,
    ref,
    run_reference,
    text,
    whole,
)

FIGURES = {
    "realised": ("_g", False),
    "counterfactual": ("_g", False),
    "saved": ("_g", False),
    "oracle": ("_g", True),
    "market_saved": ("_g", True),
    "ratio": ("", True),
}
"""The figures of a decision: the unit at the end of their columns' names, and whether they may be absent."""
BOUNDS = ("value", "low", "high")


def column_of(figure: str, part: str) -> str:
    """The column that holds a part of a figure: realised_g, realised_low_g, realised_method."""
    unit = FIGURES[figure][0]
    if part not in BOUNDS:
        return f"{figure}_{part}"
    return f"{figure}{unit}" if part == "value" else f"{figure}_{part}{unit}"


def _figure(name: str) -> list[Any]:
    nullable = FIGURES[name][1]
    value, low, high = (column_of(name, part) for part in BOUNDS)
    absent = f"{value} IS NULL OR " if nullable else ""
    return [
        *(number(column, nullable=nullable) for column in (value, low, high)),
        text(f"{name}_method", nullable=nullable),
        text(f"{name}_source", nullable=nullable),
        number(f"{name}_level", nullable=nullable),
        check(f"{absent}({low} <= {value} AND {value} <= {high} AND {name}_method IN {METHODS})", name),
    ]


plan = sa.Table(
    "plan",
    metadata,
    key("id", primary_key=True),
    entry(),
    whole("created_at_us"),
    text("name"),
    text("home"),
    whole("release_at_us"),
    whole("deadline_at_us"),
    text("chosen"),
    text("reason"),
    text("job"),
    text("options"),
    text("forecast"),
    text("notices"),
    check("length(id) = 26", "id"),
    check("release_at_us < deadline_at_us", "window"),
    sa.Index("ix_plan_audit_seq", "audit_seq"),
)

decision = sa.Table(
    "decision",
    metadata,
    run_reference(),
    key("id", primary_key=True),
    entry(),
    sa.Column("plan_id", key_text(), sa.ForeignKey("plan.id"), nullable=True),
    whole("decided_at_us"),
    text("chosen"),
    text("segments"),
    *(column for name in FIGURES for column in _figure(name)),
    text("details"),
    ref("supersedes"),
    check("length(id) = 26", "id"),
    check("realised_low_g >= 0 AND counterfactual_low_g >= 0", "emissions"),
)
