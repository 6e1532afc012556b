"""The tables of models, of the data that judge them, of their variants and of the savings between these.

Models and datasets are kept by content (`row_sha256`): a file may be renamed while its hash, and so its id, stays.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from joulewise.ledger.columns import METHODS, check, entry, key, key_text, metadata, number, ref, text, whole

FIGURES = ("ratio", "quality_change")
"""The figures of a saving, each with low, high, method, source, level behind its name."""


def _figure(name: str) -> list[Any]:
    return [
        *(number(column) for column in (name, f"{name}_low", f"{name}_high")),
        *(text(f"{name}_{part}") for part in ("unit", "method", "source")),
        number(f"{name}_level"),
        check(f"{name}_low <= {name} AND {name} <= {name}_high AND {name}_method IN {METHODS}", name),
    ]


model = sa.Table(
    "model",
    metadata,
    key("row_sha256", primary_key=True),
    entry(),
    key("id"),
    text("name"),
    text("format"),
    text("sha256"),
    whole("size_bytes"),
    whole("parameters", nullable=True),
    text("flops", nullable=True),
    number("flops_covered", nullable=True),
    text("signature"),
    text("details"),
    check("size_bytes >= 0", "size"),
    check("flops_covered IS NULL OR (flops_covered >= 0 AND flops_covered <= 1)", "flops"),
    sa.Index("ix_model_id", "id"),
)

dataset = sa.Table(
    "dataset",
    metadata,
    key("row_sha256", primary_key=True),
    entry(),
    key("id"),
    text("name"),
    text("sha256"),
    whole("rows"),
    text("columns"),
    text("target"),
    text("details"),
    check("rows >= 0", "rows"),
    sa.Index("ix_dataset_id", "id"),
)

variant = sa.Table(
    "variant",
    metadata,
    sa.Column("run_id", key_text(), sa.ForeignKey("run.id"), nullable=False, primary_key=True),
    key("id", primary_key=True),
    entry(),
    whole("position"),
    key("model_id"),
    ref("dataset_id"),
    sa.Column("model_row", key_text(), sa.ForeignKey("model.row_sha256"), nullable=False),
    sa.Column("dataset_row", key_text(), sa.ForeignKey("dataset.row_sha256"), nullable=True),
    text("name"),
    text("runtime"),
    text("runtime_version"),
    text("status"),
    text("reason"),
    text("steps"),
    text("options"),
    text("observations"),
    ref("supersedes"),
    check("length(id) = 26", "id"),
    check("status IN ('ok', 'failed', 'discarded')", "status"),
    check("status = 'ok' OR reason <> ''", "reason"),
    sa.Index("ix_variant_model_id", "model_id"),
)

saving = sa.Table(
    "saving",
    metadata,
    sa.Column("run_id", key_text(), sa.ForeignKey("run.id"), nullable=False, primary_key=True),
    key("id", primary_key=True),
    entry(),
    whole("position"),
    key("baseline_id"),
    key("new_id"),
    text("quantity"),
    text("unit"),
    text("boundary"),
    *(column for name in FIGURES for column in _figure(name)),
    text("metric"),
    whole("n"),
    text("test"),
    sa.Column("held", sa.Boolean(), nullable=False),
    text("floor"),
    number("p_value", nullable=True),
    text("details"),
    check("length(id) = 26", "id"),
    check("baseline_id <> new_id", "pair"),
    check("ratio_low > 0", "ratio_positive"),
    check("p_value IS NULL OR (p_value >= 0 AND p_value <= 1)", "p_value"),
)
