"""Better data arrives after a run is filed: what changes, what does not, and that a second call changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from joulewise import carbon, ledger, schedule
from joulewise.api.backfilling import backfill_in, energy_by_interval, zone_of
from joulewise.api.filing import ENERGY_BY_HOUR
from joulewise.core.errors import FactorError, NotFound
from joulewise.core.figures import REPORTED, exact
from joulewise.core.plans import Segment
from joulewise.core.records import Bundle
from joulewise.core.settings import Settings
from joulewise.core.signals import Signal
from joulewise.ledger import write_trace
from joulewise.testing.ledgers import empty_ledger, small_bundle, total_energy
from joulewise.testing.plans import HOUR, hourly, small_job, small_plan

BEGIN = datetime(2025, 3, 3, 9, tzinfo=UTC)
KWH = 3.6e6
HOURS = [(BEGIN, BEGIN + HOUR, 1 * KWH), (BEGIN + HOUR, BEGIN + 2 * HOUR, 3 * KWH)]
NOW = BEGIN + timedelta(days=2)


class Later:
    """A source that knows the hours since BEGIN, by zone."""

    def __init__(self, *values: float, **words) -> None:
        self.notices: list[str] = ["told"]
        self.values = values
        self.words = words
        self.asked: list[str] = []

    def signals(self, zone: str, start: datetime, end: datetime, *, of_type=None) -> Sequence[Signal]:
        self.asked.append(zone)
        found = hourly(zone, *self.values, start=BEGIN, **{"grade": "live", "scope": "production", **self.words})
        return [one for one in found if one.start < end and start < one.end and of_type in (None, one.type)]


class Both(Later):
    """Prefers direct values, but knows those of the whole life as well."""

    def signals(self, zone: str, start: datetime, end: datetime, *, of_type=None) -> Sequence[Signal]:
        self.words["basis"] = "lifecycle" if of_type and of_type[1] == "lifecycle" else "direct"
        return super().signals(zone, start, end, of_type=of_type)


class Cut(Later):
    """Ends where it was asked to, as a chain does."""

    def signals(self, zone: str, start: datetime, end: datetime, *, of_type=None) -> Sequence[Signal]:
        found = super().signals(zone, start, end, of_type=of_type)
        return [replace(one, end=min(one.end, end)) for one in found]


class Down(Later):
    def signals(self, zone: str, start: datetime, end: datetime, *, of_type=None) -> Sequence[Signal]:
        raise FactorError("no answer")


def measured(number=1, zone="DE", signals=None, hours=HOURS, **changes) -> Bundle:
    """A run as it is filed when it ends: with energy by hour and the bundled intensities, or others."""
    environment = {"settings": {"zone": zone}, ENERGY_BY_HOUR: [[a.isoformat(), b.isoformat(), j] for a, b, j in hours]}
    words = {"started_at": BEGIN, "ended_at": BEGIN + 2 * HOUR, "duration_s": 7_200.0, "environment": environment}
    run = replace(small_bundle(number).run, **{**words, **changes})
    energy = total_energy(run.id, 4 * KWH)
    work = carbon.Work(
        run_id=run.id,
        energy=energy,
        started_at=run.started_at,
        ended_at=run.ended_at,
        duration_s=run.duration_s,
        energy_by_interval=hours or None,
    )
    found = carbon.account(work, Settings(zone=zone, pue=1.0), intervals=signals)
    return Bundle(run=run, measurements=(energy,), calculations=found.calculations, factors=found.factors)


@pytest.fixture
def store(tmp_path):
    with ledger.open(empty_ledger(tmp_path / "ledger.db")) as opened:
        yield opened


def backfilled(store, chain, **words):
    return list(backfill_in(store, Settings(), chain=chain, now=NOW, **words))


def operational_g(store, run_id):
    return carbon.filed_operational(store.bundle(run_id)).figure.value


def test_emissions_become_those_of_the_hours_themselves(store):
    bundle = measured()
    store.append(bundle)
    [found] = backfilled(store, Later(100.0, 200.0))

    assert (found.changed, found.status_before, found.status_after) == (True, "climatology", "measured")
    assert operational_g(store, bundle.run.id) == pytest.approx(100 + 3 * 200)
    assert found.after.value == pytest.approx(700)
    assert found.before == carbon.filed_operational(bundle).figure
    emissions = store.runs().rows[0].emissions
    embodied = next(one.figure.value for one in bundle.calculations if one.name == "embodied_g")
    assert emissions.value == pytest.approx(700 + embodied)
    assert store.verify().ok


def test_a_second_call_files_nothing(store):
    store.append(measured())
    backfilled(store, Later(100.0, 200.0))
    head = store.verify().head
    [found] = backfilled(store, Later(100.0, 200.0))

    assert (found.changed, found.why) == (False, "measured already")
    assert store.verify().head == head


def test_what_was_filed_first_is_still_there(store):
    bundle = measured()
    store.append(bundle)
    backfilled(store, Later(100.0, 200.0))
    whole = store.bundle(bundle.run.id, include_superseded=True)

    assert all(one in whole.calculations for one in bundle.calculations)


def test_a_revised_value_is_filed_and_an_older_guess_is_not(store):
    bundle = measured()
    store.append(bundle)
    backfilled(store, Later(100.0, 200.0))

    assert not backfilled(store, Later(90.0, 90.0, status="estimated"))[0].changed
    assert not backfilled(store, Later(90.0, 90.0, source="another"))[0].changed
    assert backfilled(store, Later(100.0, 220.0))[0].changed
    assert operational_g(store, bundle.run.id) == pytest.approx(100 + 3 * 220)
    assert not backfilled(store, Later(100.0, 220.0))[0].changed
    assert store.verify().ok


def test_unlike_types_take_each_others_place_only_if_asked(store):
    bundle = measured()
    store.append(bundle)
    [refused] = backfilled(store, Later(100.0, 200.0, basis="direct"))

    assert not refused.changed
    assert "can't be compared" in refused.why
    assert backfilled(store, Later(100.0, 200.0, basis="direct"), change_type=True)[0].changed
    assert operational_g(store, bundle.run.id) == pytest.approx(700)


def test_of_a_source_with_several_types_the_filed_one_is_taken(store):
    run_id = decided(store)
    [found] = backfilled(store, Both(*REAL))

    assert (found.changed, found.decisions, found.why) == (True, 1, "")
    assert operational_g(store, run_id) == pytest.approx(4 * 150)
    assert store.decisions(run_id)[0].details["type"][1] == "lifecycle"
    assert backfilled(store, Both(*REAL))[0].decisions == 0


def test_consumption_takes_the_place_of_production_and_says_so(store):
    store.append(measured())
    [found] = backfilled(store, Later(100.0, 200.0, scope="consumption"))

    assert found.changed
    assert found.why == "now average/lifecycle/consumption, before average/lifecycle/production"


def test_a_source_that_is_down_changes_nothing_and_stops_nothing(store):
    store.append_many([measured(1), measured(2)])
    found = backfilled(store, Down())

    assert [one.changed for one in found] == [False, False]
    assert {one.why for one in found} == {"no answer"}


def test_one_run_all_runs_and_runs_since(store):
    first = measured(1)
    second = measured(2, started_at=BEGIN + HOUR, hours=HOURS[1:])
    store.append_many([first, second])

    assert [one.run_id for one in backfilled(store, Later(), run="run-1")] == [first.run.id]
    assert [one.run_id for one in backfilled(store, Later(), since=BEGIN + HOUR)] == [second.run.id]
    assert len(backfilled(store, Later())) == 2
    with pytest.raises(NotFound):
        backfilled(store, Later(), run="nothing of that name")


def test_runs_of_which_too_little_is_known_say_so(store):
    world = measured(1, zone="")
    bare = small_bundle(2, energy_j=None, emissions_g=None)
    gone = measured(3, environment={"settings": {"zone": "Atlantis"}})
    store.append_many([world, bare, gone])
    told = {one.name: one.why for one in backfilled(store, Later(1.0, 1.0))}

    assert "where it ran is not known" in told["run-1"]
    assert "no location-based emissions" in told["run-2"]
    assert "Atlantis" in told["run-3"]


# Where the energy of each hour comes from


def test_the_hours_that_were_filed_are_taken(store):
    store.append(measured())

    assert energy_by_interval(store.bundle(measured().run.id), store) == (HOURS, "")


def test_without_them_the_power_trace_tells(store):
    bundle = measured(environment={})
    powers = {"t_s": [1_800.0, 3_600.0, 7_200.0], "mine_w": [float("nan"), 1_000.0, 1_500.0]}
    store.append(replace(bundle, traces=(write_trace(bundle.run.id, powers, store.trace_folder),)))
    found, note = energy_by_interval(store.bundle(bundle.run.id), store)

    assert note == ""
    assert [(start, end) for start, end, _ in found] == [
        (BEGIN + HOUR / 2, BEGIN + HOUR),
        (BEGIN + HOUR, BEGIN + 2 * HOUR),
    ]
    assert [energy_j for *_, energy_j in found] == pytest.approx([4 * KWH * 0.25, 4 * KWH * 0.75])


def test_without_both_it_counts_as_even_and_says_so(store):
    bundle = measured(environment={})
    store.append(bundle)
    found, note = energy_by_interval(store.bundle(bundle.run.id), store)

    assert found == [(BEGIN, BEGIN + 2 * HOUR, pytest.approx(4 * KWH))]
    assert "even" in note
    assert backfilled(store, Later(100.0, 200.0))[0].why == note
    assert energy_by_interval(small_bundle(2, energy_j=None), store) == ([], "")


def test_the_zone_is_that_of_the_day():
    assert zone_of(measured(zone="aws:eu-north-1"), Settings(zone="FR")) == "SE"
    assert zone_of(measured(environment={}), Settings(zone="FR")) == "DE"
    assert zone_of(measured(zone="", environment={}), Settings(zone="FR")) == "FR"
    assert zone_of(measured(zone="", environment={}), Settings()) == ""


# Savings


def decided(store, hour=3, status="climatology", until=8, now=BEGIN + timedelta(hours=12)):
    """A run that waited for `hour` hours, decided on typical hours."""
    segment = Segment(region="DE", start=BEGIN + hour * HOUR, end=BEGIN + (hour + 2) * HOUR)
    pieces = [(segment.start + n * HOUR, segment.start + (n + 1) * HOUR, KWH) for n in range(2)]
    bundle = measured(started_at=segment.start, ended_at=segment.end, hours=pieces)
    job = small_job(release=BEGIN, deadline=BEGIN + 8 * HOUR)
    plan = small_plan(job=job, created_at=BEGIN)
    typical = hourly("DE", *[300.0] * until, start=BEGIN, status=status, grade="shape", scope="production")
    store.append(bundle)
    store.append_plan(plan)
    store.append_decision(schedule.decide(plan, bundle.run.id, pieces, [segment], {"DE": typical}, decided_at=now))
    return bundle.run.id


REAL = (500.0, 450.0, 400.0, 200.0, 100.0, 150.0, 300.0, 350.0)


def test_a_saving_on_typical_hours_becomes_a_real_one(store):
    run_id = decided(store)
    [before] = store.decisions(run_id)
    [found] = backfilled(store, Later(*REAL))
    [after] = store.decisions(run_id)

    assert before.saved.value == 0
    assert (found.changed, found.decisions) == (True, 1)
    assert (after.realised.value, after.counterfactual.value) == (300, 950)
    assert (after.supersedes, after.segments) == (before.id, before.segments)
    assert after.oracle.value == pytest.approx(250)
    assert after.details["typical_share"] == 0
    assert after.details["notices"] == ["told"]
    assert backfilled(store, Later(*REAL))[0].decisions == 0
    assert schedule.sum_savings(store.decisions()).count == 1
    assert store.verify().ok


def test_a_saving_by_contract_stays_as_it_was(store):
    """The job moved from a contract of 50 g/kWh to one of 20; better hours change what is location-based only."""
    segment = Segment(region="FR", start=BEGIN, end=BEGIN + 2 * HOUR)
    bundle = measured(zone="FR", hours=HOURS)
    plan = small_plan(job=small_job(release=BEGIN, deadline=BEGIN + 8 * HOUR, regions=("FR",)), created_at=BEGIN)
    words = {"start": BEGIN, "status": "climatology", "grade": "shape", "scope": "production"}
    typical = {zone: hourly(zone, *[value] * 8, **words) for zone, value in (("DE", 300.0), ("FR", 60.0))}
    market = {zone: exact(value, "g/kWh", REPORTED, "contract") for zone, value in (("DE", 50.0), ("FR", 20.0))}
    terms = schedule.Terms(market=market)
    store.append(bundle)
    store.append_plan(plan)
    store.append_decision(
        schedule.decide(plan, bundle.run.id, HOURS, [segment], typical, terms, decided_at=BEGIN + 12 * HOUR)
    )
    [before] = store.decisions()
    assert backfilled(store, Later(*REAL))[0].decisions == 1
    [after] = store.decisions()

    assert (before.market_saved.value, before.saved.value) == (pytest.approx(4 * 30), pytest.approx(4 * 240))
    assert after.market_saved == before.market_saved
    assert (after.supersedes, after.realised.value) == (before.id, pytest.approx(500 + 3 * 450))
    summed = schedule.sum_savings(store.decisions(include_superseded=True))
    assert (summed.count, summed.market_saved.value) == (1, pytest.approx(4 * 30))


def test_two_backfills_at_once_count_a_job_once(store):
    """The other one files its decision after this one has read the old one."""
    run_id = decided(store)

    class Meanwhile(Later):
        def signals(self, zone: str, start: datetime, end: datetime, *, of_type=None) -> Sequence[Signal]:
            if len(self.asked) == 1:
                assert backfilled(store, Later(*REAL))[0].decisions == 1
            return super().signals(zone, start, end, of_type=of_type)

    assert backfilled(store, Meanwhile(*REAL))[0].decisions == 1
    assert len(store.decisions(run_id)) == len(store.decisions()) == 1
    assert len(store.decisions(run_id, include_superseded=True)) == 3
    assert schedule.sum_savings(store.decisions()).saved.value == 650
    assert backfilled(store, Later(*REAL))[0].decisions == 0
    assert len(store.decisions()) == 1


def test_hindsight_grows_once_the_deadline_has_passed(store):
    """The day's cleanest hours came after the job was done."""
    real = (*REAL[:5], 10.0, 10.0, 10.0)
    segment_end = BEGIN + 5 * HOUR
    run_id = decided(store, status="measured", until=5, now=segment_end)
    [before] = store.decisions(run_id)
    backfilled(store, Later(*real))
    [after] = store.decisions(run_id)

    assert before.details["hindsight_until"] == segment_end.isoformat()
    assert after.details["hindsight_until"] == (BEGIN + 8 * HOUR).isoformat()
    assert after.oracle.value == pytest.approx(20)
    assert backfilled(store, Later(*real))[0].decisions == 0


@pytest.mark.parametrize("hours", [5.5, 6.25, 7.9, 9.0])
def test_a_second_backfill_right_away_files_nothing_at_all(store, hours):
    """Neither emissions nor savings, though the deadline is still to come and each second tells more of its window."""
    decided(store, now=BEGIN + timedelta(hours=5.1), until=6)
    now = BEGIN + timedelta(hours=hours)
    list(backfill_in(store, Settings(), chain=Cut(*REAL), now=now))
    head = store.verify().head
    [found] = backfill_in(store, Settings(), chain=Cut(*REAL), now=now + timedelta(seconds=59))

    assert (found.changed, found.decisions) == (False, 0)
    assert store.verify().head == head


def test_savings_stand_if_nothing_better_is_known(store):
    run_id = decided(store, status="measured")
    before = store.decisions(run_id)

    assert backfilled(store, Later(*REAL, status="estimated"))[0].decisions == 0
    assert backfilled(store, Later(*REAL[:4]))[0].decisions == 0
    assert backfilled(store, Down())[0].decisions == 0
    assert store.decisions(run_id) == before
