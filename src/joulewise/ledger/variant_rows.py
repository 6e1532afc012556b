"""Models, datasets, variants and savings as rows, as JSON documents, and back; pure, no database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from joulewise.core.errors import LedgerError
from joulewise.core.figures import Figure
from joulewise.core.ulid import is_ulid
from joulewise.core.variants import Comparison, Dataset, Model, Observation, Saving, Step, Variant
from joulewise.ledger import tables
from joulewise.ledger.filing import Filing, refuse_ring
from joulewise.ledger.rows import Row, digest, encode, row_bytes, unpack

Document = dict[str, Any]
_PARTS = ("low", "high", "unit", "method", "source", "level")


def comparison_filing(found: Comparison) -> Filing:
    """The rows of a comparison. Raises LedgerError for ids that are no ULIDs, or that name what does not come along."""
    models, datasets = _by_id(tables.model, found.models), _by_id(tables.dataset, found.datasets)
    own_records: tuple[Variant | Saving, ...] = (*found.variants, *found.savings)
    for one in own_records:
        if one.run_id != found.run_id:
            raise LedgerError(f"run {found.run_id} comes with rows of run {one.run_id!r:.60}")
        if not is_ulid(one.id):
            raise LedgerError(f"the id of a variant or saving must be a ULID, got {one.id!r:.60}")
    refuse_ring("variant", found.variants)
    own = {
        tables.variant: [_variant_row(one, position, models, datasets) for position, one in enumerate(found.variants)],
        tables.saving: [_saving_row(one, position) for position, one in enumerate(found.savings)],
    }
    shared = {tables.model: list(models.values()), tables.dataset: list(datasets.values())}
    return Filing(run_id=found.run_id, own=own, shared=shared)


def _by_id(table: sa.Table, records: Iterable[Any]) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for record in records:
        row = encode(table, asdict(record))
        rows[record.id] = {**row, "row_sha256": digest([row_bytes(row)])}
    return rows


def _variant_row(variant: Variant, position: int, models: Mapping[str, Row], datasets: Mapping[str, Row]) -> Row:
    try:
        content = {
            "model_row": models[variant.model_id]["row_sha256"],
            "dataset_row": variant.dataset_id and datasets[variant.dataset_id]["row_sha256"],
        }
    except KeyError as error:
        raise LedgerError(f"variant {variant.name!r:.60} names {error}, which does not come along") from None
    return encode(tables.variant, {**asdict(variant), **content, "position": position})


def _saving_row(saving: Saving, position: int) -> Row:
    values = {**asdict(saving), "position": position}
    for name in tables.SAVING_FIGURES:
        figure = getattr(saving, name)
        values.update({name: figure.value, **{f"{name}_{part}": getattr(figure, part) for part in _PARTS}})
    return encode(tables.saving, values)


def model_record(row: Mapping[str, Any] | sa.RowMapping) -> Model:
    """The model of a row."""
    return model_from(_document(tables.model, row, ("flops", "signature", "details")))


def dataset_record(row: Mapping[str, Any] | sa.RowMapping) -> Dataset:
    """The dataset of a row."""
    return dataset_from(_document(tables.dataset, row, ("columns", "details")))


def variant_record(row: Mapping[str, Any] | sa.RowMapping) -> Variant:
    """The variant of a row."""
    document = _document(tables.variant, row, ("steps", "options", "observations"))
    return variant_from(document)


def saving_record(row: Mapping[str, Any] | sa.RowMapping) -> Saving:
    """The saving of a row."""
    document = _document(tables.saving, row, ("details",))
    for name in tables.SAVING_FIGURES:
        parts = {part: document.pop(f"{name}_{part}") for part in _PARTS}
        document[name] = {"value": document[name], **parts}
    return saving_from(document)


_FILED = {"audit_seq", "position", "row_sha256", "model_row", "dataset_row"}


def _document(table: sa.Table, row: Mapping[str, Any] | sa.RowMapping, in_json: tuple[str, ...]) -> Document:
    names = [column.name for column in table.columns if column.name not in _FILED]
    return {name: _read(row[name], name in in_json) for name in names}


def _read(stored: Any, in_json: bool) -> Any:
    if not isinstance(stored, str):
        return stored
    return json.loads(stored) if in_json else unpack(stored)


def comparison_document(found: Comparison) -> Document:
    """A comparison as JSON can hold it."""
    return {name: [asdict(one) for one in getattr(found, name)] for name in _LISTS}


def comparison_from(run_id: str, document: Mapping[str, Any]) -> Comparison:
    """What `comparison_document` was given. Raises LedgerError for anything else."""
    try:
        lists = {name: tuple(map(make, document.get(name, ()))) for name, make in _LISTS.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise LedgerError(f"that is not a comparison as the ledger exports it: {error}") from error
    return Comparison(run_id=run_id, **lists)


def model_from(document: Mapping[str, Any]) -> Model:
    """The model of a document."""
    return Model(**{**document, "flops": _figure(document["flops"])})


def dataset_from(document: Mapping[str, Any]) -> Dataset:
    """The dataset of a document."""
    return Dataset(**{**document, "columns": tuple(document["columns"])})


def variant_from(document: Mapping[str, Any]) -> Variant:
    """The variant of a document."""
    seen = tuple(Observation(**{**one, "figure": Figure(**one["figure"])}) for one in document["observations"])
    return Variant(**{**document, "steps": tuple(Step(**one) for one in document["steps"]), "observations": seen})


def saving_from(document: Mapping[str, Any]) -> Saving:
    """The saving of a document."""
    return Saving(**{**document, **{name: Figure(**document[name]) for name in tables.SAVING_FIGURES}})


def _figure(document: Mapping[str, Any] | None) -> Figure | None:
    return None if document is None else Figure(**document)


_LISTS: dict[str, Any] = {
    "models": model_from,
    "datasets": dataset_from,
    "variants": variant_from,
    "savings": saving_from,
}
