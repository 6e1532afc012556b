"""An invented comparison, estimate, what-if, device table and shrink for tests: values made up, shapes real."""

from __future__ import annotations

from typing import Any

from joulewise.compare.devices import DeviceTable, Seen, device_table
from joulewise.compare.edge import EdgeVerdict, check_edge
from joulewise.compare.estimating import Estimate, estimate
from joulewise.compare.floors import Entry
from joulewise.compare.four_ms import Changes, Situation, WhatIf, what_if
from joulewise.compare.fronts import rank
from joulewise.compare.observing import Condition
from joulewise.core.figures import MEASURED, MODELLED, Figure, exact
from joulewise.core.records import Host
from joulewise.core.variants import Observation, Variant
from joulewise.report.bench_view import BenchView, bench_view
from joulewise.report.shrink_view import ShrinkStep, ShrinkView
from joulewise.testing.variants import around, small_model, small_saving, small_variant

_ROWS = (
    # name, accuracy, J, ratio to the baseline, change of accuracy
    ("resnet, torch eager", 0.9763, 0.068, None, None),
    ("resnet, ONNX Runtime", 0.9763, 0.0315, 0.463, 0.0),
    ("resnet, INT8 static per channel", 0.9753, 0.0083, 0.122, -0.001),
    ("resnet, half pruned + INT8", 0.9748, 0.0042, 0.0618, -0.0015),
    ("resnet, 70 % pruned + INT8", 0.969, 0.0043, 0.0632, -0.0073),
    ("resnet, INT8 dynamic", 0.9763, 0.036, 0.53, 0.0),
)
FLOORS = ("accuracy>=-0.5pt", "latency_p99<=15ms")


def span(low: float, value: float, high: float, unit: str = "1", method: str = MODELLED) -> Figure:
    """A figure from its three numbers."""
    return Figure(value=value, low=low, high=high, unit=unit, method=method, source="test")


def example_entries(*, paired: bool = True) -> list[Entry]:
    """Six ways to run one small model."""
    return [_entry(*row, paired=paired) for row in _ROWS]


def example_view(floors: tuple[str, ...] = FLOORS, **more: Any) -> BenchView:
    """The six ranked, and one that failed."""
    failed = Variant(
        id="f", run_id="r", model_id="m", name="resnet, 90 % zeros", runtime="onnxruntime", status="failed",
        reason="accuracy fell to 0.41",
    )  # fmt: skip
    ranking = rank(example_entries(), floors)
    return bench_view(ranking, [failed], Condition(), title="Small ResNet on digits", **more)


def crowd(count: int, floors: tuple[str, ...] = ("accuracy>=0.8",)) -> BenchView:
    """Many variants, spread evenly without chance: a full picture."""
    entries = [
        Entry(
            name=f"variant {at} with {1 + at % 4} threads",
            metric="accuracy",
            quality=around(0.7 + 0.29 * ((at * 37) % count) / count, "1", share=0.006),
            costs={"energy_j_per_inference": around(10 ** (-3 + 4.5 * ((at * 23) % count) / count), "J", share=0.3)},
            is_baseline=at == 0,
        )
        for at in range(count)
    ]
    return bench_view(rank(entries, floors), [], Condition(), title=f"{count} variants")


def example_estimate() -> Estimate:
    """Eight A100 for a day in Sweden."""
    return estimate(
        hardware="A100:8",
        hours=24,
        region="eu-north-1",
        pue=span(1.1, 1.2, 1.3),
        intensity=span(20.0, 30.0, 40.0, "g/kWh"),
    )


def example_what_if() -> WhatIf:
    """Smaller model, hungrier machine, better building, cleaner grid."""
    base = Situation(
        energy=span(8e8, 1e9, 1.2e9, "J"), pue=span(1.5, 1.58, 1.67), intensity=span(350, 400, 450, "g/kWh")
    )
    changes = Changes(
        model=span(0.25, 0.3, 0.4),
        machine=span(1.1, 1.2, 1.3),
        pue=exact(1.1, "1"),
        intensity=span(20, 30, 40, "g/kWh"),
    )
    return what_if(base, changes)


