"""Inferences per joule by model and machine; entries from the ledger's rows; observations by condition."""

from __future__ import annotations

import pytest

from joulewise.compare.devices import Seen, device_table
from joulewise.compare.efficiency import efficiency_of
from joulewise.compare.entering import costs_of, entries_of
from joulewise.compare.fronts import rank
from joulewise.compare.observing import Condition, find
from joulewise.core.errors import NotFound, UsageError
from joulewise.core.figures import MEASURED, Figure, exact
from joulewise.core.records import Host
from joulewise.core.variants import Observation
from joulewise.testing.variants import small_model, small_saving, small_variant


def host(name: str, number: int = 1) -> Host:
    return Host(id=f"{number:026}", name=name, cpu_family="x", cpu_count=2, memory_gb=4.0, virtual=False)


LAPTOP, BOARD = host("laptop"), host("board", 2)


def test_the_best_variant_of_each_model_stands_on_each_machine():
    seen = [
        Seen(host=LAPTOP, model="net", variant=small_variant("r", 1)),
        Seen(host=LAPTOP, model="net", variant=small_variant("r", 2)),
        Seen(host=BOARD, model="net", variant=small_variant("r", 4)),
        Seen(host=BOARD, model="tree", variant=small_variant("r", 3)),
    ]
    table = device_table(seen, baseline="laptop")

    assert (table.hosts, table.models) == (("board", "laptop"), ("net", "tree"))
    assert table.cell("net", "laptop").variant == "variant-2"
    assert table.cell("net", "laptop").rate.value == pytest.approx(2.0)
    assert table.cell("net", "board").ratio.value == pytest.approx(2.0)
    assert table.cell("net", "laptop").ratio is None
    assert table.cell("tree", "laptop").reason == "not run there"
    assert table.cell("tree", "board").ratio is None


def test_across_boundaries_there_is_no_ratio_and_it_is_told():
    seen = [
        Seen(host=LAPTOP, model="net", variant=small_variant("r", 1)),
        Seen(host=BOARD, model="net", variant=small_variant("r", 2), boundary="node"),
    ]
    table = device_table(seen, baseline="laptop")

    assert table.cell("net", "board").ratio is None
    assert "does not cover the same" in table.notices[0]


def test_a_failure_and_another_condition_are_reasons():
    failed = small_variant("r", 1, status="failed", reason="killed: over 64 MiB")
    found = device_table([Seen(host=LAPTOP, model="net", variant=failed)])
    other = device_table([Seen(host=LAPTOP, model="net", variant=small_variant("r", 1))], Condition(batch=32))

    assert found.cell("net", "laptop").reason == "killed: over 64 MiB"
    assert other.cell("net", "laptop").reason == "no energy at batch 32, saturated"


def test_machines_of_one_name_are_told_apart():
    twin = host("laptop", 3)
    table = device_table([Seen(host=one, model="net", variant=small_variant("r", 1)) for one in (LAPTOP, twin)])

    assert table.hosts == ("laptop (000001)", "laptop (000003)")


def test_an_unknown_baseline_or_cell_is_refused():
    with pytest.raises(UsageError, match="no host 'desk'"):
        device_table([Seen(host=LAPTOP, model="net", variant=small_variant("r", 1))], baseline="desk")
    with pytest.raises(NotFound):
        device_table([]).cell("net", "laptop")


def seen_at(value: float, **condition: object) -> Observation:
    return Observation(quantity="energy_j_per_inference", figure=exact(value, "J"), **condition)


def test_the_condition_finds_its_observation():
    seen = [
        seen_at(1.0, batch=1, threads=2, load="saturated"),
        seen_at(2.0, batch=1, threads=1, load="saturated"),
        seen_at(3.0, batch=32, threads=1, load="saturated"),
        seen_at(4.0, batch=1, threads=1, load="20/s"),
    ]

    def value(**condition: object) -> float:
        return find(seen, "energy_j_per_inference", Condition(**condition)).figure.value

    assert value() == 2.0
    assert value(threads=2) == 1.0
    assert value(batch=32) == 3.0
    assert value(load="20/s") == 4.0
    assert value(batch=None, load=None) == 2.0
    assert find(seen, "energy_j_per_inference", Condition(batch=8)) is None
    assert find(seen, "accuracy") is None
    assert Condition(threads=2).text() == "batch 1, 2 threads, saturated"
    assert Condition(batch=None, threads=1, load=None).text() == "1 thread"


