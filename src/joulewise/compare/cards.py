"""The card of a model: what it is, how big, how much arithmetic a row takes."""

from __future__ import annotations

from joulewise.compare.digests import digest_of
from joulewise.compare.flops import flops_of
from joulewise.compare.parameters import parameters_of
from joulewise.core.runtimes import Artifact
from joulewise.core.ulid import new_ulid
from joulewise.core.variants import Model


def model_card(artifact: Artifact, *, count: bool = True) -> Model:
    """The record of a model. `count=False` leaves parameters and FLOPs out: they can mean loading it.

    What can't be counted is None, never 0. FLOPs are of one row, 1 MAC = 2 FLOP, with the share of operators covered.
    """
    digest, size_bytes = digest_of(artifact)
    facts = artifact.facts
    counted = flops_of(artifact) if count else None
    kept = ("task", "classes", "columns", "opsets", "objective", "estimator", "factory", "task_guessed", "max_length")
    return Model(
        id=model_id(digest),
        name=artifact.path.name if "factory" not in facts else str(facts["factory"]),
        format=artifact.format,
        sha256=digest,
        size_bytes=size_bytes,
        parameters=parameters_of(artifact) if count else None,
        flops=counted.figure if counted else None,
        flops_covered=counted.covered if counted else None,
        signature={"inputs": facts.get("inputs", []), "outputs": facts.get("outputs", [])},
        details={key: facts[key] for key in kept if key in facts} | dict(counted.details if counted else {}),
    )


def model_id(sha256: str) -> str:
    """A ULID of the hash: time zero, so that it depends on the content alone."""
    return new_ulid(0, bytes.fromhex(sha256)[:10])
