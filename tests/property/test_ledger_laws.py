"""Laws of the ledger that hold whatever is filed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from joulewise import ledger
from joulewise.core.figures import Figure
from joulewise.core.records import RUN_KINDS, RUN_STATUSES, Bundle
from joulewise.core.ulid import new_ulid
from joulewise.ledger import RunQuery, tables
from joulewise.ledger.document import from_document, to_document
from joulewise.ledger.filing import bundle_filing
from joulewise.ledger.rows import canonical, microseconds, moment, pack, row_bytes, unpack
from joulewise.testing.ledgers import small_bundle, total_energy

costly = settings(settings.get_profile("costly"), suppress_health_check=[HealthCheck.too_slow])
any_text = st.text(st.characters(), max_size=80)
finite = st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def energies(draw: st.DrawFn) -> Figure:
    low, value, high = sorted(draw(st.lists(st.floats(0, 1e15), min_size=3, max_size=3)))
    return Figure(value=value, low=low, high=high, unit="J", method=draw(st.sampled_from(("measured", "modelled"))))


@st.composite
def bundles(draw: st.DrawFn) -> Bundle:
    started = draw(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
    id = new_ulid(entropy=draw(st.binary(min_size=10, max_size=10)))
    bundle = small_bundle(
        id=id,
        energy_j=None,
        emissions_g=draw(st.none() | st.floats(0, 1e12)),
        kind=draw(st.sampled_from(RUN_KINDS)),
        status=draw(st.sampled_from(RUN_STATUSES)),
        started_at=started,
        ended_at=draw(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))),
        duration_s=draw(st.floats(0, 1e12)),
        name=draw(any_text),
        project=draw(any_text),
        group_key=draw(st.none() | any_text),
        unit=draw(st.none() | any_text),
        unit_count=draw(st.none() | finite),
        coverage=draw(st.none() | st.floats(0, 1)),
        seed=draw(st.none() | st.integers()),
        command=tuple(draw(st.lists(any_text, max_size=3))),
        tags=draw(st.dictionaries(any_text, any_text, max_size=3)),
        environment=draw(st.dictionaries(any_text, plain, max_size=3)),
    )
    figure = draw(st.none() | energies())
    measured = () if figure is None else (replace(total_energy(id, 1.0), figure=figure),)
    return replace(bundle, measurements=measured)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ledger.Ledger]:
    with ledger.open(str(tmp_path_factory.mktemp("laws") / "ledger.db")) as opened:
        yield opened


@given(any_text)
def test_any_text_can_be_stored_and_comes_back(text):
    packed = pack(text)

    assert unpack(packed) == text
    assert "\x00" not in packed
    assert packed.encode("utf-8").decode("utf-8") == packed


@given(any_text, any_text)
def test_packing_keeps_beginnings_and_differences(first, second):
    assert pack(first + second) == pack(first) + pack(second)
    assert (pack(first) == pack(second)) == (first == second)


@given(st.datetimes(timezones=st.timezones()))
def test_times_come_back_to_the_microsecond(time):
    if time.astimezone(UTC).year > 1:
        assert moment(microseconds(time)) == time.astimezone(UTC)


@given(plain)
def test_canonical_json_is_one_text_for_one_value(value):
    assert canonical(json.loads(canonical(value))) == canonical(value)


@given(st.dictionaries(st.text("abc", min_size=1), st.none() | finite | any_text | st.integers(), max_size=5))
def test_the_hashed_bytes_of_a_row_leave_out_what_is_not_there(row):
    held = {name: value for name, value in row.items() if value is not None}

    assert row_bytes(row) == row_bytes(dict(reversed(held.items())))
    assert b"\n" not in row_bytes(row)


@costly
@given(bundle=bundles())
def test_whatever_is_filed_comes_back(store, bundle):
    store.append(bundle)

    assert store.bundle(bundle.run.id) == bundle
    assert store.append(bundle) is False
    assert from_document(json.loads(json.dumps(to_document(bundle))))[0] == bundle


@costly
@given(bundle=bundles(), other=bundles())
def test_the_same_bundle_has_the_same_digest_and_another_another(bundle, other):
    def digest(one):
        [row] = bundle_filing(one).own[tables.run]
        return row["bundle_sha256"]

    assert digest(bundle) == digest(from_document(to_document(bundle))[0])
    assert (digest(bundle) == digest(other)) == (bundle == other)


@costly
@given(
    limit=st.integers(1, 9),
    sort=st.sampled_from(("started_at", "duration_s", "energy_j", "emissions_g", "name")),
    descending=st.booleans(),
    kind=st.none() | st.sampled_from(RUN_KINDS),
)
def test_pages_are_a_partition_of_the_list(store, limit, sort, descending, kind):
    query = RunQuery(sort=sort, descending=descending, kind=kind, limit=limit)
    whole = [row.id for row in store.runs(replace(query, limit=10_000)).rows]
    paged, page = [], store.runs(query)
    while True:
        paged += [row.id for row in page.rows]
        if page.next is None:
            break
        page = store.runs(replace(query, cursor=page.next))

    assert paged == whole
    assert page.total == len(whole)


def test_after_all_that_the_chain_holds(store):
    assert store.verify().problems == ()
