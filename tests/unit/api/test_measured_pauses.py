"""What earlier runs of a name took to save and restore, for the next plan of that name."""

from __future__ import annotations

import pytest

from joulewise.api import load_settings, open_ledger, plan_request
from joulewise.api.measured_pauses import as_measured
from joulewise.testing.ledgers import empty_ledger, small_bundle


@pytest.fixture
def settings(tmp_path):
    return load_settings(zone="DE", ledger=empty_ledger(tmp_path / "ledger.db"), spool=str(tmp_path / "spool"))


def filed(settings, *tags):
    with open_ledger(settings) as ledger:
        for number, one in enumerate(tags, start=1):
            ledger.append(small_bundle(number, name="train", tags={"task": "local", **one}))


ASKED = plan_request(max_runs=None, save_s=60.0, restore_s=10.0, pauses_as_measured=True)


def test_what_was_measured_goes_before_what_is_assumed(settings):
    filed(settings, {"save_s": "2", "restore_s": "5"}, {"save_s": "4"}, {}, {"save_s": "no number"})
    found, [told] = as_measured(ASKED, "train", settings)

    assert (found.save_s, found.restore_s) == pytest.approx((3.8, 5.0))  # nine of ten took no longer
    assert "3.8 s to save (measured)" in told
    assert "5 s to restore (measured)" in told
    assert "2 earlier runs of train" in told


def test_what_nobody_measured_is_said_to_be_assumed(settings):
    found, [told] = as_measured(ASKED, "other", settings)

    assert (found.save_s, found.restore_s) == (60.0, 10.0)
    assert told.count("(assumed)") == 2


@pytest.mark.parametrize("changes", [{"max_runs": 1}, {"pauses_as_measured": False}])
def test_without_pauses_or_with_figures_of_the_users_own_nothing_is_asked(settings, changes):
    filed(settings, {"save_s": "2"})
    asked = plan_request(**{"max_runs": None, "save_s": 60.0, "pauses_as_measured": True, **changes})

    assert as_measured(asked, "train", settings) == (asked, [])
