"""A small residual network for scikit-learn's digits, up-sampled to 32 x 32: trained in about two minutes on two cores.

python benchmarks/models/digits_resnet.py --folder models     writes weights.pt, training.npz, calibration.npz, eval.npz
joulewise bench digits_resnet:make --data models/eval.npz --trust     (run in benchmarks/models)

The held-out half of the digits judges; the other half trains, and 200 rows of it calibrate.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional

WIDTH = 24
FOLDER = Path(os.environ.get("DIGITS_RESNET", Path(__file__).parent / "made"))


class Block(nn.Module):
    """Two 3 x 3 convolutions with batch norm, and the way around them."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outside)
        self.second = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outside)
        self.around = nn.Identity() if stride == 1 and inside == outside else nn.Conv2d(inside, outside, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(found)) + self.around(x))


class SmallResNet(nn.Module):
    """Three stages of two blocks; `width` channels in the first, twice as many in each that follows."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, 1, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(width)
        sizes = [(width, width, 1), (width, 2 * width, 2), (2 * width, 4 * width, 2)]
        self.stages = nn.Sequential(
            *(nn.Sequential(Block(start, end, stride), Block(end, end, 1)) for start, end, stride in sizes)
        )
        self.head = nn.Linear(4 * width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = self.stages(functional.relu(self.stem_norm(self.stem(x))))
        return self.head(found.mean(dim=(2, 3)))


def rows(seed: int = 0) -> dict[str, tuple[Any, Any]]:
    """(images (n, 1, 32, 32) float32 in 0..1, labels) by use: training, calibration, eval."""
    digits = load_digits()
    images = torch.from_numpy(digits.images.astype(np.float32) / 16.0)[:, None]
    images = functional.interpolate(images, size=(32, 32), mode="bilinear", align_corners=False).numpy()
    labels = digits.target.astype(np.int64)
    x, x_eval, y, y_eval = train_test_split(images, labels, test_size=0.5, random_state=seed, stratify=labels)
    x, x_calibration, y, y_calibration = train_test_split(x, y, test_size=200, random_state=seed, stratify=y)
    return {"training": (x, y), "calibration": (x_calibration, y_calibration), "eval": (x_eval, y_eval)}


def train(width: int = WIDTH, epochs: int = 6, seed: int = 0) -> SmallResNet:
    """Train on the training rows with small shifts; the same seed gives the same weights on the same machine."""
    torch.manual_seed(seed)
    x, y = (torch.from_numpy(array) for array in rows(seed)["training"])
    model, size = SmallResNet(width), 32
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    steps = epochs * (len(x) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=steps)
    for _ in range(epochs):
        for chosen in torch.randperm(len(x))[: len(x) // size * size].split(size):
            shift = tuple(int(number) for number in torch.randint(-3, 4, (2,)))
            loss = functional.cross_entropy(model(torch.roll(x[chosen], shift, dims=(2, 3))), y[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return model.eval()


def make(width: int | None = None) -> dict[str, Any]:
    """The trained network (trained now where no weights lie in `FOLDER`); with a `width`, an untrained copy of it."""
    if width is not None:
        return {"model": SmallResNet(width).eval()}
    path = FOLDER / "weights.pt"
    if not path.exists():
        save(FOLDER)
    model = SmallResNet()
    model.load_state_dict(torch.load(path, weights_only=True))
    example = {"x": torch.from_numpy(rows()["calibration"][0][:2])}
    return {"model": model.eval(), "example": example, "task": "classification", "classes": list(range(10))}


def save(folder: Path, epochs: int = 6) -> float:
    """Train, write weights and rows, return the accuracy on the held-out half."""
    folder.mkdir(parents=True, exist_ok=True)
    model = train(epochs=epochs)
    torch.save(model.state_dict(), folder / "weights.pt")
    for name, (x, y) in rows().items():
        np.savez(folder / f"{name}.npz", x=x, y=y)
    return accuracy(model)


@torch.inference_mode()
def accuracy(model: nn.Module) -> float:
    """Share of the held-out rows whose label is found."""
    x, y = (torch.from_numpy(array) for array in rows()["eval"])
    hits = [(model(part).argmax(dim=1) == label).sum() for part, label in zip(x.split(64), y.split(64), strict=True)]
    return float(sum(hits)) / len(y)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--epochs", type=int, default=6)
    chosen = parser.parse_args()
    print(f"accuracy {save(chosen.folder, chosen.epochs):.4f}, written to {chosen.folder}")
