"""What a ledger promises of models, variants and savings, on every back-end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from joulewise import ledger
from joulewise.core.errors import LedgerError, NotFound
from joulewise.ledger.migrations.append_only import trigger_names
from joulewise.testing.ledgers import small_bundle, store_id
from joulewise.testing.variants import (
    small_comparison,
    small_dataset,
    small_model,
    small_saving,
    small_variant,
)

RUN = small_bundle().run.id


@pytest.fixture
def compared(store):
    """A run that compared variants of a model."""
    store.append(small_bundle())
    store.append_comparison(small_comparison(RUN), actor="bench")
    return store


def test_a_comparison_comes_back_whole(compared):
    assert compared.compared(RUN) == small_comparison(RUN)
    assert compared.variants(model_id=small_model().id) == small_comparison(RUN).variants
    assert compared.variants(run_id=store_id(7)) == ()
    assert compared.model(small_model().id) == small_model()
    assert compared.dataset(small_dataset().id) == small_dataset()
    assert compared.verify().ok


@pytest.mark.parametrize("text", ["nul \x00", "caf\udce9", "\x10dead", "'; DROP TABLE variant; --", "🔥", ""])
def test_hostile_text_comes_back(store, text):
    found = small_comparison(
        RUN,
        models=(small_model(name=text, details={text: text}),),
        datasets=(small_dataset(name=text, columns=(text,)),),
        variants=(small_variant(RUN, 1, name=text, options={text: [text]}), small_variant(RUN, 2)),
        savings=(small_saving(RUN, floor=text),),
    )
    store.append(small_bundle())
    store.append_comparison(found)

    assert store.compared(RUN) == found
    assert store.verify().ok


def test_filing_twice_is_filing_once(compared):
    head = compared.verify().head

    assert compared.append_comparison(small_comparison(RUN)) == 0
    assert compared.verify().head == head


def test_what_is_new_is_filed_beside_what_is_there(compared):
    more = small_comparison(RUN, variants=(*small_comparison(RUN).variants, small_variant(RUN, 4)))

    assert compared.append_comparison(more) == 1
    assert len(compared.variants(run_id=RUN)) == 4
    assert compared.verify().ok


def test_another_content_under_the_same_id_is_refused(compared):
    with pytest.raises(LedgerError, match=r"variant .* another content"):
        compared.append_comparison(small_comparison(RUN, variants=(small_variant(RUN, 1, name="better"),)))
    with pytest.raises(LedgerError, match=r"saving .* another content"):
        compared.append_comparison(small_comparison(RUN, savings=(small_saving(RUN, n=5),)))


def test_a_model_may_be_described_anew(compared):
    renamed = small_model(name="better-name.onnx")
    compared.append(small_bundle(2))
    run_id = small_bundle(2).run.id
    compared.append_comparison(
        small_comparison(run_id, models=(renamed,), variants=(small_variant(run_id, 7),), savings=())
    )

    assert compared.model(renamed.id) == renamed
    assert compared.compared(RUN).models == (small_model(),)
    assert compared.compared(run_id).models == (renamed,)


def test_what_is_named_must_be_there(store):
    store.append(small_bundle())
    lone = {"models": (), "datasets": (), "variants": ()}

    with pytest.raises(NotFound, match="no run"):
        store.append_comparison(small_comparison(store_id(9)))
    with pytest.raises(NotFound, match="no variant"):
        store.append_comparison(small_comparison(RUN, **lone))
    with pytest.raises(NotFound, match="no variant"):
        store.append_comparison(small_comparison(RUN, variants=(small_variant(RUN, supersedes=store_id(9)),)))
    with pytest.raises(LedgerError, match="does not come along"):
        store.append_comparison(small_comparison(RUN, models=()))
    with pytest.raises(LedgerError, match="ULID"):
        store.append_comparison(small_comparison(RUN, variants=(small_variant(RUN, id="one"),), savings=()))
    with pytest.raises(LedgerError, match="comes with rows of run"):
        store.append_comparison(small_comparison(RUN, savings=(small_saving(store_id(9)),)))
    me = small_variant(RUN)
    with pytest.raises(LedgerError, match="supersedes itself"):
        store.append_comparison(small_comparison(RUN, variants=(replace(me, supersedes=me.id),), savings=()))
    with pytest.raises(NotFound, match="no model"):
        store.model(store_id(5))
    assert store.verify().ok


def test_a_newer_variant_supersedes_one_of_an_older_run(compared):
    compared.append(small_bundle(2))
    run_id = small_bundle(2).run.id
    newer = small_variant(run_id, 8, supersedes=small_variant(RUN, 1).id)
    compared.append_comparison(small_comparison(run_id, variants=(newer,), savings=()))

    assert [one.id for one in compared.variants(run_id=RUN)] == [one.id for one in small_comparison(RUN).variants[1:]]
    assert newer in compared.variants(model_id=small_model().id)


def test_exports_and_merges_take_comparisons_along_once(compared, tmp_path):
    compared.export(None, "json", str(tmp_path / "all.json"))
    with ledger.open(str(tmp_path / "other.db")) as other:
        first, again = (other.import_json(str(tmp_path / "all.json")) for _ in range(2))

        assert (first.runs, first.compared, again.runs, again.compared) == (1, 4, 0, 0)
        assert other.compared(RUN) == small_comparison(RUN)
        assert other.verify().ok
    with ledger.open(str(tmp_path / "third.db")) as third:
        assert third.merge(str(tmp_path / "other.db")).compared == 4
        assert third.compared(RUN) == small_comparison(RUN)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("variant", "observations = replace(observations, '0.9', '0.8')"),
        ("saving", "ratio_low = ratio_low / 2"),
        ("model", "size_bytes = size_bytes - 1"),
        ("dataset", "rows = rows + 1"),
    ],
)
def test_a_changed_byte_is_found(compared, outsider, table, change):
    """Somebody with the owner's rights takes the triggers off and makes a model look better."""
    dialect = outsider.dialect.name
    with outsider.begin() as connection:
        for name in trigger_names(dialect, table):
            connection.exec_driver_sql(f"DROP TRIGGER {name}" + (f" ON {table}" if dialect == "postgresql" else ""))
        connection.exec_driver_sql(f"UPDATE {table} SET {change}")
    problems = compared.verify().problems

    assert any(f"a row of {table} was changed" in problem for problem in problems)
