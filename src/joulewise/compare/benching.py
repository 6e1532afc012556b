"""Measures deployments side by side: warm, interleaved A B B A, each block a phase of the caller's measured run.

Workers stay alive between their blocks and sleep. Fresh rows every call. One that fails is told, the others go on.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from joulewise.compare.bench_plan import BenchPlan
from joulewise.compare.blocks import Block, load_text
from joulewise.compare.condition_figures import observations_of, start_figures
from joulewise.compare.judging import agreement_notes, judged
from joulewise.compare.outputs import Prediction, canonical
from joulewise.compare.rows import Rows
from joulewise.compare.warming import warmed
from joulewise.compare.worker import Worker
from joulewise.core.errors import JoulewiseError, OutOfRange
from joulewise.core.figures import Figure, exact
from joulewise.core.runtimes import Deployment
from joulewise.core.variants import Model, Observation

_log = logging.getLogger(__name__)
_phase_numbers = count(1)
IDLE_LEAST_S = 2.0
"""Below that, what is left of the last answer looks like spinning."""
IDLE_SHARE = 0.01
"""A worker that takes more of a CPU than this while nobody asks it spins."""
Progress = Callable[[float, str], None]


class Measuring(Protocol):
    """What a bench wants of a session: phases."""

    def phase(self, name: str) -> AbstractContextManager[Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """One deployment: its figures, the blocks that they rest on, its answers; or why it failed."""

    deployment: Deployment
    observations: tuple[Observation, ...] = ()
    blocks: tuple[Block, ...] = ()
    prediction: Prediction | None = None
    card: Model | None = None
    notes: tuple[str, ...] = ()
    failure: str = ""

    @property
    def ok(self) -> bool:
        return not self.failure


class Stopped(KeyboardInterrupt):
    """Ctrl-C or a signal ended a bench early. `measured` holds what was measured until then: conditions with two rounds
    or more have their figures, in wider intervals; a deployment without any has "not measured: interrupted" as its
    failure.
    """

    def __init__(self, measured: list[Measured]) -> None:
        super().__init__("stopped")
        self.measured = measured


class _Lane:
    """One deployment while it is measured."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.worker: Worker | None = None
        self.blocks: list[Block] = []
        self.cold_starts_s: list[float] = []
        self.peaks_bytes: list[int] = []
        self.notes: list[str] = []
        self.prediction: Prediction | None = None
        self.card: Model | None = None
        self.failure = ""

    def attempt(self, work: Callable[[], None]) -> None:
        """Do it unless it failed before; a failure ends this lane and no other."""
        if self.failure:
            return
        try:
            work()
        except JoulewiseError as error:
            self.failure = str(error)
            _log.info("%s failed: %s", self.deployment.name, error)  # the result tells it, so it is no warning
            self.end()

    def interrupt(self, plan: BenchPlan) -> None:
        """Keep what was measured, and tell what was not."""
        if self.failure:
            return
        told, measured = [], False
        for batch, rate in plan.conditions():
            done = sum(1 for block in self.blocks if (block.batch, block.load) == (batch, load_text(rate)))
            measured |= done > 1
            if done < plan.rounds:
                told.append(f"batch {batch}, {load_text(rate)}: {done} of {plan.rounds} rounds")
        if not measured:
            self.failure = "not measured: interrupted"
        elif told:
            self.notes.append(f"interrupted, {'; '.join(told)}")

    def end(self) -> None:
        if self.worker is not None:
            self.peaks_bytes.append(self.worker.memory_bytes_peak)
            self.worker.close()