def test_entries_have_paired_figures_and_sizes():
    base, new, failed = (
        small_variant("r", 1),
        small_variant("r", 2),
        small_variant("r", 3, status="failed", reason="no"),
    )
    model = small_model()
    found = entries_of(
        [base, new, failed], "accuracy", models={model.id: model}, savings=[small_saving("r")], baseline_id=base.id
    )

    assert [one.name for one in found] == ["variant-1", "variant-2"]
    assert [one.is_baseline for one in found] == [True, False]
    assert found[1].energy_ratio.value == 0.5
    assert found[1].quality_change.value == -0.001
    assert found[1].costs["size_bytes"].value == 1_024
    assert rank(found).front == ("variant-2",)
    assert rank(found).energy_basis == "paired"


def test_variants_of_one_name_are_told_apart():
    found = entries_of([small_variant("r", 1, name="net"), small_variant("r", 2, name="net")], "f1")

    assert len({one.name for one in found}) == 2
    assert {one.quality for one in found} == {None}


def test_a_saving_of_another_metric_gives_no_change():
    base, new = small_variant("r", 1), small_variant("r", 2)
    saving = small_saving("r", metric="f1", quantity="cpu_s_per_inference")
    found = entries_of([base, new], "accuracy", savings=[saving], baseline_id=base.id)

    assert (found[1].quality_change, found[1].energy_ratio) == (None, None)


def test_costs_come_from_the_observations_and_the_card():
    seen = (*small_variant("r", 1).observations, Observation(quantity="throughput_per_s", figure=exact(50.0, "1/s")))
    costs = costs_of(
        small_variant("r", 1, observations=seen), "accuracy", model=small_model(), training_energy=exact(10.0, "J")
    )
    found = {one.key: one.figure for one in efficiency_of(costs)}

    assert costs.power.value == pytest.approx(50.0)
    assert costs.inference_duration.value == pytest.approx(0.02)
    assert found["quality_per_gflop"].value == pytest.approx(90 / 260e-9)
    assert found["break_even_inferences"].value == pytest.approx(10.0)
    assert found["energy_delay"] is None


def test_the_latency_of_delay_products_is_the_mean_and_not_the_median():
    """Joules per stream are joules per call: mean watts x mean latency. A median would make them less."""

    def seen(quantity, value, unit, load="saturated"):
        return Observation(quantity=quantity, figure=exact(value, unit), batch=4, threads=1, load=load)

    energy, median = seen("energy_j_per_inference", 0.5, "J"), seen("latency_s_p50", 0.001, "s")
    variant = small_variant("r", 1, observations=(energy, median, seen("throughput_per_s", 100.0, "1/s")))
    costs = costs_of(variant, "accuracy", condition=Condition(batch=4))
    found = {one.key: one.figure for one in efficiency_of(costs)}

    assert costs.latency.value == pytest.approx(4 / 100)
    assert found["single_stream"].value == pytest.approx(0.5 * 4)
    assert found["energy_delay"].value == pytest.approx(0.5 * 0.04)
    paced = small_variant("r", 1, observations=(energy, median, seen("throughput_per_s", 100.0, "1/s", "5/s")))
    assert costs_of(paced, "accuracy", condition=Condition(batch=4, load="5/s")).latency is None


def test_a_throughput_that_may_be_zero_gives_no_time():
    idle = Observation(quantity="throughput_per_s", figure=Figure(value=1, low=0, high=2, unit="1/s", method=MEASURED))

    assert costs_of(small_variant("r", 1, observations=(idle,)), "accuracy").inference_duration is None
