"""Questions to the ledger about what is not there: told at once, with what is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from joulewise import ledger
from joulewise.api.comparing import compare_runs
from joulewise.api.estimating import estimate
from joulewise.api.machines import condition, devices, edge_checks
from joulewise.compare.observing import Condition
from joulewise.core.errors import NotFound, OutOfRange
from joulewise.core.settings import Settings
from joulewise.core.variants import Observation
from joulewise.testing.bundles import example_bundle
from joulewise.testing.command_line import typed
from joulewise.testing.ledgers import empty_ledger, small_bundle, store_id
from joulewise.testing.variants import around, small_comparison


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    """A ledger with one bench: two variants under one condition, with a latency and a throughput."""
    path = empty_ledger(tmp_path_factory.mktemp("filed") / "runs.db")
    bundle = example_bundle()
    found = small_comparison(bundle.run.id)
    extra = (
        Observation(quantity="latency_s_p99", figure=around(0.004, "s"), batch=1, threads=1, load="saturated"),
        Observation(quantity="memory_bytes_peak", figure=around(5e7, "bytes")),
        Observation(quantity="throughput_per_s", figure=around(2.0, "1/s"), batch=1, threads=1, load="saturated"),
    )
    variants = tuple(
        replace(one, observations=(*one.observations, *extra)) if one.status == "ok" else one for one in found.variants
    )
    with ledger.open(path) as store:
        store.append(bundle)
        store.append_comparison(replace(found, variants=variants))
    return Settings(ledger=path)


@pytest.mark.parametrize(
    ("asked", "said", "hint"),
    [
        ({"metric": "acuracy"}, "nothing was judged by 'acuracy'", "accuracy"),
        ({"baseline": "foo"}, "no variant 'foo'", "variant-1"),
        ({"batch": 77}, "nothing was measured at batch 77, saturated", "batch 1, saturated"),
        ({"load": "30"}, "nothing was measured at batch 1, 30/s", "batch 1, saturated"),
        ({"batch": 1, "threads": 9}, "9 threads", "threads 1"),
        ({"models": "modl-1"}, "nothing to compare", "model-1.onnx"),
    ],
)
def test_what_nobody_measured_is_no_empty_board(settings, asked, said, hint):
    with pytest.raises(NotFound, match=said) as told:
        compare_runs(settings=settings, **asked)

    assert hint in str(told.value.hint)


def test_what_is_there_is_still_found_by_the_start_of_its_name(settings):
    found = compare_runs(settings=settings, batch=1, baseline="variant-1", metric="accuracy")

    assert [row.name for row in found.view.rows][:2] == ["variant-2", "variant-1"]
    assert found.row("variant-1").parameters == 130


def test_a_rate_may_be_a_bare_number():
    assert condition(load="20") == Condition(load="20/s")
    assert condition(load="saturated") == Condition()


def test_devices_tell_the_conditions_and_models_that_there_are(settings):
    with pytest.raises(NotFound, match="batch 7") as told:
        devices(settings=settings, condition=condition(batch=7))
    assert told.value.hint == "batch 1, saturated"
    with pytest.raises(NotFound, match="no model nett"):
        devices("nett", settings=settings)


def test_on_a_machine_that_is_the_device_everything_is_known(settings):
    host = example_bundle().host.name
    there = edge_checks("phone", settings=settings, machine=host, latency_s=0.05, least_inferences=10)
    [first, *_] = there.verdicts

    assert {check.what for check in first.checks} >= {"memory", "storage", "latency p99", "power", "battery"}
    assert all(check.need is not None for check in first.checks if check.what in ("latency p99", "power", "battery"))
    assert first.inferences_per_charge is not None
    assert "Per charge" in str(there.listing().grid.columns)
    assert "--machine" not in there.listing().footer


def test_elsewhere_what_hangs_on_the_device_stays_open_and_says_how_to_close_it(settings):
    away = edge_checks("phone", settings=settings, latency_s=0.05)
    unknown = [check.what for check in away.verdicts[0].checks if check.fits is None]

    assert unknown == ["latency p99", "power"]
    assert away.fitting == ()
    assert "--machine" in away.listing().footer
    assert "Per charge" not in away.listing().grid.columns


def test_a_variant_that_was_benched_again_stands_once(settings):
    with ledger.open(settings.ledger) as store:
        bundle = example_bundle()
        bundle = replace(
            small_bundle(7), run=replace(small_bundle(7).run, host_id=bundle.run.host_id), host=bundle.host
        )
        store.append(bundle)
        again = small_comparison(bundle.run.id)
        ids = [store_id(70 + number) for number in range(2)]
        variants = tuple(replace(one, id=id) for one, id in zip(again.variants[:2], ids, strict=True))
        store.append_comparison(replace(again, variants=variants, savings=()))
    names = [one.variant for one in edge_checks("phone", settings=settings).verdicts]

    assert names == ["variant-1", "variant-2"]


def test_machines_and_limits_that_can_not_be_are_refused(settings):
    with pytest.raises(NotFound, match="no machine 'nowhere'"):
        edge_checks("phone", settings=settings, machine="nowhere")
    with pytest.raises(OutOfRange, match="above zero"):
        edge_checks("phone", settings=settings, latency_s=0.0)


def test_the_limits_of_an_edge_check_on_the_command_line(settings, tmp_path):
    host, environ = example_bundle().host.name, {"JOULEWISE_LEDGER": settings.ledger, "HOME": str(tmp_path)}
    there = typed(
        ("devices", "--edge", "phone", "--machine", host, "--latency-p99", "50ms", "--inferences", "10"),
        folder=tmp_path,
        environ=environ,
    )
    loose = typed(("devices", "--latency-p99", "50ms"), folder=tmp_path, environ=environ)
    mixed = typed(("devices", "--edge", "phone", "--baseline", host), folder=tmp_path, environ=environ)

    assert there.returncode == 0, there.stderr
    assert {"p99", "Power", "Battery"} <= set(there.stdout.split())
    assert "latency p99 50 ms" in " ".join(there.stdout.split())
    assert (loose.returncode, mixed.returncode) == (2, 2)
    assert "limits of an edge check" in loose.stderr
    assert "has no baseline" in mixed.stderr


def test_hours_that_can_not_hold_the_flop_are_refused():
    with pytest.raises(OutOfRange, match="24 h are too few: at its full peak the hardware takes 4,67") as told:
        estimate(settings=Settings(), hardware="A100:8", hours=24, parameters="7B", tokens="1T")

    assert "--hours" in str(told.value.hint)
    assert estimate(settings=Settings(), hardware="A100:8", hours=24_000, parameters="7B", tokens="1T").energy


def test_time_by_the_clock_follows_from_the_flop():
    found = estimate(settings=Settings(), hardware="H100:64", parameters="7B", tokens="1T").estimate
    [clock] = [one for one in found.terms if one.name == "duration"]

    assert clock.figure.value == pytest.approx(found.device_time.value / 64)
    assert not [one for one in estimate(settings=Settings(), hardware="A100:8", hours=1).estimate.terms
                if one.name == "duration"]  # fmt: skip
