"""Options become settings and a job: each flag its setting, --set any other, tags in pairs."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from joulewise.app.cli.lazy import LazyGroup
from joulewise.app.cli.options import job_from, job_options, setting_options, settings_from
from joulewise.core.errors import OutOfRange, UsageError


def taken(*arguments):
    """The settings and the job that a command with all options gets."""
    seen = {}

    @click.command()
    @job_options
    @setting_options("zone", "detect_cloud", "pue", "price_per_kwh", "meters")
    def command(**options):
        seen["job"] = job_from(options)
        seen["settings"] = settings_from(options)
        seen["left"] = options

    result = CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False)
    assert result.exit_code == 0
    return seen


def test_flags_are_settings_and_say_so():
    seen = taken("--zone", "DE", "--pue", "1.2", "--price", "0.31", "--meters", "rapl, nvidia", "--set", "tick-s=2")

    assert (seen["settings"].zone, seen["settings"].pue, seen["settings"].tick_s) == ("DE", 1.2, 2.0)
    assert seen["settings"].price_per_kwh == 0.31
    assert seen["settings"].meters == ("rapl", "nvidia")
    assert seen["settings"].origins["zone"] == "flag"
    assert seen["left"] == {}


def test_an_unset_flag_changes_nothing():
    origins = taken()["settings"].origins

    assert (origins["zone"], origins["detect_cloud"]) == ("default", "default")


def test_consent_is_a_flag_without_a_value():
    assert taken("--detect-cloud")["settings"].detect_cloud is True


def test_a_job_has_tags_and_a_unit():
    job = taken("--name", "n", "--tag", "a=b=c", "--tag", "empty=", "--unit", "epoch", "--unit-count", "3")["job"]

    assert job == {
        "name": "n",
        "kind": "train",
        "unit": "epoch",
        "unit_count": 3.0,
        "seed": None,
        "tags": {"a": "b=c", "empty": ""},
    }


@pytest.mark.parametrize("arguments", [("--tag", "x"), ("--tag", "=x"), ("--set", "x")])
def test_half_a_pair_is_refused(arguments):
    with pytest.raises(UsageError, match="KEY=VALUE"):
        taken(*arguments)


def test_a_setting_out_of_range_is_refused():
    with pytest.raises(OutOfRange):
        taken("--pue", "0.5")


def test_a_group_loads_only_what_is_called():
    group = LazyGroup("g", places={"absent": ("joulewise.no_such_module:x", "Is not loaded for help.")})
    result = CliRunner().invoke(group, ["--help"])

    assert result.exit_code == 0
    assert "Is not loaded for help." in result.output
