"""Totals of random trees of runs with parts: each joule is counted once, and what is missing is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from joulewise import ledger
from joulewise.core.errors import UndefinedFigure
from joulewise.ledger import RunQuery
from joulewise.testing.ledgers import small_bundle, store_id, total_emissions

costly = settings(settings.get_profile("costly"), suppress_health_check=[HealthCheck.too_slow])
numbers = count(1)


@dataclass
class Node:
    """A run: its own figures (None: it has none), whether the query means it, and its parts."""

    energy_j: float | None
    emissions_g: float | None
    later_g: float | None
    duration_s: float
    meant: bool
    parts: list[Node] = field(default_factory=list)

    @property
    def grams(self) -> float | None:
        return self.emissions_g if self.later_g is None else self.later_g


whole = st.integers(0, 50).map(float)
leaf = st.builds(
    Node,
    energy_j=st.none() | whole,
    emissions_g=st.none() | whole,
    later_g=st.none() | st.none() | whole,
    duration_s=st.integers(0, 20).map(float),
    meant=st.sampled_from((True, True, True, False)),
)


def grown(top: Node, parts: list[Node]) -> Node:
    top.parts = parts
    return top


trees = st.recursive(leaf, lambda inner: st.builds(grown, leaf, st.lists(inner, max_size=4)), max_leaves=12)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ledger.Ledger]:
    with ledger.open(str(tmp_path_factory.mktemp("totals") / "ledger.db")) as opened:
        yield opened


def filed(store: ledger.Ledger, node: Node, project: str, parent_id: str | None = None) -> None:
    number = next(numbers)
    id = store_id(number)
    bundle = small_bundle(
        number,
        id=id,
        energy_j=node.energy_j,
        emissions_g=node.emissions_g,
        duration_s=node.duration_s,
        parent_id=parent_id,
        project=project if node.meant else "another",
        tags={"of": project} if node.meant else {},
    )
    store.append(bundle)
    if node.later_g is not None:
        store.append_calculations([total_emissions(id, node.later_g, id="later")])
    for part in node.parts:
        filed(store, part, project, id)


def tops(nodes: list[Node]) -> list[Node]:
    """The highest that are meant."""
    return [found for node in nodes for found in ([node] if node.meant else tops(node.parts))]


def counted(nodes: list[Node], name: str) -> list[Node]:
    """The highest that are meant and have the figure."""
    return [
        found
        for node in nodes
        for found in ([node] if node.meant and getattr(node, name) is not None else counted(node.parts, name))
    ]


def missing(nodes: list[Node], name: str) -> tuple[int, float]:
    """Runs that are meant and have neither the figure nor parts that are meant; seconds that no figure speaks for."""
    found, gap_s = 0, 0.0
    for node in nodes:
        if node.meant and getattr(node, name) is not None:
            continue
        parts = [part for part in node.parts if part.meant]
        if node.meant:
            found += not parts
            gap_s += max(0.0, node.duration_s - sum(part.duration_s for part in parts))
        below = missing(node.parts, name)
        found, gap_s = found + below[0], gap_s + below[1]
    return found, gap_s


def coverage(forest: list[Node], name: str) -> float | None:
    there_s = sum(node.duration_s for node in counted(forest, name))
    all_s = there_s + missing(tops(forest), name)[1]
    return there_s / all_s if all_s else None


@costly
@given(forest=st.lists(trees, min_size=1, max_size=3), by_tag=st.booleans())
def test_each_joule_counts_once_and_the_missing_are_told(store, forest, by_tag):
    project = f"p{next(numbers)}"
    for tree in forest:
        filed(store, tree, project)
    query = RunQuery(tag=f"of={project}") if by_tag else RunQuery(project=project)
    measured = [node.energy_j for node in counted(forest, "energy_j")]
    if not measured:
        with pytest.raises(UndefinedFigure):
            store.totals(query)
        return
    found = store.totals(query)
    grams = [node.grams for node in counted(forest, "grams")]

    assert found.energy.value == pytest.approx(sum(measured))
    assert (found.emissions.value if found.emissions else None) == (pytest.approx(sum(grams)) if grams else None)
    assert (found.runs, found.duration_s) == (len(tops(forest)), sum(node.duration_s for node in tops(forest)))
    assert found.without_energy == missing(tops(forest), "energy_j")[0]
    assert found.without_emissions == missing(tops(forest), "grams")[0]
    assert found.energy_coverage == pytest.approx(coverage(forest, "energy_j"))
    assert found.emissions_coverage == pytest.approx(coverage(forest, "grams"))
    assert bool(found.notices) == any(
        missing(tops(forest), name)[0] or coverage(forest, name) not in (None, 1.0) for name in ("energy_j", "grams")
    )
