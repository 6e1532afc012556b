"""Finds the cheapest deployment of a model above its floors, proves it, and says what the search itself took.

generate > discard by the roofline and by answers on screening rows > screen by CPU time > successive halving by
measured energy > paired measurement and quality test on held-out rows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from joulewise.compare import BenchPlan, Limits, Measured, Metric, Rows, native_runtime
from joulewise.compare.benching import attach_energy, bench
from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Deployment, Materials, RunOptions
from joulewise.core.variants import Dataset
from joulewise.shrink.exploring import Exploration, Explorer
from joulewise.shrink.halving import halve
from joulewise.shrink.making import Maker
from joulewise.shrink.proof import Proof, cheapest, default_metric, prove
from joulewise.shrink.request import Dealt, Request, deal, proof_rows_wanted, save
from joulewise.shrink.roofline import roof_here
from joulewise.shrink.screening import Screen, Screened, may_be_proven
from joulewise.shrink.tree import Grower, Node

BASELINE = "original"
EXPLORING, HALVING = 0.6, 0.2
"""Shares of the time budget; the proof takes what is left, and at least a fifth."""


class Session(Protocol):
    """What a search wants of a measured session."""

    def phase(self, name: str) -> Any: ...

    @property
    def result(self) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How far a search is, for people: the stage, the share of the time that is used, and the best so far."""

    stage: str
    share: float
    text: str
    best: float | None = None
    tried: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Search:
    """What a search found. `measured` holds the baseline first, then the finalists and the steps on the winner's way.

    `winner` is None where no candidate keeps the floors and costs less. `proofs` are of all finalists. `path` has the
    names of the deployments from the baseline to the first finalist, a transform further each; those `between` were
    measured for what each step brings, and don't compete.
    """

    request: Request
    metric: Metric | None
    dealt: Dealt
    exploration: Exploration
    lost: tuple[tuple[str, str], ...]
    measured: tuple[Measured, ...]
    proofs: tuple[Proof, ...] = ()
    winner: Proof | None = None
    path: tuple[str, ...] = ()
    between: tuple[str, ...] = ()
    nodes: dict[str, Node] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    dataset: Dataset | None = None
    seconds: float = 0.0

    def with_energy(self, result: Any) -> Search:
        """The same with energies and proofs, from the session's result once it has stopped."""
        measured = tuple(attach_energy(self.measured, result))
        finalists = [one for one in measured if one.deployment.name not in self.between]
        proofs = tuple(prove(finalists, self.dealt.proof, self.request.floors, self.metric, self.request.seed))
        winner = cheapest(proofs, self.request.batches[0])
        return replace(self, measured=measured, proofs=proofs, winner=winner)

    @property
    def counts(self) -> dict[str, int]:
        """How many candidates went which way."""
        seen = self.exploration.seen
        return {
            "tried": len(seen) - 1 + len(self.exploration.unmade),
            "could not be made": len(self.exploration.unmade),
            "discarded": sum(1 for one in seen if not one.ok),
            "measured to the end": len(self.proofs),
        }


def shrink(
    artifact: Artifact,
    rows: Rows,
    request: Request,
    session: Session,
    folder: Path,
    *,
    training: Rows | None = None,
    progress: Callable[[Told], None] | None = None,
) -> Search:
    """Search, inside a started session of the caller; then `search.with_energy(session.result)` gives the proofs.

    `folder` keeps what was made, so that a search that was killed goes on where it was. Raises ModelError if the model
    itself does not run, DataError for rows that don't fit it or are too few.
    """
    begun = time.monotonic()
    wanted = proof_rows_wanted(request.floors)
    dealt = deal(rows, request.seed, calibration=training, wanted=wanted)
    search = _Search(artifact, dealt, training, request, session, progress or (lambda told: None), folder)
    return replace(search.run(), dataset=rows.dataset(), seconds=time.monotonic() - begun)


