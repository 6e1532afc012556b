"""Whole searches over a played model: whatever a candidate does, the search ends with a proof or with the reasons."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from joulewise.compare.floors import floor_of
from joulewise.compare.rows import overlap
from joulewise.core.errors import DataError, ModelError, UsageError
from joulewise.shrink import Request, shrink
from joulewise.shrink.dealing import deal
from joulewise.shrink.workplace import workplace
from joulewise.testing.played_shrink import NoMeter, played_model, played_rows

BUDGET_S = 60.0
"""More than a search takes, however busy the machine: none of these ends by the clock."""


def asked(*transforms: str, floors=("accuracy>=-2pt",), **more) -> Request:
    return Request(
        floors=tuple(map(floor_of, floors)),
        transforms=transforms,
        **{"time_budget_s": BUDGET_S, "finalists": 3, "block_s": 0.1, **more},
    )


def searched(folder: Path, request: Request, rows: int = 360, **more):
    session = NoMeter()
    found = shrink(played_model(folder), played_rows(rows), request, session, folder / "work", **more)
    return found.with_energy(session.result)


def test_the_cheapest_wins_on_rows_that_nobody_used_and_every_failure_has_its_reason(played):
    told = []
    found = searched(
        played,
        asked("faster", "liar", "slower", "garbage", "raises", "breaks", "chokes", batches=(1, 8)),
        progress=told.append,
    )

    assert found.winner is not None
    assert found.winner.name == "faster work_s=0.0001 · played"
    assert found.winner.energy_ratio is None
    assert found.winner.cpu_ratios[1].high < 0.3
    assert found.way == ("original", found.winner.name)
    seen = {one.deployment.name: one.reason for one in found.exploration.seen[1:]}
    assert "accuracy>=-2pt can't hold" in seen["liar · played"]
    assert "SIGKILL" in seen["breaks act=kill · played"]
    assert "does not load" in seen["breaks act=no-load · played"]
    unmade = {one.move.transform: one.reason for one in found.exploration.unmade}
    assert set(unmade) == {"garbage", "raises"}
    assert all(unmade.values())
    assert "can't read that" in found.silent["chokes"]
    counts = found.counts
    assert counts.pop("tried") == sum(counts.values()) == 8
    assert {one.stage for one in told} >= {"baseline", "search", "proof"}
    assert told[-1].share <= 1

    dealt = found.dealt
    assert overlap(dealt.screening, dealt.proof).size == overlap(dealt.calibration, dealt.proof).size == 0
    assert found.winner.change.n == len(dealt.proof)


def test_no_candidate_that_helps_is_no_winner(played):
    found = searched(played, asked("slower", "liar"))

    assert found.winner is None
    assert found.way == ()
    assert "does not surely cost less" in found.proofs[0].verdict


def test_no_transform_at_all_is_no_winner(played):
    found = searched(played, asked())

    assert found.winner is None
    assert found.proofs == ()


def test_time_is_kept_where_candidates_hang(played):
    begun = time.monotonic()
    found = searched(played, asked("faster", "hangs", "sleeps", time_budget_s=10.0))

    assert time.monotonic() - begun < 1.5 * 10.0 + 5  # the machine may be busy; a hang would take 120 s
    assert found.winner is not None
    assert "hangs" in {one.move.transform for one in found.exploration.unmade}
    slept = next(one for one in found.exploration.seen if one.deployment.name.startswith("sleeps"))
    assert "no answer within" in slept.reason or "time budget" in slept.reason


def test_one_that_eats_memory_when_it_runs_is_stopped(played):
    artifact = played_model(played, act="hog")
    with pytest.raises(ModelError, match="more than 400 MB"):
        shrink(artifact, played_rows(), asked("faster", memory_bytes=400_000_000, floors=("accuracy>=-5pt",)),
               NoMeter(), played / "work")  # fmt: skip


def test_a_second_search_takes_over_what_was_made(played):
    first = searched(played, asked("faster"))
    second = searched(played, asked("faster"))

    assert len((played / "log").read_text().splitlines()) == 2, "two settings, each made once"
    assert second.winner.name == first.winner.name
    assert second.dealt.proof.sha256 == first.dealt.proof.sha256


def test_other_calibration_rows_take_over_nothing(played):
    """A candidate that was calibrated on rows that judge now would be judged by what it has seen."""
    rows, model = played_rows(600), played_model(played)
    folders = []
    for wanted in (0, 470):  # two floors deal differently
        with workplace(played, model, deal(rows, 0, wanted=wanted), None, 0) as folder:
            folders.append(folder)

    assert len(set(folders)) == 2


def test_two_searches_do_not_tear_one_folder(played):
    dealt, model = deal(played_rows(360), 0), played_model(played)
    with (
        workplace(played, model, dealt, None, 0),
        pytest.raises(UsageError, match="another search"),
        workplace(played, model, dealt, None, 0),
    ):
        pass


def test_too_few_rows_are_told_before_anything_runs(played):
    session = NoMeter()
    with pytest.raises(DataError, match=r"200 rows are too few to prove accuracy>=-0\.5pt"):
        shrink(played_model(played), played_rows(200), asked("faster", floors=()), session, played / "work")

    assert session.phases == []
    assert not (played / "work").exists()


def test_a_model_that_is_below_the_floor_itself_is_told(played):
    rows = played_rows(900)
    wrong = replace(rows, target=1 - rows.target, _digest=[])
    with pytest.raises(ModelError, match=r"does not keep accuracy>=0\.9"):
        shrink(played_model(played), wrong, asked("faster", floors=("accuracy>=0.9",)), NoMeter(), played / "work")


def test_a_model_that_does_not_run_is_told(played):
    artifact = played_model(played, act="no-load")
    with pytest.raises(ModelError, match=r"the model itself does not run.*does not load"):
        shrink(artifact, played_rows(), asked("faster", floors=("accuracy>=-5pt",)), NoMeter(), played / "work")


def test_halving_without_a_meter_goes_by_cpu_time_and_asks_once(played):
    session = NoMeter()
    request = asked("faster", "slower", finalists=1)
    found = shrink(played_model(played), played_rows(360), request, session, played / "work")

    assert 1 <= session.asked <= 2
    found = found.with_energy(session.result)
    assert [one.name for one in found.proofs] == ["faster work_s=0.0001 · played"]
    assert any("CPU time" in reason for _, reason in found.lost)


def test_a_latency_floor_discards_at_once(played):
    found = searched(played, asked("slower", floors=("accuracy>=-2pt", "latency_p99<=900us")))
    slow = next(one for one in found.exploration.seen if one.deployment.name.startswith("slower"))

    assert "latency_p99<=900us can't hold" in slow.reason


@pytest.mark.parametrize("floors", [("accuracy>=-2pt", "latency_p99<=50ms"), ("accuracy>=-2pt",)])
def test_more_threads_are_tried_for_finalists_if_a_floor_asks_for_latency(played, floors):
    found = searched(played, asked("faster", floors=floors, threads=(1, 2), finalists=1))

    threads = {one.measured.deployment.options.threads for one in found.proofs}
    assert threads == ({1, 2} if len(floors) == 2 else {1})
    assert found.winner.measured.deployment.options.threads == 1
    assert any("threads" in note for note in found.notes) is (len(floors) == 1)
