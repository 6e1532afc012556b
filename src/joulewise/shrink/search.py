"""Finds the cheapest deployment of a model above its floors, proves it, and says what the search itself took.

generate > discard by the roofline and by answers on screening rows > screen by CPU time > successive halving by
measured energy > paired measurement and quality test on held-out rows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from joulewise.compare import BenchPlan, Limits, Metric, Rows, native_runtime
from joulewise.compare.benching import bench
from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Deployment, Materials, RunOptions
from joulewise.shrink.attempts import earlier_attempts
from joulewise.shrink.dealing import Dealt, deal, proof_rows_wanted, refuse_too_few, save
from joulewise.shrink.exploring import Exploration, Explorer
from joulewise.shrink.fitting import Fitted, fitted
from joulewise.shrink.found import Search
from joulewise.shrink.halving import FIRST_ROUNDS, halve
from joulewise.shrink.keeping import is_lost
from joulewise.shrink.making import Maker
from joulewise.shrink.memory_limit import spare_bytes
from joulewise.shrink.proof import asks_for_latency
from joulewise.shrink.request import Request, quality_floors, settled
from joulewise.shrink.roofline import roof_here
from joulewise.shrink.screening import Screen, Screened
from joulewise.shrink.tree import Grower, Node
from joulewise.shrink.turns import in_turns
from joulewise.shrink.workplace import workplace

BASELINE = "original"
EXPLORING, HALVING, PROVING, MAKING = 0.6, 0.2, 0.2, 0.35
"""Shares of the time budget: exploring ends at 0.6 of it, halving takes 0.2, the proof what is left and at least 0.2.
One candidate may take 0.35 to be made."""
LEAST_MAKING_S = 60.0
"""An export from PyTorch alone takes 20 s on a busy machine."""
SETTLING_S = 2.0
"""What comes after the last measurement: intervals, filing, export."""
ROUNDS, LEAST_ROUNDS = 6, 3
THREADED = 2
"""So many finalists are tried with more threads."""


class Session(Protocol):
    """What a search wants of a measured session."""

    @property
    def run_id(self) -> str: ...

    def phase(self, name: str) -> Any: ...

    @property
    def result(self) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How far a search is, for people: the stage, the share of the time that is used, and the best so far."""

    stage: str
    share: float
    text: str
    best_ratio: float | None = None
    tried: int = 0


def shrink(
    artifact: Artifact,
    rows: Rows,
    request: Request,
    session: Session,
    root: Path,
    *,
    training: Rows | None = None,
    progress: Callable[[Told], None] | None = None,
) -> Search:
    """Search, inside a started session of the caller; then `search.with_energy(session.result)` gives the proofs.

    Below `root` a folder of its own keeps what was made, so that a search that was killed goes on where it was. Raises
    ModelError if the model itself does not run or keep its floors, DataError for rows that don't fit it or are too few,
    UsageError for what can't be asked for, or where the same search runs already.
    """
    begun = time.monotonic()
    request, metric, dealt = prepare(artifact, rows, request, training)
    with workplace(root, artifact, dealt, training, request.seed) as folder:
        earlier = earlier_attempts(folder, session.run_id)
        search = _Search(artifact, (dealt, metric), training, request, session, progress or (lambda told: None), folder)
        found = replace(search.run(), dataset=rows.dataset(), folder=folder, earlier=earlier)
        return replace(found, duration_s=time.monotonic() - begun)


def prepare(
    artifact: Artifact, rows: Rows, request: Request, training: Rows | None = None
) -> tuple[Request, Metric, Dealt]:
    """Everything that can be said before time is spent: the floors and the metric in force, and the rows dealt.

    Raises UsageError, NotFound, DataError with the cure.
    """
    request, metric = settled(request, rows, str(artifact.facts.get("task", "unknown")))
    dealt = deal(rows, request.seed, calibration=training, wanted=proof_rows_wanted(request.floors, metric))
    refuse_too_few(dealt, len(rows), request.floors, metric, calibrated=training is not None)
    return request, metric, dealt


