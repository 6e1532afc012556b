"""The tree of candidates: each node an artifact, made from its parent by one transform with its settings.

A chain goes through the stages in order and takes each transform once: structure first, as it needs the framework that
trained the model, then the conversion, the graph, the precision, and at last formats that nothing follows.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from joulewise.core import plugins
from joulewise.core.errors import PluginMissing
from joulewise.core.runtimes import Artifact, Materials, Transform
from joulewise.core.variants import Step

_log = logging.getLogger(__name__)
STAGES = {
    "distill": 0,
    "prune": 0,
    "trim-trees": 0,
    "trim-features": 0,
    "sequence": 1,
    "torchao": 4,
    "to-onnx": 2,
    "to-linear": 4,
    "to-treelite": 4,
    "low-rank": 3,
    "optimise": 3,
    "float16": 4,
    "int8-dynamic": 4,
    "int8-static": 4,
    "weights-only": 4,
    "to-openvino": 5,
    "int8-openvino": 5,
    "compile-trees": 5,
}
"""When a transform may come. One of somebody else's comes where a conversion comes."""
_OTHER = 2
_ONCE_A_STAGE = (0, 2, 4, 5)
"""Stages of which a chain takes one transform: two prunings or two precisions don't add up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A transform with its settings that may be applied to an artifact."""

    transform: str
    settings: Mapping[str, Any]

    @property
    def words(self) -> str:
        """As people read it: int8-static method=minmax."""
        told = " ".join(f"{name}={value}" for name, value in self.settings.items() if value not in (None, False))
        return f"{self.transform} {told}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An artifact with the way that led to it. `key` names it by the chain alone, the same in every search."""

    artifact: Artifact
    moves: tuple[Move, ...] = ()
    parent: Node | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        return key_of(self.moves)

    @property
    def name(self) -> str:
        """The chain in words; "original" for the user's own model."""
        return " + ".join(move.words for move in self.moves) or "original"


def key_of(moves: Sequence[Move]) -> str:
    """A short name of a chain: the first 12 digits of its hash."""
    chain = [[move.transform, dict(move.settings)] for move in moves]
    return hashlib.sha256(json.dumps(chain, sort_keys=True, default=str).encode()).hexdigest()[:12]


class Grower:
    """Says which moves a node has, and why other transforms have none. `wanted` names those to use (None: all)."""

    def __init__(self, materials: Materials, wanted: Sequence[str] | None = None) -> None:
        self._materials = materials
        self._transforms: dict[str, Transform] = {}
        self.silent: dict[str, str] = {}
        for name in plugins.names("transforms"):
            if wanted is not None and name not in wanted:
                continue
            try:
                self._transforms[name] = plugins.load("transforms", name)()
            except PluginMissing as error:
                self.silent[name] = str(error)

    def moves(self, node: Node) -> Iterator[Move]:
        """The moves that may follow, the likeliest settings of each transform first."""
        for name, transform in self._transforms.items():
            if self._comes_too_late(name, node) or node.artifact.format not in transform.formats:
                continue
            for settings in self._offers(name, transform, node):
                yield Move(transform=name, settings=dict(settings))

    def _offers(self, name: str, transform: Transform, node: Node) -> Sequence[Mapping[str, Any]]:
        """What it offers, or nothing with a note: it may choke on what another transform wrote."""
        try:
            offered = transform.offers(node.artifact, self._materials)
            if not offered:
                self._note(name, transform, node)
            return offered
        except Exception as error:  # noqa: BLE001 - foreign code looks at a foreign file: one transform less here
            _log.warning("%s can't say what it offers for %s: %s", name, node.name, error)
            self.silent.setdefault(name, f"{name} failed on {node.name}: {error}")
            return ()

    def _comes_too_late(self, name: str, node: Node) -> bool:
        stage = STAGES.get(name, _OTHER)
        done = [move.transform for move in node.moves]
        latest = max((STAGES.get(one, _OTHER) for one in done), default=-1)
        return name in done or stage < latest or (stage == latest and stage in _ONCE_A_STAGE)

    def _note(self, name: str, transform: Transform, node: Node) -> None:
        why_not = getattr(transform, "why_not", None)
        reason = why_not(node.artifact, self._materials) if why_not else ""
        if reason:
            self.silent.setdefault(name, str(reason))


def to_json(node: Node) -> dict[str, Any]:
    """What is kept of a node, so that a search that was killed goes on."""
    artifact = node.artifact
    return {
        "path": str(artifact.path),
        "format": artifact.format,
        "facts": dict(artifact.facts),
        "steps": [
            {"transform": one.transform, "version": one.version, "options": dict(one.options)} for one in artifact.steps
        ],
        "moves": [[move.transform, dict(move.settings)] for move in node.moves],
    }


def artifact_from(document: Mapping[str, Any]) -> Artifact:
    """The artifact of `to_json`."""
    from pathlib import Path

    return Artifact(
        path=Path(document["path"]),
        format=document["format"],
        facts=document["facts"],
        steps=tuple(Step(**one) for one in document["steps"]),
    )
