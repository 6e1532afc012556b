"""What a ledger promises, on every back-end: filing, reading back, lists, totals, names."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from joulewise import ledger
from joulewise.core.errors import LedgerError, NotFound, OutOfRange, UsageError
from joulewise.core.records import Evaluation
from joulewise.ledger import RunQuery
from joulewise.ledger.document import from_document, to_document
from joulewise.testing.ledgers import FIRST, full_bundle, small_bundle, store_id, total_emissions, total_energy

HOSTILE = {
    "nul": "a\x00b",
    "newline": "a\nb\r\n",
    "right to left": "\u202egnp.exe",
    "undecodable": "caf\udce9",
    "escape of ours": "\x10dead\x10",
    "sql": "'; DROP TABLE run; --",
    "pattern": "100%_\\",
    "very long": "x" * 100_000,
    "astral": "🔥" * 70,
    "empty": "",
}


def as_json(bundle):
    """Tuples inside mappings come back as lists, which is all that a store may change."""
    return from_document(to_document(bundle))[0]


def ids(page):
    return [row.id for row in page.rows]


def filed(store, bundles):
    bundles = list(bundles)
    assert store.append_many(bundles) == len(bundles)
    return [bundle.run.id for bundle in bundles]


# Filing


def test_every_record_comes_back(store):
    bundle = full_bundle()

    assert store.append(bundle, actor="me") is True
    assert store.bundle(bundle.run.id) == as_json(bundle)
    assert store.verify().ok


def test_filing_twice_changes_nothing(store):
    bundle = full_bundle()
    store.append(bundle)
    head = store.verify().head

    assert store.append(bundle) is False
    assert store.append_many([bundle, full_bundle(2), full_bundle(2)]) == 1
    assert store.verify().head != head


def test_another_content_under_the_same_id_is_refused(store):
    bundle = small_bundle()
    store.append(bundle)

    with pytest.raises(LedgerError, match="another content"):
        store.append(small_bundle(energy_j=101.0))
    assert store.bundle(bundle.run.id) == bundle


def test_an_id_that_is_no_ulid_is_refused(store):
    with pytest.raises(LedgerError, match="ULID"):
        store.append(small_bundle(id="run-1", energy_j=None, emissions_g=None))


def test_rows_of_another_run_are_refused(store):
    bundle = small_bundle()

    with pytest.raises(LedgerError, match="comes with rows of run"):
        store.append(replace(bundle, measurements=(total_energy(store_id(9), 1.0),)))
    with pytest.raises(LedgerError, match="names the phase 'nowhere'"):
        store.append(replace(bundle, measurements=(total_energy(bundle.run.id, 1.0, phase_id="nowhere"),)))


def test_a_chunk_with_a_refused_run_is_rolled_back_whole(store):
    with pytest.raises(LedgerError):
        store.append_many([small_bundle(1), small_bundle(1, energy_j=7.0)])
    assert store.runs().rows == ()
    assert store.verify().ok


def test_a_machine_may_change_and_a_factor_may_not(store):
    first, second = full_bundle(1), full_bundle(2)
    store.append(first)
    more = replace(second, host=replace(second.host, memory_gb=64.0))
    other = replace(full_bundle(3), factors=(replace(first.factors[0], value=345.0), *first.factors[1:]))

    assert store.append(more)
    assert store.bundle(first.run.id).host.memory_gb == 30.9
    assert store.bundle(second.run.id).host.memory_gb == 64.0
    with pytest.raises(LedgerError, match=r"factor .* another content"):
        store.append(other)
    assert store.factors([first.factors[0].id, "none"]) == first.factors[:1]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_comes_back_and_is_found(store, text):
    hostile = {"name": text, "project": text, "tags": {text or "k": text}, "command": (text,), "group_key": text}
    bundle = small_bundle(**hostile, environment={"x": [text]}, warnings=(text,))
    store.append_many([small_bundle(2), bundle])

    assert store.bundle(bundle.run.id) == bundle
    assert bundle.run.id in ids(store.runs(RunQuery(name=text, project=text, tag=f"{text or 'k'}={text}")))
    assert ids(store.runs(RunQuery(text=text[:20]))) or not text
    assert [row.name for row in store.group(text)] == [text]
    assert store.resolve(text) == bundle.run.id
    assert store.verify().ok


def test_a_tag_of_a_megabyte(store):
    bundle = small_bundle(tags={"blob": "y" * 1_000_000})
    store.append(bundle)

    assert store.bundle(bundle.run.id).run.tags == bundle.run.tags
    assert store.runs().rows[0].tags == bundle.run.tags


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_kept_and_a_count_is_refused(store, value):
    bundle = small_bundle()
    loss = Evaluation(id="loss", run_id=bundle.run.id, metric="loss", value=value, low=value, high=None)
    store.append(replace(bundle, evaluations=(loss,)))
    [read] = store.bundle(bundle.run.id).evaluations

    assert (str(read.value), read.low, read.high) == (str(value), None, None)
    with pytest.raises(OutOfRange, match="unit_count must be finite"):
        store.append(small_bundle(2, unit="token", unit_count=value))
    with pytest.raises(OutOfRange, match="can't store"):
        store.append(small_bundle(3, environment={"load": value}))


def test_numbers_of_any_size_that_fit(store):
    bundle = small_bundle(energy_j=1.7e300, emissions_g=5e-324, seed=2**200, exit_code=-9)
    store.append(bundle)

    assert store.bundle(bundle.run.id) == bundle
    with pytest.raises(OutOfRange, match="exit_code must fit"):
        store.append(small_bundle(2, exit_code=2**63))


@pytest.mark.parametrize("change", [{"coverage": 1.5}, {"coverage": -0.1}])
def test_the_database_checks_bounds_too(store, change):
    with pytest.raises(LedgerError, match="refuses the row"):
        store.append(small_bundle(**change))
    assert store.runs().rows == ()


def test_energy_below_zero_is_refused(store):
    bundle = small_bundle(energy_j=1.0)
    figure = replace(bundle.measurements[0].figure, value=-1.0, low=-2.0)

    with pytest.raises(LedgerError, match="refuses the row"):
        store.append(replace(bundle, measurements=(replace(bundle.measurements[0], figure=figure),)))


# Corrections


def test_a_later_calculation_supersedes(store):
    bundle = small_bundle(emissions_g=5.0)
    store.append(bundle)
    newer = total_emissions(bundle.run.id, 7.0, id="emissions-2", supersedes="emissions")

    assert store.append_calculations([newer]) == 1
    assert store.append_calculations([newer]) == 0
    assert store.bundle(bundle.run.id).calculations == (newer,)
    assert store.bundle(bundle.run.id, include_superseded=True).calculations == (*bundle.calculations, newer)
    assert store.runs().rows[0].emissions.value == 7.0
    assert store.runs().rows[0].emissions.source == "emissions-2"
    assert store.append(bundle) is False
    assert store.verify().ok


def test_lists_and_totals_take_the_latest_emissions(store):
    runs = filed(store, [small_bundle(1, emissions_g=5.0), small_bundle(2, emissions_g=6.0), small_bundle(3)])
    missing = filed(store, [small_bundle(4, emissions_g=None), small_bundle(5, emissions_g=None)])
    store.append_calculations([total_emissions(runs[0], 20.0, id="b", supersedes="emissions")])
    store.append_calculations([total_emissions(runs[0], 5.5, id="c", supersedes="b"), total_emissions(missing[0], 9.0)])
    rising = RunQuery(sort="emissions_g", descending=False)

    assert ids(store.runs(rising)) == [runs[2], runs[0], runs[1], missing[0], missing[1]]
    assert ids(store.runs(replace(rising, descending=True))) == [missing[0], runs[1], runs[0], runs[2], missing[1]]
    assert store.totals().emissions.value == pytest.approx(5.5 + 6.0 + 5.0 + 9.0)
    assert store.totals().without_emissions == 1


def test_calculations_need_their_run_and_what_they_supersede(store):
    [run] = filed(store, [small_bundle()])

    with pytest.raises(NotFound, match="no run"):
        store.append_calculations([total_emissions(store_id(99), 1.0)])
    with pytest.raises(NotFound, match="no calculation 'nothing'"):
        store.append_calculations([total_emissions(run, 1.0, id="b", supersedes="nothing")])
    with pytest.raises(LedgerError, match="another content"):
        store.append_calculations([total_emissions(run, 1.0)])


def test_a_superseded_run_is_hidden(store):
    old, new = small_bundle(1), small_bundle(2, supersedes=small_bundle(1).run.id)
    store.append_many([old, new])

    assert ids(store.runs()) == [new.run.id]
    assert store.runs().total == 1
    assert store.runs(RunQuery(limit=1, include_superseded=True)).total == 2
    assert ids(store.runs(RunQuery(include_superseded=True))) == [new.run.id, old.run.id]
    assert store.totals().runs == 1
    assert store.resolve(old.run.id) == old.run.id


# Lists


def test_filters(store):
    filed(
        store,
        [
            small_bundle(1, kind="train", name="bert-a", project="p", tags={"team": "x"}),
            small_bundle(2, kind="eval", name="bert-b", status="failed", tags={"team": "y"}, project="p"),
            small_bundle(3, kind="tune", name="Über", project="q", group_key="job"),
        ],
    )
    cut = FIRST + timedelta(minutes=2)

    def names(**query):
        return [row.name for row in store.runs(RunQuery(**query)).rows]

    assert names() == ["Über", "bert-b", "bert-a"]
    assert names(kind="eval") == ["bert-b"]
    assert names(status="finished", project="p") == ["bert-a"]
    assert names(name="bert") == ["bert-b", "bert-a"]
    assert names(name="ert") == []
    assert names(tag="team=x") == ["bert-a"]
    assert names(tag="team=x", sort="energy_j") == ["bert-a"]
    assert names(tag="team=z") == []
    assert names(since=cut) == ["Über", "bert-b"]
    assert names(until=cut) == ["bert-a"]
    assert names(text="ERT-") == ["bert-b", "bert-a"]
    assert names(text="%") == []
    assert names(group_key="job") == ["Über"]
    assert names(tag="team=y", since=cut, kind="eval") == ["bert-b"]


@pytest.mark.parametrize("sort", ["started_at", "duration_s", "energy_j", "emissions_g", "name"])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_hold_every_run_once_and_in_order(store, sort, descending):
    bundles = [
        small_bundle(
            number,
            name=f"n{number % 4}",
            energy_j=None if number % 5 == 0 else float(number % 3),
            emissions_g=None if number % 4 == 0 else float(number % 2),
            duration_s=float(number % 6),
            tags={"t": "1"},
        )
        for number in range(23)
    ]
    runs = filed(store, bundles)
    store.append_calculations([total_emissions(runs[number], 0.5, id="later") for number in (4, 7, 9)])
    query = RunQuery(sort=sort, descending=descending, limit=4)
    pages = [store.runs(query)]
    while pages[-1].next:
        pages.append(store.runs(replace(query, cursor=pages[-1].next)))
    rows = [row for page in pages for row in page.rows]
    figures = {"energy_j": lambda row: row.energy, "emissions_g": lambda row: row.emissions}
    held = [figures[sort](row) for row in rows] if sort in figures else [getattr(row, sort) for row in rows]
    values = [figure.value for figure in held if figure is not None] if sort in figures else held

    assert sorted(row.id for row in rows) == sorted(runs)
    assert {page.total for page in pages} == {23}
    assert values == sorted(values, reverse=descending)
    assert held[len(values) :] == [None] * (len(held) - len(values))
    assert [row.id for row in store.runs(replace(query, offset=6, limit=9)).rows] == [row.id for row in rows[6:15]]
    tagged = store.runs(replace(query, tag="t=1", limit=23))
    assert ids(tagged) == [row.id for row in rows]


def test_totals_are_counted_or_left_open(store):
    filed(store, [small_bundle(number, tags={"t": "1"}) for number in range(5)])

    assert store.runs(RunQuery(limit=2)).total == 5
    assert store.runs(RunQuery(limit=2, tag="t=1")).total == 5
    assert store.runs(RunQuery(limit=2, count=False)).total is None
    assert store.runs(RunQuery(limit=2, text="run")).total is None
    assert store.runs(RunQuery(text="run")).total == 5
    assert store.runs(RunQuery(offset=10)).total == 5


@pytest.mark.parametrize("cursor", ["nonsense", "W10", "WzEsMl0", "eyJhIjoxfQ"])
def test_a_made_up_cursor_is_refused(store, cursor):
    with pytest.raises(UsageError, match="not a cursor"):
        store.runs(RunQuery(cursor=cursor))


def test_children_and_ranks(store):
    parent = small_bundle(1, group_key="job")
    children = [small_bundle(number, parent_id=parent.run.id) for number in (3, 2)]
    store.append_many([*children, parent, small_bundle(4, group_key="job", host_id="other")])

    assert [row.name for row in store.children(parent.run.id)] == ["run-2", "run-3"]
    assert [row.name for row in store.group("job")] == ["run-1", "run-4"]
    assert [row.name for row in store.runs(RunQuery(parent=parent.run.id, roots_only=False)).rows] == ["run-3", "run-2"]
    assert [row.name for row in store.runs(RunQuery(roots_only=True)).rows] == ["run-4", "run-1"]


# Names


def test_what_people_type_is_resolved(store):
    first, second, other = filed(store, [small_bundle(1, name="a"), small_bundle(2, name="a"), small_bundle(3)])

    assert [store.resolve(text) for text in ("latest", "last", "-1")] == [other] * 3
    assert store.resolve("a") == second
    assert store.resolve(first) == store.resolve(first.lower()) == store.resolve(f" {first} ") == first
    assert store.resolve(first[:12]) == first
    assert store.resolve(first[-6:].lower()) == first
    with pytest.raises(NotFound, match="several runs"):
        store.resolve(first[:5])
    with pytest.raises(NotFound, match="did you mean 'run-3'"):
        store.resolve("run-2")
    with pytest.raises(NotFound, match="no run 'A%'"):
        store.resolve("A%")
    with pytest.raises(NotFound, match="joulewise runs"):
        store.bundle(store_id(50))


def test_latest_is_a_run_that_has_none_above_it(store):
    [inner] = filed(store, [small_bundle(2, parent_id=store_id(1))])
    assert store.resolve("latest") == inner  # where all have one above them, any is better than none
    [outer] = filed(store, [small_bundle(1)])
    assert store.resolve("latest") == outer


def test_nothing_is_latest_in_an_empty_ledger(store):
    with pytest.raises(NotFound, match="empty"):
        store.resolve("latest")


# Other ledgers


def test_ledgers_merge_whatever_holds_them(store, store_url, tmp_path):
    with ledger.open(str(tmp_path / "laptop.db")) as laptop:
        laptop.append_many([full_bundle(1), small_bundle(2, name="a\x00b", seed=2**70)])
        laptop.append_calculations([total_emissions(small_bundle(2).run.id, 7.0, id="b", supersedes="emissions")])
        store.append(small_bundle(3))

        assert store.merge(str(tmp_path / "laptop.db")).runs == 2
        assert laptop.merge(store_url).runs == 1
        assert laptop.runs().rows == store.runs().rows
        for row in store.runs().rows:
            whole = laptop.bundle(row.id, include_superseded=True)
            assert whole == store.bundle(row.id, include_superseded=True)
        assert store.verify().ok
        assert laptop.verify().ok
