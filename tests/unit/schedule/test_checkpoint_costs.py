"""What pausing cost a job, out of its own journal of checkpoints: no other clock than its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from joulewise.schedule.checkpoint_costs import costs_of

ZERO = datetime(2026, 3, 2, tzinfo=UTC)


def at(second):
    return ZERO + timedelta(seconds=second)


def event(what, second, **values):
    return {"what": what, "at_s": at(second).timestamp(), **values}


def seconds(stretches):
    return [((start - ZERO).total_seconds(), (end - ZERO).total_seconds()) for start, end in stretches]


def test_a_pause_costs_saving_leaving_starting_and_reading():
    events = [
        event("alive", 50),
        event("saved", 100, took_s=4.0),
        event("stopped", 100, asked_s=10.0),
        event("resumed", 212, took_s=1.0),
        event("alive", 250),
    ]
    found = costs_of(events, [(at(0), at(101)), (at(200), at(300))])

    assert seconds(found.overheads) == [(96, 101), (200, 212)]
    assert found.save_s == pytest.approx((11.0,))  # asked ten seconds before, and a second to leave
    assert found.restore_s == pytest.approx((12.0,))


def test_what_a_kill_lost_is_overhead_from_the_last_save_on():
    events = [event("saved", 60, took_s=1.0), event("alive", 75), event("resumed", 205)]
    found = costs_of(events, [(at(0), at(80)), (at(200), at(300))])

    assert seconds(found.overheads) == [(60, 80), (200, 205)]
    assert found.save_s == ()


def test_a_part_that_saved_nothing_was_done_in_vain():
    events = [
        event("alive", 20),
        event("resumed", 202),
        event("saved", 250),
        event("stopped", 250),
        event("resumed", 402),
    ]
    found = costs_of(events, [(at(0), at(80)), (at(200), at(250)), (at(400), at(500))])

    assert (0, 80) in seconds(found.overheads)


def test_one_part_has_no_pause_and_no_cost():
    found = costs_of([event("saved", 60, took_s=1.0)], [(at(0), at(80))])

    assert (found.overheads, found.save_s, found.restore_s) == ((), (), ())


@pytest.mark.parametrize("events", [[], [event("alive", 20)]])
def test_a_journal_that_tells_of_no_pause_is_no_answer(events):
    assert costs_of(events, [(at(0), at(80)), (at(200), at(250))]) is None


def test_an_event_long_after_a_part_is_not_its_own():
    assert costs_of([event("saved", 170), event("stopped", 170)], [(at(0), at(80)), (at(200), at(250))]) is None
