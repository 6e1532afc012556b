"""What a search found: who was tried, who was measured, who won, and what each step on the way brought."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from joulewise.compare import Measured, Metric
from joulewise.compare.benching import attach_energy
from joulewise.core.variants import Dataset
from joulewise.shrink.dealing import Dealt
from joulewise.shrink.exploring import Exploration
from joulewise.shrink.proof import Proof, prove, winner_of
from joulewise.shrink.request import Request
from joulewise.shrink.tree import Node


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Search:
    """What a search found. `measured` holds the baseline first, then the finalists and steps on the way to the best.

    `winner` is None where no candidate keeps the floors and surely costs less. `proofs` are of all finalists; those
    `between` were measured for what each step brings, and don't compete. `lost` says of others why they were left
    behind. `notes` are for people. `folder` keeps what was made; `earlier` are the runs of attempts at it that were
    stopped, whose candidates it took over.
    """

    request: Request
    metric: Metric
    dealt: Dealt
    exploration: Exploration
    measured: tuple[Measured, ...]
    lost: tuple[tuple[str, str], ...] = ()
    proofs: tuple[Proof, ...] = ()
    winner: Proof | None = None
    between: tuple[str, ...] = ()
    nodes: dict[str, Node] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    dataset: Dataset | None = None
    folder: Path | None = None
    earlier: tuple[str, ...] = ()
    duration_s: float = 0.0
    notes: tuple[str, ...] = ()

    def with_energy(self, result: Any) -> Search:
        """The same with energies and proofs, from the session's result once it has stopped."""
        request = self.request
        measured = tuple(attach_energy(self.measured, result))
        finalists = [one for one in measured if one.deployment.name not in self.between]
        proofs = tuple(
            prove(
                finalists, self.dealt.proof, request.floors, self.metric, request.seed, request.batches[0],
                self.surest_first,
            )
        )  # fmt: skip
        winner = winner_of(proofs, request.threads[0])
        found = replace(self, measured=measured, proofs=proofs, winner=winner)
        return replace(found, notes=(*self.notes, *found.batch_notes()))

    @property
    def surest_first(self) -> tuple[str, ...]:
        """Names, those first that changed the fewest answers on the screening rows: an order that no proof row made."""
        return tuple(one.deployment.name for one in sorted(self.exploration.seen[1:], key=self.exploration.surety))

    def batch_notes(self) -> Iterator[str]:
        """Where another deployment is better at another batch, or the winner costs more there than the original."""
        if self.winner is None:
            return
        for batch in self.request.batches[1:]:
            price, best = self.winner.price(batch), winner_of(self.proofs, self.request.threads[0], batch)
            told = "" if price is None else f"{price.value:.3g} of the original's"
            if price is not None and not self.winner.saves(batch):
                yield f"at batch {batch} the winner does not surely cost less: {told}"
            if best is not None and best is not self.winner and best.price(batch) is not None:
                least = best.price(batch)
                assert least is not None
                if price is None or least.high < price.low:
                    instead = f", not {told} as the winner" if told else ""
                    yield f"at batch {batch} {best.name} costs less: {least.value:.3g} of the original's{instead}"

    @property
    def way(self) -> tuple[str, ...]:
        """Names of the deployments from the baseline to the winner, as far as they were measured: some steps each."""
        if self.winner is None:
            return ()
        last = self.nodes[self.winner.name].moves
        steps: dict[int, str] = {}
        for one in self.measured[1:]:
            moves = self.nodes[one.deployment.name].moves
            if one.ok and one.blocks and 0 < len(moves) < len(last) and last[: len(moves)] == moves:
                steps.setdefault(len(moves), one.deployment.name)
        return (self.measured[0].deployment.name, *(steps[length] for length in sorted(steps)), self.winner.name)

    @property
    def counts(self) -> dict[str, int]:
        """How many candidates went which way."""
        seen = self.exploration.seen[1:]
        failed = sum(1 for one in self.measured[1:] if not one.ok)
        left = sum(1 for one in seen if one.ok) - len(self.proofs) - failed
        threaded = sum(
            1 for one in self.measured[1:] if one.deployment.name not in {each.deployment.name for each in seen}
        )
        counts = {
            "tried": len(seen) + threaded + len(self.exploration.unmade),
            "could not be made": len(self.exploration.unmade),
            "discarded": failed + sum(1 for one in seen if not one.ok),
            "left behind": max(0, left + threaded),
            "measured to the end": len(self.proofs),
        }
        return {what: count for what, count in counts.items() if count or what != "left behind"}