def example_energies() -> dict[str, Figure]:
    """Joules per inference of five models; the first two tie."""
    values = {"distilled": 0.9, "small": 1.0, "middling": 2.5, "large": 5.0, "huge": 9.0}
    return {name: around(value, "J", share=0.15) for name, value in values.items()}


def example_devices() -> DeviceTable:
    """Two models on a laptop and a board."""
    laptop, board = (
        Host(id=f"{at:026}", name=name, cpu_family="x", cpu_count=4, memory_gb=8.0, virtual=False)
        for at, name in enumerate(("laptop", "raspberry"), 1)
    )
    seen = (
        Seen(host=laptop, model="resnet", variant=small_variant("r", 1)),
        Seen(host=board, model="resnet", variant=small_variant("r", 2)),
        Seen(host=board, model="trees", variant=small_variant("r", 4)),
    )
    return device_table(seen, baseline="laptop")


def example_edge() -> list[EdgeVerdict]:
    """A variant that fits a Raspberry Pi as far as is known, and one that does not."""
    small = Observation(quantity="memory_bytes_peak", figure=around(180e6, "bytes"))
    large = Observation(quantity="memory_bytes_peak", figure=around(9e9, "bytes"))
    return [
        check_edge("raspberry-pi-4", [small], small_model(), name="half pruned + INT8"),
        check_edge("raspberry-pi-4", [large], small_model(), name="the large one"),
    ]


def example_shrink(**changes: Any) -> ShrinkView:
    """From eager to pruned INT8, with what each step brought."""
    values: dict[str, Any] = {
        "title": "Shrink of resnet.onnx",
        "baseline": small_variant("r", 1, name="resnet, torch eager"),
        "winner": small_variant("r", 2, name="resnet, half pruned + INT8"),
        "saving": small_saving("r", ratio=span(0.058, 0.0618, 0.066)),
        "baseline_cost": span(0.047, 0.068, 0.089, "J"),
        "winner_cost": span(0.0029, 0.0042, 0.0055, "J"),
        "steps": (
            ShrinkStep(label="ONNX Runtime in place of torch eager", ratio=span(0.44, 0.463, 0.48)),
            ShrinkStep(label="half the channels pruned", ratio=span(0.23, 0.25, 0.27)),
            ShrinkStep(label="INT8, static, per channel", ratio=span(0.52, 0.56, 0.6)),
        ),
        "search_energy": span(3_500.0, 5_000.0, 6_500.0, "J"),
        "candidates": {"tried": 42, "discarded": 30, "failed": 3},
        "folder": "resnet-small",
    }
    return ShrinkView(**{**values, **changes})


def _entry(
    name: str, accuracy: float, energy_j: float, ratio: float | None, change: float | None, *, paired: bool
) -> Entry:
    costs = {
        "energy_j_per_inference": around(energy_j, "J", share=0.3, method=MODELLED),
        "cpu_s_per_inference": around(energy_j / 10, "s", share=0.02),
        "latency_s_p50": around(energy_j / 9, "s", share=0.02),
        "latency_s_p99": around(energy_j / 6, "s", share=0.05),
        "throughput_per_s": around(9 / energy_j, "1/s", share=0.03),
        "memory_bytes_peak": around(180e6, "bytes", share=0.01),
        "size_bytes": exact(4.1e6, "bytes"),
    }
    return Entry(
        name=name,
        metric="accuracy",
        quality=around(accuracy, "1", share=0.006),
        costs=costs,
        is_baseline=ratio is None,
        energy_ratio=around(ratio, "1", share=0.04) if ratio and paired else None,
        quality_change=span(change - 0.002, change, change + 0.002, method=MEASURED)
        if change is not None and paired
        else None,
    )
