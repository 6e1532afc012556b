"""Explores the tree of candidates, the most promising first, within the time that it has.

What a move brought to one artifact is expected of it elsewhere: the cost of a child is predicted as its parent's times
the mean factor of the move so far. Children whose least possible time is above the best seen are left out.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from math import exp, log

from joulewise.compare import model_card, runtimes_for
from joulewise.compare.floors import Floor
from joulewise.compare.opening import runtime_of
from joulewise.core.runtimes import Artifact, Deployment, RunOptions
from joulewise.shrink.making import OUT_OF_TIME, Made, Maker
from joulewise.shrink.request import Request
from joulewise.shrink.roofline import Roof
from joulewise.shrink.screening import Screen, Screened, disagreement, has_moved, may_be_proven, objective
from joulewise.shrink.tree import Grower, Move, Node

EXPECTED = {
    **dict.fromkeys(("to-onnx", "to-linear", "to-treelite"), 0.1),
    **dict.fromkeys(("prune", "distill", "sequence", "trim-trees", "trim-features"), 0.5),
    **dict.fromkeys(("int8-static", "int8-dynamic", "int8-openvino", "to-openvino"), 0.6),
    "compile-trees": 0.15,
}
"""What a move that nobody has seen yet in this search is expected to leave of the cost; any other 0.8. Only the order
of trying hangs on it."""
_OTHER = 0.8
LOOKING = 0.15
"""A worker may take this share of the time budget to start, and as much for an answer."""
_DOUBT = 30.0
"""A node whose answers are too far off to be proven waits as if it cost so much more: what is made of it answers no
better, and only luck with the screening rows could have made it look so."""
_log = logging.getLogger(__name__)
Hear = Callable[["Exploration", Screened], None]


@dataclass(slots=True, kw_only=True)
class Exploration:
    """What has been seen so far. `seen` holds every deployment, `unmade` every move that led nowhere."""

    baseline: Screened
    floors: tuple[Floor, ...] = ()
    proof_rows: int = 1
    seen: list[Screened] = field(default_factory=list)
    unmade: list[Made] = field(default_factory=list)
    factors: dict[str, list[float]] = field(default_factory=dict)
    out_of_time: bool = False

    def cost(self, node: Node) -> float:
        """The least cost of a node against the baseline, by its best runtime; infinite if none works."""
        costs = [self.cost_of(one) for one in self.seen if one.node.key == node.key and one.ok]
        return min(costs, default=float("inf"))

    def doubt(self, node: Node) -> float:
        """How much longer a node waits whose answers could not be proven to keep the floors."""
        looked = [one for one in self.seen if one.node.key == node.key and one.ok]
        proven = any(self.may_be_proven(one) for one in looked)
        return 1.0 if proven else _DOUBT

    def may_be_proven(self, one: Screened) -> bool:
        """Would its floors hold at the bad end on the proof's rows, if it answered there as it did here?"""
        return may_be_proven(self.floors, one, self.baseline, self.proof_rows)

    def cost_of(self, one: Screened) -> float:
        """CPU time against the baseline's, the geometric mean over the batches."""
        return objective(one, self.baseline, tuple(self.baseline.cpu_s))

    def surety(self, one: Screened) -> tuple[float, bool, float]:
        """The least first: what answers most like the original; of equal ones the cheapest."""
        cost = self.cost_of(one) if one.cpu_s else float("inf")
        return disagreement(one), has_moved(one, self.baseline), cost

    @property
    def best(self) -> float:
        return min((self.cost_of(one) for one in self.seen if one.ok), default=1.0)

    def best_at(self, batch: int) -> float:
        """The least CPU time of an inference that was seen at a batch, in seconds."""
        return min((one.cpu_s[batch] for one in self.seen if one.ok), default=self.baseline.cpu_s[batch])


