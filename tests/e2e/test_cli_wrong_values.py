"""What can't be is refused before anything runs, and the message names the option or the names that there are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from joulewise.testing.command_line import typed

PLAN = ("plan", "--zone", "DE", "--duration", "1h", "--power", "1W")
RUN = ("run", "--zone", "DE")
KNOWN = ("electricitymaps", "entsoe", "uk", "watttime")


def refused(folder: Path, *arguments: str) -> str:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "COLUMNS": "100"}
    done = typed(arguments, folder=folder, environ=environ)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert not (folder / "ran").exists()
    return done.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("grid", "now", "DE"), ()),
        (("grid", "calendar", "DE"), ()),
        (("grid", "zones"), ()),
        (PLAN, ()),
        (RUN, ("--", "touch", "ran")),
        ((*RUN, "--when", "cleanest"), ("--", "touch", "ran")),
        (("submit", "--zone", "DE", "--when", "now"), ("--", "touch", "ran")),
        (("carbon", "backfill", "--all"), ()),
    ],
)
def test_an_unknown_source_of_intensities_is_refused_with_those_that_there_are(tmp_path, before, after):
    told = refused(tmp_path, *before, "--intensity", "nope", *after)

    assert "'nope'" in told
    assert all(name in told for name in KNOWN)


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ((*PLAN, "--power", "-250W"), "--power"),
        ((*PLAN, "--power", "0W"), "--power 250W"),
        ((*PLAN, "--duration", "-1h"), "--duration"),
        ((*PLAN, "--duration", "0h"), "--duration 6h"),
        (("plan", "--zone", "DE", "--duration", "1h", "--energy", "0kWh"), "--energy 5kWh"),
        ((*PLAN, "--within", "-1h"), "--within"),
        ((*PLAN, "--save", "-5s"), "--save"),
        ((*PLAN, "--restore", "-5s"), "--restore"),
        ((*PLAN, "--idle-power", "-5W"), "--idle-power"),
        ((*PLAN, "--data", "-5GB"), "--data"),
        ((*PLAN, "--egress", "nan"), "--egress 0.02"),
        ((*PLAN, "--price", "DE=inf"), "--price"),
        ((*PLAN, "--speedup", "1,-2"), "--speedup"),
        ((*PLAN, "--speedup", ""), "--speedup 1,1.9,2.7"),
        ((*PLAN, "--egress", "-1"), "--egress 0.02"),
        ((*PLAN, "--currency", "ZZZZ"), "three capital letters"),
        ((*PLAN, "--release", "2020-01-01"), "a later --release"),
        ((*PLAN, "--power", "2000MW"), "1 GW"),
        ((*PLAN, "--pue", "0.5"), "--pue must be a finite number >= 1"),
        ((*PLAN, "--pue", "low"), "--pue can't be 'low'"),
        ((*RUN, "--price", "-3", "--", "touch", "ran"), "--price must be"),
        ((*RUN, "--market", "-3", "--", "touch", "ran"), "--market must be"),
        ((*RUN, "--when", "now", "--power", "-2W", "--", "touch", "ran"), "--power"),
        (("submit", "--zone", "DE", "--duration", "-2h", "--", "touch", "ran"), "--duration"),
        ((*RUN, "--save", "5s", "--", "touch", "ran"), "--save goes with --when"),
        ((*RUN, "--pause", "--", "touch", "ran"), "--pause goes with --when"),
    ],
)
def test_a_wrong_amount_names_its_option(tmp_path, arguments, option):
    assert option in refused(tmp_path, *arguments)


def test_a_wrong_setting_that_no_option_gave_keeps_its_name(tmp_path):
    assert "pue must be" in refused(tmp_path, *PLAN, "--set", "pue=0.5")
    assert "--pue" not in refused(tmp_path, *PLAN, "--set", "pue=0.5")
