"""A short training of a changed module, with the original as its teacher."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.feeding import rows_of, tensors

TEMPERATURE = 2.0
LARGEST_BATCH, BATCHES = 64, 20
"""Few rows are cut into small batches: a student needs steps, and they are cheap."""


def training_tensors(artifact: Artifact, materials: Materials) -> list[Any]:
    """The training rows as one tensor an input."""
    import torch

    assert materials.training is not None
    rows = rows_of(materials.training)
    inputs = tensors(artifact.facts)
    feeds = rows.feeds(inputs, 0, len(rows))
    return [torch.from_numpy(feeds[tensor.name]) for tensor in inputs]


def distil(student: Any, teacher: Any, artifact: Artifact, materials: Materials, *, epochs: int, rate: float) -> Any:
    """Train the student to answer as the teacher does on the training rows; returns it in evaluation mode.

    For classes the loss is the divergence of softened scores (Hinton et al. 2015, arXiv:1503.02531), else the squared
    difference. It ends early when half of the time limit is used, so that the export has its time too.
    """
    with one_way(materials):
        return _distilled(student, teacher, artifact, materials, epochs=epochs, rate=rate)


def _distilled(
    student: Any, teacher: Any, artifact: Artifact, materials: Materials, *, epochs: int, rate: float
) -> Any:
    import torch

    data = training_tensors(artifact, materials)
    size = min(LARGEST_BATCH, max(8, len(data[0]) // BATCHES))
    steps = max(1, epochs * -(-len(data[0]) // size))
    optimiser = torch.optim.AdamW(student.parameters(), lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=rate, total_steps=steps + 1)
    classes = artifact.facts.get("task") == "classification"
    student.train()
    for batch in _batches(data, size, epochs, materials):
        with torch.no_grad():
            goal = first(teacher(*batch))
        loss = _loss(first(student(*batch)), goal, classes)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return student.eval()


@contextmanager
def one_way(materials: Materials) -> Iterator[None]:
    """Torch with the seed and the threads of the materials: sums over other numbers of threads round otherwise, and a
    training makes much of little. What the process had before comes back."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(materials.threads)
    try:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(materials.seed)
            yield
    finally:
        torch.set_num_threads(before)


def first(answer: Any) -> Any:
    """The module's answer where it gives one, the first of several otherwise."""
    return answer if hasattr(answer, "shape") else next(iter(answer.values() if hasattr(answer, "values") else answer))


def _batches(data: list[Any], size: int, epochs: int, materials: Materials) -> Iterator[list[Any]]:
    import torch

    end = time.monotonic() + 0.5 * materials.time_limit_s
    generator = torch.Generator().manual_seed(materials.seed)
    for _ in range(epochs):
        for chosen in torch.randperm(len(data[0]), generator=generator).split(size):
            if time.monotonic() > end:
                return
            if len(chosen) > 1:  # batch norm needs two rows
                yield [array[chosen] for array in data]


def _loss(found: Any, goal: Any, classes: bool) -> Any:
    from torch.nn import functional

    if not classes:
        return functional.mse_loss(found, goal)
    soft = functional.log_softmax(found / TEMPERATURE, dim=1), functional.log_softmax(goal / TEMPERATURE, dim=1)
    return functional.kl_div(*soft, log_target=True, reduction="batchmean") * TEMPERATURE**2