class Explorer:
    """Runs the exploration; `hear` is told of each look."""

    def __init__(self, request: Request, grower: Grower, maker: Maker, screen: Screen, roof: Roof) -> None:
        self._request = request
        self._grower = grower
        self._maker = maker
        self._screen = screen
        self._roof = roof

    def explore(self, found: Exploration, deadline: float, hear: Hear) -> Exploration:
        """Look at candidates until there are none left, or until the deadline (monotonic clock)."""
        baseline, root = found.baseline, found.baseline.node
        open_pairs = [(root, move) for move in self._grower.moves(root)]
        looked = not open_pairs
        if looked:
            self._look(found, root, deadline, hear, but=baseline.deployment.runtime)
        while open_pairs:
            if time.monotonic() > deadline:
                found.out_of_time = True
                break
            open_pairs.sort(key=lambda pair: _expected(found, *pair))
            wave, open_pairs = open_pairs[: self._maker.at_once], open_pairs[self._maker.at_once :]
            for made in self._maker.make(wave, deadline):
                open_pairs += self._follow(found, made, deadline, hear)
            if not looked:  # after the likeliest moves: a runtime that compiles may take its time to start
                self._look(found, root, deadline, hear, but=baseline.deployment.runtime)
                looked = True
        return found

    def _follow(self, found: Exploration, made: Made, deadline: float, hear: Hear) -> list[tuple[Node, Move]]:
        """Look at what was made; the moves that go on from there."""
        node = made.node
        if node is None:
            found.unmade.append(made)
            found.out_of_time |= made.reason == OUT_OF_TIME
            return []
        self._look(found, node, deadline, hear)
        _learn(found, made)
        works = any(one.ok for one in found.seen if one.node.key == node.key)
        return [(node, move) for move in self._grower.moves(node)] if works else []

    def _look(self, found: Exploration, node: Node, deadline: float, hear: Hear, but: str = "") -> None:
        reason = self._hopeless(found, node.artifact) if node.moves else ""
        known = {one.deployment.name for one in found.seen}
        for one in self._deployments(found, node):
            if one.runtime == but and not one.options.more:
                continue
            deployment = replace(one, name=_unique(one.name, known))
            known.add(deployment.name)
            late = OUT_OF_TIME if time.monotonic() > deadline else ""
            found.out_of_time |= bool(late)
            seen = Screened(node=node, deployment=deployment, reason=reason or late)
            patience_s = LOOKING * self._request.time_budget_s
            ends = min(deadline, time.monotonic() + patience_s)
            seen = self._screen.look(node, deployment, found.baseline, ends) if seen.ok else seen
            found.seen.append(seen)
            hear(found, seen)

    def _deployments(self, found: Exploration, node: Node) -> list[Deployment]:
        """Every way to run the artifact; none, with the reason, where a runtime chokes on what was written."""
        try:
            return list(deployments_of(node, self._request))
        except Exception as error:  # noqa: BLE001 - foreign code looks at a foreign file: one candidate less
            _log.warning("no runtime takes %s: %s", node.name, error, exc_info=True)
            if node.parent is not None:
                reason = f"no runtime takes it: {type(error).__name__}: {error}"
                found.unmade.append(Made(parent=node.parent, move=node.moves[-1], reason=reason))
            return []

    def _hopeless(self, found: Exploration, artifact: Artifact) -> str:
        """Why even the roofline's bound is above the best that was measured; empty if it isn't, or is not known."""
        try:
            card = model_card(artifact)
        except Exception as error:  # noqa: BLE001 - foreign code reads a foreign file; the look tells what is wrong
            _log.debug("no card of %s: %s", artifact.path, error)
            return ""
        if any(self._roof.least_s(card, batch) <= found.best_at(batch) for batch in found.baseline.cpu_s):
            return ""
        return "its least possible time is above the best that was measured"


def deployments_of(node: Node, request: Request) -> Iterable[Deployment]:
    """Every way to run an artifact here: runtimes, what each offers to be tried, one thread at first."""
    for runtime in runtimes_for(node.artifact):
        if request.runtimes is not None and runtime not in request.runtimes:
            continue
        for more in runtime_of(runtime).settings(node.artifact):
            told = " ".join(f"{name}={value}" for name, value in more.items())
            yield Deployment(
                name=f"{node.name} · {runtime}{f' {told}' if told else ''}",
                artifact=node.artifact,
                runtime=runtime,
                options=RunOptions(threads=request.threads[0], more=dict(more)),
            )


def _unique(name: str, known: set[str]) -> str:
    """The name, with a number if another candidate has it."""
    number, found = 1, name
    while found in known:
        number += 1
        found = f"{name} ({number})"
    return found


def _expected(found: Exploration, node: Node, move: Move) -> tuple[float, int]:
    """The cost that a move is expected to lead to; of equal ones the shorter chain first."""
    known = [*found.factors.get(move.words, ()), *found.factors.get(move.transform, ())]
    mean = (log(EXPECTED.get(move.transform, _OTHER)) + sum(known)) / (1 + len(known))
    return found.cost(node) * found.doubt(node) * exp(mean), len(node.moves)


def _learn(found: Exploration, made: Made) -> None:
    """Keep what the move brought, for the same move elsewhere; one that broke the quality or did not run did harm."""
    assert made.node is not None
    before, after = found.cost(made.parent), found.cost(made.node)
    factor = log(after / before) if 0 < after < float("inf") and 0 < before < float("inf") else log(4.0)
    for name in {made.move.words, made.move.transform}:
        found.factors.setdefault(name, []).append(factor)
