"""Better intensities for a filed run: only what rests on them changes, and only if they are better."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from joulewise import ledger
from joulewise.carbon import (
    Work,
    account,
    filed_operational,
    is_better,
    known_of_run,
    known_of_signals,
    recompute,
    revise,
    spread_energy,
)
from joulewise.core.errors import FactorError, UndefinedFigure
from joulewise.core.records import Bundle
from joulewise.core.settings import Settings
from joulewise.testing.ledgers import empty_ledger, small_bundle, total_energy
from joulewise.testing.plans import HOUR, hourly

BEGIN = datetime(2025, 3, 3, 9, tzinfo=UTC)
KWH = 3.6e6
PIECES = [(BEGIN, BEGIN + HOUR, 1 * KWH), (BEGIN + HOUR, BEGIN + 2 * HOUR, 3 * KWH)]
SETTINGS = Settings(zone="DE", pue=1.2, market_g_per_kwh=50.0, price_per_kwh=0.3)


def live(*values, **words):
    return hourly("DE", *values, start=BEGIN, **words)


def filed(signals=None):
    """A run of two hours and 4 kWh, filed with the bundled intensities or with these."""
    run = replace(
        small_bundle().run, started_at=BEGIN, ended_at=BEGIN + 2 * HOUR, duration_s=7_200.0, unit="epoch", unit_count=4
    )
    energy = total_energy(run.id, 4 * KWH)
    work = Work(
        run_id=run.id,
        energy=energy,
        started_at=run.started_at,
        ended_at=run.ended_at,
        duration_s=run.duration_s,
        unit=run.unit,
        unit_count=run.unit_count,
        energy_by_interval=PIECES,
    )
    found = account(work, SETTINGS, intervals=signals)
    return Bundle(run=run, measurements=(energy,), calculations=found.calculations, factors=found.factors)


def after(bundle, signals):
    """The run with the revision filed, as the ledger gives it back."""
    revision = revise(bundle, PIECES, signals)
    replaced = {one.supersedes for one in revision.calculations}
    kept = tuple(one for one in bundle.calculations if one.id not in replaced)
    factors = {one.id: one for one in (*bundle.factors, *revision.factors)}
    return replace(bundle, calculations=(*kept, *revision.calculations), factors=tuple(factors.values()))


def value(bundle, name, basis="location"):
    return next(one.figure.value for one in bundle.calculations if one.name == name and one.basis in ("", basis))


def test_emissions_are_those_of_the_better_hours():
    old = filed()
    new = after(old, live(100.0, 200.0))

    assert filed_operational(new).figure.value == pytest.approx(1.2 * (1 * 100 + 3 * 200))
    assert value(new, "intensity_g_per_kwh") == pytest.approx(175)
    assert value(new, "emissions_g") == pytest.approx(value(new, "operational_g") + value(old, "embodied_g"))
    assert value(new, "sci_g_per_unit") == pytest.approx(value(new, "emissions_g") / 4)


def test_all_else_stays_as_it_was_filed():
    old = filed()
    revision = revise(old, PIECES, live(100.0, 200.0))
    revised = {(one.name, one.basis) for one in revision.calculations}

    assert revised == {
        ("intensity_g_per_kwh", ""),
        ("operational_g", "location"),
        ("emissions_g", "location"),
        ("sci_g_per_unit", "location"),
    }
    superseded = {one.supersedes for one in revision.calculations}
    assert superseded <= {one.id for one in old.calculations}
    assert len(superseded) == 4


def test_an_audit_gets_the_same_figures_and_the_same_input_the_same_ids():
    old = filed()
    once, again = (revise(old, PIECES, live(100.0, 200.0)) for _ in range(2))

    assert once == again
    assert all(recompute(one) == one.figure for one in once.calculations)
    assert {one.id for one in revise(old, PIECES, live(101.0, 200.0)).calculations}.isdisjoint(
        one.id for one in once.calculations
    )


def test_a_single_annual_factor_gives_way_to_hours():
    year = live(300.0, 300.0, status="annual", source="the year")
    single = [replace(year[0], end=year[1].end)]
    old = filed(single)
    new = after(old, live(100.0, 200.0))

    assert known_of_run(old, "DE").status == "annual"
    assert known_of_run(new, "DE").status == "measured"
    assert value(new, "operational_g") == pytest.approx(1.2 * 700)


def test_two_first_revisions_of_a_single_factor_leave_one_intensity(tmp_path):
    """Neither of two backfills at once has seen what the other filed; the later one takes the place of the earlier."""
    year = live(300.0, 300.0, status="annual", source="the year")
    old = filed([replace(year[0], end=year[1].end)])
    with ledger.open(empty_ledger(tmp_path / "ledger.db")) as store:
        store.append(old)
        for values in ((100.0, 200.0), (110.0, 210.0)):
            revision = revise(old, PIECES, live(*values))
            store.append_calculations(revision.calculations, factors=revision.factors)
        new = store.bundle(old.run.id)
        whole = store.bundle(old.run.id, include_superseded=True)
        again = revise(new, PIECES, live(120.0, 220.0))

        assert [one.name for one in new.calculations].count("intensity_g_per_kwh") == 1
        assert value(new, "intensity_g_per_kwh") == pytest.approx((110 + 3 * 210) / 4)
        assert value(new, "operational_g") == pytest.approx(1.2 * (110 + 3 * 210))
        assert [one.name for one in whole.calculations if one.supersedes is None].count("intensity_g_per_kwh") == 1
        assert again.calculations[0].supersedes in {one.id for one in new.calculations}
        assert store.verify().ok


def test_an_intensity_that_was_left_over_gives_way():
    """Ledgers may hold first revisions of old that superseded nothing."""
    year = live(300.0, 300.0, status="annual", source="the year")
    old = filed([replace(year[0], end=year[1].end)])
    left = replace(revise(old, PIECES, live(1.0, 2.0)).calculations[1], supersedes=None)
    found = revise(replace(old, calculations=(*old.calculations, left)), PIECES, live(100.0, 200.0))

    assert found.calculations[0].supersedes == left.id


def of(signals):
    return known_of_signals(spread_energy(PIECES, signals), "DE")


def test_what_is_better():
    typical = known_of_run(filed(), "DE")
    measured, guessed = of(live(100.0, 200.0)), of(live(100.0, 200.0, status="estimated"))

    assert typical.status == "climatology"
    assert is_better(measured, typical)
    assert is_better(measured, guessed)
    assert is_better(guessed, typical)
    assert not is_better(guessed, measured)
    assert not is_better(typical, typical)
    assert not is_better(measured, measured)


def test_a_revised_value_of_the_same_source_is_better_and_another_sources_is_not():
    before = of(live(100.0, 200.0))

    assert is_better(of(live(100.0, 210.0)), before)
    assert not is_better(of(live(100.0, 210.0, source="another")), before)
    assert not is_better(of(live(100.0, 200.0 * (1 + 1e-12))), before)


def test_more_measured_hours_are_better():
    half = [*live(100.0), *hourly("DE", 200.0, start=BEGIN + HOUR, status="climatology")]

    assert is_better(of(live(100.0, 200.0)), of(half))
    assert not is_better(of(half), of(live(100.0, 200.0)))


def test_the_zones_own_year_is_better_than_a_stand_in():
    words = {"status": "annual", "source": "a year"}
    own, country, world = (
        known_of_signals([(one, 1.0) for one in hourly(zone, 100.0, start=BEGIN, **words)], "US-CAMX")
        for zone in ("US-CAMX", "US", "WORLD")
    )

    assert is_better(own, country)
    assert is_better(country, world)
    assert not is_better(world, country)


def test_what_is_filed_is_found_again():
    signals = live(100.0, 200.0)
    new = after(filed(), signals)
    known, again = known_of_run(new, "DE"), of(signals)

    assert known.sureness_rank == pytest.approx(again.sureness_rank)
    assert known.mean_g_per_kwh == pytest.approx(again.mean_g_per_kwh)
    assert (known.sources, known.type) == (again.sources, again.type)
    assert not is_better(again, known)


def test_what_cannot_be_revised_is_refused():
    old = filed()
    with pytest.raises(UndefinedFigure, match="no location-based"):
        revise(replace(old, calculations=()), PIECES, live(1.0, 1.0))
    with pytest.raises(UndefinedFigure, match="no energy"):
        revise(old, [(*PIECES[0][:2], 0.0)], live(1.0, 1.0))
    with pytest.raises(UndefinedFigure, match="no measured energy"):
        revise(replace(old, measurements=()), PIECES, live(1.0, 1.0))
    with pytest.raises(FactorError, match="exactly once"):
        revise(old, [(BEGIN - timedelta(hours=1), BEGIN, KWH)], live(1.0, 1.0))
    assert known_of_run(replace(old, calculations=()), "DE") is None
    assert known_of_run(replace(old, factors=()), "DE") is None
    assert known_of_signals([], "DE") is None
