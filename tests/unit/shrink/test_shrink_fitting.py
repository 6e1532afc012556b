"""What is measured fits the time that is left, cold starts and answers reckoned with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from joulewise.compare import BenchPlan
from joulewise.core.runtimes import Artifact, Deployment
from joulewise.shrink.fitting import JUDGING_S, LEAST_BLOCK_S, SINGLY, fitted
from joulewise.shrink.memory_limit import spare_bytes
from joulewise.shrink.screening import Screened
from joulewise.shrink.tree import Node


def lane(start_s: float = 1.0, answer_s: float = 0.5, cpu_s: float = 1e-3, batches=(1,)) -> Screened:
    artifact = Artifact(path="/nowhere", format="played")
    return Screened(
        node=Node(artifact=artifact),
        deployment=Deployment(name="one", artifact=artifact, runtime="played"),
        cpu_s=dict.fromkeys(batches, cpu_s),
        start_s=start_s,
        answer_s=answer_s,
    )


def needed_s(lanes, fit, batches, factor):
    """What the measurement will take."""
    plan = fit.plan
    chosen = lanes[: fit.lanes]
    starts_s = sum(JUDGING_S + one.start_s + factor * one.answer_s + SINGLY * one.cpu_s[batches[0]] for one in chosen)
    blocks_s = sum(
        plan.rounds * max(plan.block_s, one.cpu_s[batch] * batch) + plan.warm_up_s
        for one in chosen
        for batch in batches
    )
    return starts_s + blocks_s


@given(
    count=st.integers(2, 12),
    start_s=st.floats(0.3, 6.0),
    cpu_s=st.floats(1e-5, 2e-2),
    left_s=st.floats(5.0, 300.0),
    batches=st.sampled_from([(1,), (1, 32)]),
)
def test_it_fits_or_is_the_least(count, start_s, cpu_s, left_s, batches):
    lanes = [lane(start_s=start_s, cpu_s=cpu_s, batches=batches)] * count
    fit = fitted(
        lanes, BenchPlan(batches=batches, rounds=6, block_s=1.0), left_s, rows_factor=2.0, least=2, least_rounds=3
    )

    assert 2 <= fit.lanes <= count
    assert 3 <= fit.plan.rounds <= 6
    assert fit.plan.block_s >= LEAST_BLOCK_S
    is_least = fit.lanes == 2 and fit.plan.rounds == 3
    assert is_least or needed_s(lanes, fit, batches, 2.0) <= left_s * 1.001


def test_slow_starts_leave_fewer_lanes_and_time_enough_leaves_all():
    lanes = [lane(start_s=5.0)] * 8

    def lanes_in(left_s: float) -> int:
        return fitted(lanes, BenchPlan(batches=(1,)), left_s, rows_factor=1, least=2, least_rounds=3).lanes

    assert lanes_in(600.0) == 8
    assert 2 < lanes_in(40.0) < 8
    assert lanes_in(5.0) == 2


def test_spare_memory_minds_the_container(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 9000000 kB\nMemAvailable: 4000000 kB\n")
    assert spare_bytes(2, tmp_path) == int(0.7 * 4_000_000 * 1024 / 2)

    group = tmp_path / "sys" / "fs" / "cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("1000000000\n")
    (group / "memory.current").write_text("400000000\n")
    assert spare_bytes(1, tmp_path) == int(0.7 * 600_000_000)

    (group / "memory.max").write_text("max\n")
    assert spare_bytes(1, tmp_path) == int(0.7 * 4_000_000 * 1024)


def test_spare_memory_is_unknown_where_the_kernel_does_not_say(tmp_path):
    assert spare_bytes(1, tmp_path) is None