class _Search:
    def __init__(
        self,
        artifact: Artifact,
        judged_by: tuple[Dealt, Metric],
        training: Rows | None,
        request: Request,
        session: Session,
        tell: Callable[[Told], None],
        folder: Path,
    ) -> None:
        self._dealt, self._metric = judged_by
        self._request, self._session = request, session
        self._tell, self._begun, self._folder = tell, time.monotonic(), folder
        self._notes = list(self._dealt.notes)
        files = save(self._dealt, folder / "rows", training, artifact.facts.get("columns", ()))
        self._root = Node(artifact=artifact)
        self._limits = Limits(
            memory_bytes=request.memory_bytes or spare_bytes(), time_limit_s=120.0, start_limit_s=120.0
        )
        self._screen = Screen(
            rows=self._dealt.screening,
            feeds=files["screening"],
            metric=self._metric,
            floors=request.floors,
            batches=request.batches,
            limits=self._limits,
            threads_may_help=len(request.threads) > 1,
            seed=request.seed,
        )
        self._materials = Materials(
            calibration=files["calibration"],
            training=files.get("training"),
            seed=request.seed,
            time_limit_s=max(LEAST_MAKING_S, request.time_budget_s * MAKING),
        )

    def run(self) -> Search:
        baseline = self._baseline()
        grower = Grower(self._materials, self._request.transforms)
        maker = Maker(self._folder / "candidates", self._materials)
        maker.limit_memory(self._request.memory_bytes or spare_bytes(maker.at_once))
        explorer = Explorer(self._request, grower, maker, self._screen, roof_here())
        deadline = self._begun + self._request.time_budget_s * EXPLORING
        start = Exploration(
            baseline=baseline, floors=self._request.floors, proof_rows=len(self._dealt.proof), seen=[baseline]
        )
        found = explorer.explore(start, deadline, self._hear)
        if found.out_of_time:
            self._notes.append("the time budget ended before all candidates were tried: --budget with more tries more")
        self._keep(found)
        finalists, lost = self._halved(found)
        return self._measured(baseline, found, finalists, lost, dict(grower.silent))

    def _baseline(self) -> Screened:
        deployment = Deployment(
            name=BASELINE,
            artifact=self._root.artifact,
            runtime=native_runtime(self._root.artifact),
            options=RunOptions(threads=self._request.threads[0]),
        )
        self._say("baseline", f"{BASELINE}: the model as it is, on {deployment.runtime}")
        try:
            seen = replace(self._screen, floors=()).examine(self._root, deployment, None)
        except ModelError as error:
            told = error.message.removeprefix(f"{BASELINE}: ")
            raise ModelError(f"the model itself does not run: {told}", hint=error.hint or "joulewise bench") from error
        for floor in quality_floors(self._request.floors):
            if not floor.relative and is_lost(floor, seen.quality):
                assert seen.quality is not None
                raise ModelError(
                    f"the model as it is does not keep {floor.text}: {seen.quality.value:.4g} "
                    f"({seen.quality.low:.4g} to {seen.quality.high:.4g}) on {len(self._dealt.screening)} rows",
                    hint=f"a lower floor, or one against the model: {floor.metric}>=-0.5pt",
                )
        return seen

    def _hear(self, found: Exploration, seen: Screened) -> None:
        told = f"{found.cost_of(seen):.3f} of the original's CPU time" if seen.ok else seen.reason
        self._say("search", f"{seen.deployment.name}: {told}", found)

    def _say(self, stage: str, text: str, found: Exploration | None = None) -> None:
        share = self._spent_s() / self._request.time_budget_s
        best = found.best if found is not None else None
        self._tell(
            Told(stage=stage, share=min(1.0, share), text=text, best_ratio=best, tried=len(found.seen) if found else 0)
        )

    def _spent_s(self) -> float:
        return time.monotonic() - self._begun

    def _keep(self, found: Exploration) -> None:
        """Write down what became of each candidate, for people."""
        lines = [
            {"name": one.deployment.name, "cpu_s": one.cpu_s, "reason": one.reason, "key": one.node.key}
            for one in found.seen
        ]
        lines += [{"name": f"{one.parent.name} + {one.move.words}", "reason": one.reason} for one in found.unmade]
        (self._folder / "candidates.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def _halved(self, found: Exploration) -> tuple[list[Screened], list[tuple[str, str]]]:
        """The finalists, best first; why others went."""
        picked, most = self._candidates(found), self._request.finalists
        lost = [(one.deployment.name, "another costs less") for one in found.seen[1:] if one.ok and one not in picked]
        if len(picked) <= most:
            return picked, lost
        budget_s = self._request.time_budget_s
        fit = self._fitted(picked, HALVING * budget_s, self._dealt.screening, most, FIRST_ROUNDS, FIRST_ROUNDS)
        tight = [(one.deployment.name, "no time was left to measure its energy") for one in picked[fit.lanes :]]
        names, behind = halve(
            [one.deployment for one in picked[: fit.lanes]],
            self._dealt.screening,
            fit.plan,
            self._session,
            most,
            self._progress("halving"),
        )
        by_name = {one.deployment.name: one for one in picked}
        kept = with_surest([by_name[one.name] for one in names], picked[: fit.lanes], found.surety)
        left = {one.deployment.name for one in kept}
        return kept, [one for one in (*lost, *tight, *behind) if one[0] not in left]

    def _candidates(self, found: Exploration) -> list[Screened]:
        """Twice as many as there are finalists: those that answer well enough to be proven go first, the cheapest of
        each batch in turns; then a few that are less sure."""
        most = 2 * self._request.finalists
        able = {one.deployment.name: one for one in found.seen[1:] if one.ok}
        costs = {name: one.cpu_s for name, one in able.items()}
        working = [able[name] for name in in_turns(costs, self._request.batches)]
        sure = [one for one in working if found.may_be_proven(one)]
        unsure = [one for one in working if one not in sure]
        first = sure[: max(1, most - min(2, len(unsure)))]
        return with_surest([*first, *unsure[: max(2, most - len(first))]], working, found.surety)

    def _measured(
        self,
        baseline: Screened,
        found: Exploration,
        finalists: list[Screened],
        lost: list[tuple[str, str]],
        silent: dict[str, str],
    ) -> Search:
        """Measure the baseline, the finalists and the steps on the way to the first of them, side by side."""
        between = [one for one in _way(finalists[0], found) if one not in finalists] if finalists else []
        competing = [*finalists, *self._threaded(finalists)]
        wanted = [baseline, *competing, *between]
        left_s = self._request.time_budget_s - self._spent_s() - SETTLING_S
        left_s = max(PROVING * self._request.time_budget_s, left_s)
        fit = self._fitted(wanted, left_s, self._dealt.proof, 2, LEAST_ROUNDS, ROUNDS)
        lanes = wanted[: fit.lanes]
        late = [one for one in competing if one not in lanes]
        self._tell_fit(fit, late)
        progress = self._progress("proof")
        measured = bench([one.deployment for one in lanes], self._dealt.proof, fit.plan, self._session, progress)
        return Search(
            request=self._request,
            metric=self._metric,
            dealt=self._dealt,
            exploration=found,
            lost=(*lost, *((one.deployment.name, "no time was left to prove it") for one in late)),
            measured=tuple(measured),
            between=tuple(one.deployment.name for one in between),
            nodes={one.deployment.name: one.node for one in wanted},
            silent=silent,
            notes=tuple(self._notes),
        )

    def _tell_fit(self, fit: Fitted, late: Sequence[Screened]) -> None:
        if late:
            self._notes.append(f"{len(late)} finalists were not measured, the time was too short: --budget with more")
        if fit.plan.rounds < ROUNDS:
            self._notes.append(f"the time allowed {fit.plan.rounds} rounds, not {ROUNDS}: intervals are wider")

    def _threaded(self, finalists: Sequence[Screened]) -> list[Screened]:
        """The best finalists with more threads, if a floor asks for latency."""
        more = self._request.threads[1:]
        if not more or not finalists:
            return []
        if not asks_for_latency(self._request.floors):
            self._notes.append("more threads cost more and buy latency: they are tried where a floor asks for latency")
            return []
        return [_with_threads(one, threads) for one in finalists[:THREADED] for threads in more]

    def _fitted(
        self, lanes: Sequence[Screened], left_s: float, rows: Rows, least: int, least_rounds: int, rounds: int
    ) -> Fitted:
        plan = BenchPlan(
            batches=self._request.batches,
            rounds=rounds,
            block_s=self._request.block_s,
            cold_starts=1,
            metric=self._metric.name,
            seed=self._request.seed,
            limits=self._limits,
        )
        factor = len(rows) / len(self._dealt.screening)
        return fitted(lanes, plan, left_s, rows_factor=factor, least=least, least_rounds=least_rounds)

    def _progress(self, stage: str) -> Callable[[float, str], None]:
        return lambda share, text: self._say(stage, text)


def _with_threads(one: Screened, threads: int) -> Screened:
    deployment = one.deployment
    options = replace(deployment.options, threads=threads)
    return replace(one, deployment=replace(deployment, name=f"{deployment.name} · {threads} threads", options=options))


def with_surest(kept: list[Screened], picked: Sequence[Screened], surety: Callable[[Screened], Any]) -> list[Screened]:
    """The finalists, the last of them replaced by the candidate that answers most like the original if it is not there:
    cheap ones that turn out not to be proven must not leave the search without a winner."""
    if len(kept) < 2:
        return kept
    surest = min(picked, key=surety)
    return kept if any(one is surest for one in kept) else [*kept[:-1], surest]


def _way(last: Screened, found: Exploration) -> list[Screened]:
    """The best deployment of each node on the way from the original to this one, which is left out."""
    way: list[Screened] = []
    node = last.node.parent
    while node is not None and node.moves:
        here = [one for one in found.seen if one.node.key == node.key and one.ok]
        if here:
            way.append(min(here, key=found.cost_of))
        node = node.parent
    return way[::-1]
