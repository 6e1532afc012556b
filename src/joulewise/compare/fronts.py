"""Rank variants: floors first, then Pareto dominance over quality and energy; overlapping intervals are ties.

One entry beats another if it is surely better (the intervals lie apart) in quality or energy, and better or tied in
the other. The front is the set of which nobody is beaten by another member, while all others are beaten by a member:
what is beaten beats nobody off the front. Ratios of quality to cost never rank: they reward small bad models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log

from joulewise.compare.floors import Entry, Floor, FloorCheck, floor_of
from joulewise.core.errors import OutOfRange, UsageError
from joulewise.core.figures import Figure, exact

__all__ = ["Beaten", "Entry", "Floor", "FloorCheck", "Place", "Ranking", "compared", "floor_of", "rank"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beaten:
    """By whom, and why: "energy surely lower, accuracy tied"."""

    by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an entry stands. `rank` 1 is the front, 2 the front of the rest, ...; None where it can't be ranked.

    `tied_with` names those of the same rank that differ surely in neither quality nor energy. An entry without a rank
    failed a floor (`checks`) or lacks a figure (`absent`).
    """

    entry: Entry
    rank: int | None = None
    tied_with: tuple[str, ...] = ()
    beaten_by: tuple[Beaten, ...] = ()
    checks: tuple[FloorCheck, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def on_front(self) -> bool:
        """True if it keeps all floors and no member of the front beats it."""
        return self.rank == 1

    @property
    def why_unranked(self) -> tuple[str, ...]:
        """What keeps it from a rank; () if it has one."""
        failed = tuple(one.text for one in self.checks if not one.held)
        return failed + tuple(f"{what} is absent" for what in self.absent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """`places` in order: by rank, then energy; the unranked last. `front` and `cheapest` (all that tie for the least
    energy) are names; `knee` is the front's bend, None below three members. `quality_basis` and `energy_basis` say
    what was compared: "paired" or "absolute". `notices` are for the reader."""

    places: tuple[Place, ...]
    front: tuple[str, ...]
    cheapest: tuple[str, ...]
    knee: str | None
    floors: tuple[Floor, ...] = ()
    quality_basis: str = "absolute"
    energy_basis: str = "absolute"
    notices: tuple[str, ...] = ()

    def place(self, name: str) -> Place:
        """The place of an entry. Raises UsageError for a name that is not there."""
        for one in self.places:
            if one.entry.name == name:
                return one
        raise UsageError(f"no entry {name!r}", hint=", ".join(one.entry.name for one in self.places))


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An entry with what it is ranked by: benefit, where more is better, and cost."""

    entry: Entry
    benefit: Figure
    cost: Figure

    @property
    def key(self) -> tuple[float, float, str]:
        return (self.cost.value, -self.benefit.value, self.entry.name)

    def beats(self, other: _Candidate) -> bool:
        benefit, cost = compared(self.benefit, other.benefit), -compared(self.cost, other.cost)
        return min(benefit, cost) >= 0 and max(benefit, cost) > 0


def compared(one: Figure, other: Figure) -> int:
    """1 if `one` is surely larger, -1 if surely smaller, 0 for a tie (the intervals touch)."""
    if one.overlaps(other):
        return 0
    return 1 if one.low > other.high else -1


def rank(entries: Iterable[Entry], floors: Sequence[Floor | str] = ()) -> Ranking:
    """Rank `entries` that were measured alike: one metric, one functional unit, one boundary.

    Raises UsageError for a name or baseline that is there twice, OutOfRange for different metrics or units.
    """
    listed = list(entries)
    _require_alike(listed)
    limits = tuple(floor_of(one) if isinstance(one, str) else one for one in floors)
    baseline = next((one for one in listed if one.is_baseline), None)
    checks = {one.name: tuple(limit.check(one, baseline) for limit in limits) for one in listed}
    bases = _basis(listed, "quality"), _basis(listed, "energy")
    candidates = [
        one
        for one in (_candidate(entry, bases) for entry in listed)
        if one and all(c.held for c in checks[one.entry.name])
    ]
    layers, circular = _layers(candidates)
    front = sorted(layers[0], key=lambda one: one.key) if layers else []
    return Ranking(
        places=tuple(_places(listed, layers, checks)),
        front=tuple(one.entry.name for one in front),
        cheapest=tuple(one.entry.name for one in _cheapest(candidates)),
        knee=_knee(front),
        floors=limits,
        quality_basis=bases[0],
        energy_basis=bases[1],
        notices=tuple(_notices(listed, candidates, circular)),
    )


def _require_alike(entries: Sequence[Entry]) -> None:
    names = [one.name for one in entries]
    if len(set(names)) < len(names):
        raise UsageError("two entries have one name", hint="name each variant differently")
    if sum(one.is_baseline for one in entries) > 1:
        raise UsageError("two entries are the baseline", hint="mark one")
    kinds = {(one.metric, one.greater_is_better) for one in entries}
    if len(kinds) > 1:
        raise OutOfRange(f"can't rank by different metrics: {', '.join(sorted(metric for metric, _ in kinds))}")


def _basis(entries: Sequence[Entry], which: str) -> str:
    """ "paired" if there is a baseline and all others were paired with it, else "absolute"."""
    others = [one for one in entries if not one.is_baseline and one.energy and one.quality]
    paired = [one.quality_change if which == "quality" else one.energy_ratio for one in others]
    has_base = any(one.is_baseline for one in entries)
    return "paired" if has_base and paired and all(paired) else "absolute"


def _candidate(entry: Entry, bases: tuple[str, str]) -> _Candidate | None:
    if entry.quality is None or entry.energy is None:
        return None
    change = exact(0.0, "1") if entry.is_baseline else entry.quality_change
    ratio = exact(1.0, "1") if entry.is_baseline else entry.energy_ratio
    benefit = change if bases[0] == "paired" and change else entry.quality
    cost = ratio if bases[1] == "paired" and ratio else entry.energy
    return _Candidate(entry, benefit if entry.greater_is_better else _negated(benefit), cost)


def _negated(figure: Figure) -> Figure:
    return Figure(
        value=-figure.value, low=-figure.high, high=-figure.low, unit=figure.unit, method=figure.method,
        source=figure.source,
    )  # fmt: skip


def _layers(candidates: Sequence[_Candidate]) -> tuple[list[list[_Candidate]], bool]:
    """The front, the front of the rest, and so on; and whether ties closed a circle."""
    layers: list[list[_Candidate]] = []
    rest, circular = sorted(candidates, key=lambda one: one.key), False
    while rest:
        layer, met = _front(rest)
        layers.append(layer)
        circular = circular or met
        rest = [one for one in rest if one not in layer]
    return layers, circular


def _front(candidates: Sequence[_Candidate]) -> tuple[list[_Candidate], bool]:
    """Take whom nobody left beats, drop whom they beat, and so on. Ties are not transitive, so that in rare data all
    that are left beat each other in a circle: then the cheapest by value is taken, and the reader is told."""
    front: list[_Candidate] = []
    left, circular = list(candidates), False
    while left:
        unbeaten = [one for one in left if not any(other.beats(one) for other in left)]
        circular = circular or not unbeaten
        taken = unbeaten or left[:1]
        front += taken
        left = [one for one in left if one not in taken and not any(_apart(one, other) for other in taken)]
    return front, circular


def _apart(one: _Candidate, taken: _Candidate) -> bool:
    return taken.beats(one) or one.beats(taken)


def _places(
    entries: Sequence[Entry], layers: Sequence[Sequence[_Candidate]], checks: Mapping[str, tuple[FloorCheck, ...]]
) -> list[Place]:
    made: list[Place] = []
    front = layers[0] if layers else ()
    for number, layer in enumerate(layers, 1):
        made += [
            Place(
                entry=one.entry,
                rank=number,
                tied_with=tuple(sorted(other.entry.name for other in layer if other is not one and _tied(one, other))),
                beaten_by=tuple(_beaten(one, other) for other in front if other.beats(one)),
                checks=checks[one.entry.name],
            )
            for one in sorted(layer, key=lambda one: one.key)
        ]
    ranked = {one.entry.name for one in made}
    left = sorted((one for one in entries if one.name not in ranked), key=lambda one: one.name)
    return made + [Place(entry=one, checks=checks[one.name], absent=_absent(one)) for one in left]


def _tied(one: _Candidate, other: _Candidate) -> bool:
    return one.benefit.overlaps(other.benefit) and one.cost.overlaps(other.cost)


def _absent(entry: Entry) -> tuple[str, ...]:
    wanted = ((entry.metric, entry.quality), ("energy per inference", entry.energy))
    return tuple(name for name, figure in wanted if figure is None)


def _beaten(loser: _Candidate, winner: _Candidate) -> Beaten:
    words = {1: "surely better", 0: "tied"}
    quality = f"{loser.entry.metric} {words[compared(winner.benefit, loser.benefit)]}"
    energy = "energy surely lower" if compared(winner.cost, loser.cost) < 0 else "energy tied"
    return Beaten(by=winner.entry.name, why=f"{energy}, {quality}")


def _cheapest(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """The least energy and all that tie with it."""
    least = min(candidates, key=lambda one: one.key, default=None)
    if least is None:
        return []
    return sorted((one for one in candidates if one.cost.overlaps(least.cost)), key=lambda one: one.key)


def _knee(front: Sequence[_Candidate]) -> str | None:
    """The member farthest above the line from the cheapest to the best: log energy against quality, scaled to 0..1.

    Source: Das 1999, On characterizing the "knee" of the Pareto curve, doi:10.1007/BF01195985, in its
    point-to-chord form. By values: the intervals of a front's members lie apart.
    """
    if len(front) < 3 or front[0].cost.value <= 0:
        return None
    ends = front[0], front[-1]
    across = log(ends[1].cost.value / ends[0].cost.value)
    upwards = ends[1].benefit.value - ends[0].benefit.value
    if across <= 0 or upwards <= 0:
        return None

    def height(one: _Candidate) -> float:
        rise = (one.benefit.value - ends[0].benefit.value) / upwards
        return rise - log(one.cost.value / ends[0].cost.value) / across

    best = max(front[1:-1], key=height)
    return best.entry.name if height(best) > 0 else None


def _notices(entries: Sequence[Entry], candidates: Sequence[_Candidate], circular: bool) -> list[str]:
    told = []
    if entries and not candidates:
        told.append("No entry keeps all floors with known quality and energy: nothing is ranked.")
    if circular:
        told.append("Ties close a circle here: more rounds or rows would narrow the intervals and settle the front.")
    return told