def bench(
    deployments: Sequence[Deployment],
    rows: Rows,
    plan: BenchPlan,
    session: Measuring,
    progress: Progress | None = None,
) -> list[Measured]:
    """Measure deployments side by side; one `Measured` for each (and each of `plan.threads`), in order.

    `session` is a started session of the caller: every block is one of its phases. Energy is in its result once it has
    stopped: `attach_energy(measured, session.result)`. `progress` hears the done share (0..1) and what is being done.
    Raises OutOfRange for no deployments or two of one name, Stopped with what was measured for Ctrl-C and for a signal
    that raises SystemExit; what goes wrong with one of them is in its `failure`.
    """
    lanes = [_Lane(one) for one in _with_threads(deployments, plan)]
    names = [lane.deployment.name for lane in lanes]
    if not names or len(set(names)) < len(names):
        raise OutOfRange(f"want deployments of different names, got {names}")
    steps = len(lanes) * (3 + len(list(plan.conditions())) * (plan.rounds + 1))
    report = _counting(progress, steps)
    deadline = time.monotonic() + plan.time_limit_s
    try:
        with tempfile.TemporaryFile() as file, ExitStack() as stack:  # it has no name that could be left behind
            for lane in lanes:
                stack.callback(lane.end)
            feeds_path = rows.save_npz(Path(f"/proc/self/fd/{file.fileno()}"))
            _start(lanes, feeds_path, plan, report)
            for lane in lanes:
                report(f"{lane.deployment.name}: answers for {len(rows)} rows")
                lane.attempt(lambda lane=lane: _answer(lane, rows, plan))  # type: ignore[misc]
            for condition in plan.conditions():
                _condition(lanes, condition, plan, session, (report, deadline))
        for lane in lanes:
            report(f"{lane.deployment.name}: its size and operations")
            if not lane.failure:
                _describe(lane)
    except (KeyboardInterrupt, SystemExit) as error:
        for lane in lanes:
            lane.interrupt(plan)
        raise Stopped([_result(lane, lanes[0], rows, plan) for lane in lanes]) from error
    return [_result(lane, lanes[0], rows, plan) for lane in lanes]


def attach_energy(measured: Sequence[Measured], result: Any, attribution: str = "with_idle_share") -> list[Measured]:
    """The same with the energy of each block, from the session's result (`session.result`, once it has stopped).

    `attribution` is with_idle_share (our share of idle power included), dynamic or machine. Where no meter was read
    there is no energy, and a note says so.
    """
    names = {phase.id: phase.name for phase in result.bundle.phases}
    energies: dict[str, Figure] = {
        names[one.phase_id]: one.figure
        for one in result.bundle.measurements
        if one.quantity == "energy_j"
        and one.component == "total"
        and one.attribution == attribution
        and one.phase_id in names
    }
    return [_with_energy(one, energies) for one in measured]


def _with_energy(measured: Measured, energies: dict[str, Figure]) -> Measured:
    blocks = tuple(replace(block, energy=energies.get(block.phase)) for block in measured.blocks)
    known = {(one.quantity, one.batch, one.threads, one.load) for one in measured.observations}
    added = [
        one
        for one in observations_of(blocks)
        if one.quantity == "energy_j_per_inference" and (one.quantity, one.batch, one.threads, one.load) not in known
    ]
    lacking = sum(1 for block in blocks if block.energy is None)
    note = (f"{lacking} of {len(blocks)} blocks have no energy: no meter was read",) if lacking else ()
    return replace(
        measured,
        blocks=blocks,
        observations=(*measured.observations, *added),
        notes=(*measured.notes, *(one for one in note if one not in measured.notes)),
    )


def _with_threads(deployments: Sequence[Deployment], plan: BenchPlan) -> Iterator[Deployment]:
    for deployment in deployments:
        for threads in plan.threads or (deployment.options.threads,):
            many = len(plan.threads) > 1
            name = f"{deployment.name} · {threads} thread{'s' if threads != 1 else ''}" if many else deployment.name
            yield replace(deployment, name=name, options=replace(deployment.options, threads=threads))


def _counting(progress: Progress | None, steps: int) -> Callable[[str], None]:
    done = count()

    def report(text: str) -> None:
        if progress is not None:
            progress(min(1.0, next(done) / steps), text)

    return report


def _start(lanes: Sequence[_Lane], feeds_path: Path, plan: BenchPlan, report: Callable[[str], None]) -> None:
    """Start every worker `cold_starts` times in turn; the last of each stays."""
    for turn in range(plan.cold_starts):
        for lane in lanes:
            if turn == 0:
                report(f"{lane.deployment.name}: start")

            def start(lane: _Lane = lane, last: bool = turn == plan.cold_starts - 1) -> None:
                worker = Worker(lane.deployment, feeds_path, plan.limits, seed=plan.seed)
                lane.cold_starts_s.append(worker.cold_start_s)
                if last:
                    lane.worker = worker
                else:
                    lane.peaks_bytes.append(worker.memory_bytes_peak)
                    worker.close()

            lane.attempt(start)


