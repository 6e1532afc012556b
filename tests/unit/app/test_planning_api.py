"""Planning from the ledger and the settings: past runs give power and duration, home comes from the settings."""

from __future__ import annotations

import pytest

from joulewise import api
from joulewise.api import planning
from joulewise.core.errors import FactorError, NotFound, UsageError
from joulewise.core.settings import Settings
from joulewise.schedule import Request
from joulewise.testing.ledgers import empty_ledger, small_bundle
from joulewise.testing.plans import FIRST, HOUR, hourly


class Chain:
    """Cleaner every hour."""

    def forecast(self, zone, start, end, now=None, *, kind="average"):
        return hourly(zone, *[500 - 15 * number for number in range(30)], start=FIRST, band=0.02, status="forecast")


@pytest.fixture
def settings(tmp_path):
    found = Settings(ledger=empty_ledger(tmp_path / "ledger.db"), spool=str(tmp_path / "spool"), zone="DE", pue=1.0)
    with api.open_ledger(found) as ledger:
        for number, duration_s in enumerate((3_600.0, 7_200.0, 10_800.0), start=1):
            ledger.append(small_bundle(number, energy_j=duration_s * 100, name="train", duration_s=duration_s))
        ledger.append(small_bundle(9, energy_j=900.0, name="train-more", duration_s=9.0))
        ledger.append(small_bundle(10, energy_j=None, name="unmetered"))
    return found


def planned(settings, **wanted):
    return planning.plan(Request(**wanted), settings, now=FIRST, chain=Chain()).plan


def test_a_past_run_gives_power_and_duration(settings):
    plan = planned(settings, run="train")
    assert (plan.job.duration_s, plan.job.energy_j, plan.job.name) == (10_800.0, 1_080_000.0, "train")
    assert plan.job.profile_run_id is not None
    assert plan.chosen == "best-start"


def test_a_quantile_is_of_the_runs_of_exactly_that_name(settings):
    job = planned(settings, run="train", quantile=0.5).job
    assert (job.duration_s, job.energy_j) == (7_200.0, 720_000.0)
    assert planned(settings, run="train", quantile=0.9).job.duration_s == pytest.approx(10_080.0)


def test_what_is_given_goes_before_the_run(settings):
    job = planned(settings, run="train", duration_s=1_800.0, power_w=50.0, quantile=0.9).job
    assert (job.duration_s, job.energy_j) == (1_800.0, 90_000.0)


def test_figures_alone_need_no_ledger(tmp_path):
    settings = Settings(ledger=str(tmp_path / "none" / "ledger.db"), zone="DE")
    assert planned(settings, duration_s=3_600.0, energy_j=3.6e6).job.energy_j == 3.6e6
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        ({"run": "nobody"}, NotFound, "--duration 6h --power 250W"),
        ({"run": "unmetered"}, ArithmeticError, "no measured energy"),
        ({"quantile": 0.9, "duration_s": 60.0, "power_w": 1.0}, UsageError, "which runs"),
        ({"duration_s": 60.0, "power_w": 1.0, "regions": ("nowhere",)}, FactorError, "unknown zone"),
    ],
)
def test_what_can_not_be_is_told(settings, wanted, error, words):
    with pytest.raises(error, match=words):
        planned(settings, **wanted)


def test_home_must_be_known():
    with pytest.raises(UsageError, match="--zone DE"):
        planned(Settings(), duration_s=60.0, power_w=1.0)


def test_a_cloud_region_is_home_by_its_full_name(settings):
    job = planned(Settings(zone="eu-north-1"), duration_s=3_600.0, power_w=100.0, regions=("DE",)).job
    assert (job.home, job.regions) == ("aws:eu-north-1", ("DE",))


def test_the_public_function_plans_on_what_is_bundled():
    found = api.plan(Settings(zone="DE"), duration_s=3_600.0, power_w=100.0, within_s=12 * 3_600.0)
    assert found.plan.job.deadline - found.plan.job.release == 12 * HOUR
    assert found.plan.options[0].emissions.value > 0
