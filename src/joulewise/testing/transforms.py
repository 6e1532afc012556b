"""The contract of transforms, for ours and for those of others, and small real models to try them on.

A plug-in's test derives from `TransformContract` and gives a `played` fixture.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials, RunOptions, Transform

UNKNOWN_FORMAT = "no-such-format"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedTransform:
    """A transform and a model that it must take. `agreement` is the least share of equal labels over the calibration
    rows (classifiers), `likeness` the least correlation or cosine (the rest); `settings` None means the first offer."""

    transform: Transform
    artifact: Artifact
    materials: Materials
    agreement: float = 0.97
    likeness: float = 0.99
    settings: Mapping[str, Any] | None = None

    def chosen(self) -> Mapping[str, Any]:
        """The settings to try."""
        return self.transform.offers(self.artifact, self.materials)[0] if self.settings is None else self.settings


class TransformContract:
    """What every transform keeps, on every model that it takes."""

    def test_offers_settings_that_a_manifest_can_hold(self, played: PlayedTransform) -> None:
        offers = played.transform.offers(played.artifact, played.materials)
        assert offers
        assert all(json.loads(json.dumps(dict(each))) == dict(each) for each in offers)

    def test_offers_nothing_for_a_format_that_it_does_not_take(self, played: PlayedTransform) -> None:
        odd = replace(played.artifact, format=UNKNOWN_FORMAT)
        assert not played.transform.offers(odd, played.materials)
        assert UNKNOWN_FORMAT not in played.transform.formats

    def test_refuses_a_format_that_it_does_not_take(self, played: PlayedTransform, tmp_path: Path) -> None:
        odd = replace(played.artifact, format=UNKNOWN_FORMAT)
        with pytest.raises(ModelError, match=UNKNOWN_FORMAT):
            played.transform.apply(odd, {}, played.materials, tmp_path)

    def test_answers_alike_keeps_facts_adds_its_step_and_repeats(self, played: PlayedTransform, tmp_path: Path) -> None:
        before = file_hashes(played.artifact.path)
        made, again = (
            played.transform.apply(played.artifact, played.chosen(), played.materials, tmp_path / name)
            for name in ("made", "again")
        )
        assert file_hashes(played.artifact.path) == before, "the original was changed"
        assert made.path.resolve().is_relative_to((tmp_path / "made").resolve())
        assert_facts_kept(played.artifact, made)
        assert_step(played, made)
        assert_alike(played, made)
        assert_same(made, again, played.materials)


def assert_step(played: PlayedTransform, made: Artifact) -> None:
    """One step more, with the transform's name, the library's version and what it was told."""
    assert made.steps[:-1] == played.artifact.steps
    assert made.steps[-1].transform == played.transform.name
    assert made.steps[-1].version == played.transform.version
    assert dict(made.steps[-1].options) == dict(played.chosen())


def assert_same(first: Artifact, second: Artifact, materials: Materials) -> None:
    """Two artifacts answer the same to the last digit."""
    import numpy as np

    again = answers(second, materials)
    for name, array in answers(first, materials).items():
        assert np.array_equal(np.asarray(array), np.asarray(again[name])), f"{name} differs"


def assert_facts_kept(before: Artifact, after: Artifact) -> None:
    """Task and classes survive, each role has an output, and all of it can be written as JSON."""
    assert after.facts["task"] == before.facts["task"]
    assert list(after.facts.get("classes", ())) == list(before.facts.get("classes", ()))
    assert set(after.facts["roles"].values()) <= {entry["name"] for entry in after.facts["outputs"]}
    json.dumps(dict(after.facts))


def assert_alike(played: PlayedTransform, made: Artifact) -> None:
    """The answers to all calibration rows agree as far as the played transform promises."""
    from joulewise.shrink.transforms.checking import answer, moved

    found = moved(answer(played.artifact, played.materials, None), answer(made, played.materials, None))
    assert found.get("agreement", 1.0) >= played.agreement, found
    assert found.get("likeness", 1.0) >= played.likeness, found


def answers(artifact: Artifact, materials: Materials) -> Mapping[str, Any]:
    """The raw outputs for the calibration rows, by the runtime that the format is native to."""
    from joulewise.compare import native_runtime, open_model
    from joulewise.shrink.transforms.feeding import ask, calibration_feeds

    predictor = open_model(artifact, native_runtime(artifact), RunOptions(threads=1))
    try:
        return dict(ask(predictor, calibration_feeds(materials, predictor.inputs)))
    finally:
        predictor.close()


def file_hashes(path: Path) -> dict[str, str]:
    """SHA-256 of a file, or of each model file in a folder."""
    files = [path] if path.is_file() else sorted(entry for entry in path.iterdir() if entry.is_file())
    return {entry.name: sha256(entry.read_bytes()).hexdigest() for entry in files}


def make_cnn(width: int | None = None) -> dict[str, Any]:
    """A small convolutional classifier of digits, trained in a second; untrained where a `width` is asked for."""
    import torch

    torch.manual_seed(0)
    network = _network(width or 16)
    images, _ = digit_images()
    if width is None:
        network.load_state_dict(_trained())
    example = {"input": torch.from_numpy(images[:2])}
    return {"model": network.eval(), "example": example, "task": "classification", "classes": list(range(10))}


def digit_images() -> tuple[Any, Any]:
    """scikit-learn's digits as images (n, 1, 8, 8) in 0..1, and their labels."""
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    return (digits.images[:, None] / 16.0).astype(np.float32), digits.target.astype(np.int64)


def _network(size: int) -> Any:
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, size, 3, 1, 1),
        nn.BatchNorm2d(size),
        nn.ReLU(),
        nn.Conv2d(size, 2 * size, 3, 2, 1),
        nn.BatchNorm2d(2 * size),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2 * size, 10),
    )


@lru_cache(maxsize=1)
def _trained() -> Any:
    """The weights of the trained network: whoever opens the model calls its factory, and trains but once a process."""
    import torch
    from torch.nn import functional

    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the same weights wherever it is trained
    network = _network(16)
    images, labels = (torch.from_numpy(array) for array in digit_images())
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(4):
        for chosen in torch.randperm(len(images)).split(64):
            loss = functional.cross_entropy(network(images[chosen]), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    torch.set_num_threads(threads)
    return network.state_dict()