def _answer(lane: _Lane, rows: Rows, plan: BenchPlan) -> None:
    """All rows at the largest batch, and some one by one: both must say the same."""
    assert lane.worker is not None
    largest = max(plan.batches, default=32)
    lane.prediction = canonical(lane.worker.predict(0, len(rows), largest), lane.deployment.artifact.facts)
    some = min(len(rows), 64)
    singly = canonical(lane.worker.predict(0, some, 1), lane.deployment.artifact.facts)
    lane.notes += agreement_notes(lane.prediction.take(range(some)), singly, largest)


def _condition(
    lanes: Sequence[_Lane],
    condition: tuple[int, float | None],
    plan: BenchPlan,
    session: Measuring,
    tools: tuple[Callable[[str], None], float],
) -> None:
    report, deadline = tools
    batch, rate = condition
    where = f"batch {batch}, {load_text(rate)}"
    for lane in lanes:
        report(f"{lane.deployment.name}: warm up, {where}")
        lane.attempt(lambda lane=lane: _warm_up(lane, batch, plan))  # type: ignore[misc]
    for index in range(plan.rounds):
        if time.monotonic() > deadline:
            for lane in lanes:
                lane.notes.append(f"{where}: out of time after {index} of {plan.rounds} rounds")
            return
        for lane in lanes if index % 2 == 0 else reversed(lanes):
            report(f"{lane.deployment.name}: {where}, round {index + 1} of {plan.rounds}")
            lane.attempt(
                lambda lane=lane: _block(lane, condition, index, plan, session)  # type: ignore[misc]  # noqa: B023
            )


def _warm_up(lane: _Lane, batch: int, plan: BenchPlan) -> None:
    assert lane.worker is not None
    lane.worker.prepare(batch)
    if not warmed(lane.worker, batch, plan.warm_up_s):
        lane.notes.append(f"batch {batch}: not steady after {plan.warm_up_s:g} s of warming up")


def _block(lane: _Lane, condition: tuple[int, float | None], index: int, plan: BenchPlan, session: Measuring) -> None:
    assert lane.worker is not None
    batch, rate = condition
    name = f"{lane.deployment.name} · batch {batch} · {load_text(rate)} · round {index + 1} · #{next(_phase_numbers)}"
    with session.phase(name):
        block = lane.worker.block(
            batch,
            duration_s=plan.block_s,
            rate_per_s=rate,
            arrivals=plan.arrivals,
            seed=plan.seed + index,  # the same arrivals for all deployments of a round
        )
    lane.blocks.append(replace(block, round=index, phase=name))


def _describe(lane: _Lane) -> None:
    from joulewise.compare.cards import model_card

    try:
        lane.card = model_card(lane.deployment.artifact)
    except JoulewiseError as error:  # it was measured all the same
        lane.notes.append(f"size and operations are unknown: {error.message}")


def _result(lane: _Lane, first: _Lane, rows: Rows, plan: BenchPlan) -> Measured:
    found = [*start_figures(lane.cold_starts_s, lane.peaks_bytes), *observations_of(lane.blocks, plan.seed)]
    worker = lane.worker
    if worker is not None:
        for batch, moved in worker.bytes_moved.items():
            figure = exact(moved / batch, "bytes", source="arrays in and out of the model")
            threads = lane.deployment.options.threads
            found.append(Observation(quantity="bytes_moved_per_inference", figure=figure, batch=batch, threads=threads))
        if worker.idle_wall_s > IDLE_LEAST_S and worker.idle_cpu_s > IDLE_SHARE * worker.idle_wall_s:
            share = worker.idle_cpu_s / worker.idle_wall_s
            lane.notes.append(f"it takes {share:.0%} of a CPU while nobody asks: its threads spin")
    if lane.prediction is not None:
        quality, notes = judged(lane.prediction, rows, plan.metric, first.prediction, plan.seed)
        found += quality
        lane.notes += notes
    for batch in {batch for batch, _ in plan.conditions() if batch > len(rows)}:
        lane.notes.append(f"batch {batch} is more than the {len(rows)} rows: rows come twice in a batch")
    slow = [block for block in lane.blocks if block.unserved]
    if slow:
        loads = ", ".join(dict.fromkeys(block.load for block in slow))
        lane.notes.append(f"can't keep up with {loads}: requests were left unserved")
    return Measured(
        deployment=lane.deployment,
        observations=tuple(found),
        blocks=tuple(lane.blocks),
        prediction=lane.prediction,
        card=lane.card,
        notes=tuple(dict.fromkeys(lane.notes)),
        failure=lane.failure,
    )


__all__ = ["BenchPlan", "Measured", "Measuring", "Stopped", "attach_energy", "bench"]