class _Search:
    def __init__(
        self,
        artifact: Artifact,
        dealt: Dealt,
        training: Rows | None,
        request: Request,
        session: Session,
        tell: Callable[[Told], None],
        folder: Path,
    ) -> None:
        self._dealt, self._request, self._session = dealt, request, session
        self._tell, self._begun, self._folder = tell, time.monotonic(), folder
        files = save(dealt, folder / "rows", training)
        self._root = Node(artifact=artifact)
        self._metric = default_metric(request.metric, dealt.screening, str(artifact.facts.get("task", "unknown")))
        self._limits = Limits(memory_bytes=request.memory_bytes, time_limit_s=120.0, start_limit_s=120.0)
        self._screen = Screen(
            rows=dealt.screening,
            feeds=files["screening"],
            metric=self._metric,
            floors=request.floors,
            batches=request.batches,
            limits=self._limits,
            seed=request.seed,
        )
        self._materials = Materials(
            calibration=files["calibration"],
            training=files.get("training"),
            seed=request.seed,
            time_limit_s=max(10.0, request.time_budget_s * EXPLORING),
        )

    def run(self) -> Search:
        baseline = self._baseline()
        grower = Grower(self._materials, self._request.transforms)
        maker = Maker(self._folder / "candidates", self._materials, memory_bytes=self._request.memory_bytes)
        explorer = Explorer(self._request, grower, maker, self._screen, roof_here())
        deadline = self._begun + self._request.time_budget_s * EXPLORING
        start = Exploration(
            baseline=baseline, floors=self._request.floors, proof_rows=len(self._dealt.proof), seen=[baseline]
        )
        found = explorer.explore(start, deadline, self._hear)
        self._keep(found)
        return self._measured(baseline, found, self._halved(found), grower)

    def _baseline(self) -> Screened:
        deployment = Deployment(
            name=BASELINE,
            artifact=self._root.artifact,
            runtime=native_runtime(self._root.artifact),
            options=RunOptions(threads=self._request.threads[0]),
        )
        self._say("baseline", f"{BASELINE}: the model as it is, on {deployment.runtime}")
        seen = self._screen.look(self._root, deployment, None)
        if not seen.ok:
            raise ModelError(f"the model itself does not run: {seen.reason}", hint="joulewise bench says more")
        return seen

    def _hear(self, found: Exploration, seen: Screened) -> None:
        told = f"{found.cost_of(seen):.3f} of the original's CPU time" if seen.ok else seen.reason
        self._say("search", f"{seen.deployment.name}: {told}", found)

    def _say(self, stage: str, text: str, found: Exploration | None = None) -> None:
        share = (time.monotonic() - self._begun) / self._request.time_budget_s
        best = found.best if found is not None else None
        self._tell(
            Told(stage=stage, share=min(1.0, share), text=text, best=best, tried=len(found.seen) if found else 0)
        )

    def _keep(self, found: Exploration) -> None:
        """Write down what became of each candidate, for people and for the next search."""
        lines = [
            {"name": one.deployment.name, "cpu_s": one.cpu_s, "reason": one.reason, "key": one.node.key}
            for one in found.seen
        ]
        lines += [{"name": f"{one.parent.name} + {one.move.words}", "reason": one.reason} for one in found.unmade]
        (self._folder / "candidates.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def _halved(self, found: Exploration) -> tuple[list[Screened], list[tuple[str, str]]]:
        """The finalists, best first: the cheapest that may be proven, a few that are cheaper but less sure."""
        picked = self._candidates(found)
        if len(picked) <= self._request.finalists:
            return picked, []
        plan = self._plan(HALVING, rounds=2)
        progress = self._progress("halving")
        names, lost = halve(
            [one.deployment for one in picked],
            self._dealt.screening,
            plan,
            self._session,
            self._request.finalists,
            progress,
        )
        by_name = {one.deployment.name: one for one in picked}
        return [by_name[one.name] for one in names], lost

    def _candidates(self, found: Exploration) -> list[Screened]:
        """Twice as many as there are finalists: those that answer well enough to be proven go first."""
        rows, most = len(self._dealt.proof), 2 * self._request.finalists
        working = sorted((one for one in found.seen[1:] if one.ok), key=found.cost_of)
        sure = [one for one in working if may_be_proven(self._request.floors, one, rows)]
        unsure = [one for one in working if one not in sure]
        return [*sure[: max(1, most - 2)], *unsure[:2]]

    def _measured(
        self,
        baseline: Screened,
        found: Exploration,
        chosen: tuple[list[Screened], list[tuple[str, str]]],
        grower: Grower,
    ) -> Search:
        """Measure the baseline, the finalists and the steps on the way to the first of them, side by side."""
        finalists, lost = chosen
        path = _path(finalists[0], found) if finalists else []
        between = [one for one in path if one not in finalists]
        lanes = [baseline, *between, *finalists]
        plan = self._plan(1.0, rounds=6)
        deployments = [one.deployment for one in lanes]
        measured = bench(deployments, self._dealt.proof, plan, self._session, self._progress("proof"))
        return Search(
            request=self._request,
            metric=self._metric,
            dealt=self._dealt,
            exploration=found,
            lost=tuple(lost),
            measured=tuple(measured),
            path=(BASELINE, *(one.deployment.name for one in path)),
            between=tuple(one.deployment.name for one in between),
            nodes={one.deployment.name: one.node for one in lanes},
            silent=dict(grower.silent),
        )

    def _plan(self, until: float, rounds: int) -> BenchPlan:
        """What fits into the time until that share of the budget is used; the proof gets a fifth in any case."""
        budget_s = self._request.time_budget_s
        left_s = max(0.2 * budget_s, until * budget_s - (time.monotonic() - self._begun))
        return BenchPlan(
            batches=self._request.batches,
            rounds=rounds,
            block_s=min(1.0, max(0.1, left_s / 200)),
            warm_up_s=min(2.0, max(0.2, left_s / 60)),
            time_limit_s=max(5.0, left_s),
            cold_starts=1,
            metric=self._metric.name if self._metric is not None else "",
            seed=self._request.seed,
            limits=self._limits,
        )

    def _progress(self, stage: str) -> Callable[[float, str], None]:
        return lambda share, text: self._say(stage, text)


def _path(last: Screened, found: Exploration) -> list[Screened]:
    """The best deployment of each node on the way from the original to this one, itself at the end."""
    way: list[Screened] = [last]
    node = last.node.parent
    while node is not None and node.moves:
        here = [one for one in found.seen if one.node.key == node.key and one.ok]
        if here:
            way.append(min(here, key=found.cost_of))
        node = node.parent
    return way[::-1]
