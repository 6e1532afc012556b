"""A forest and a convolutional net for scikit-learn's digits, with the rows to train and to judge them.

python digit_nets.py    writes train.npz, eval.npz, forest.joblib and cnn.pt here
digit_nets:cnn          is the net as `joulewise bench` and `joulewise shrink` take it
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from torch import nn


def cnn(width: int | None = None) -> dict[str, Any]:
    """The trained net; an untrained one where a `width` is asked for: a student that is yet to learn."""
    w = width or 32
    net = nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        *(nn.Conv2d(1, w, 3, 1, 1), nn.BatchNorm2d(w), nn.ReLU()),
        *(nn.Conv2d(w, 2 * w, 3, 1, 1), nn.BatchNorm2d(2 * w), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(2 * w, 2 * w, 3, 1, 1), nn.BatchNorm2d(2 * w), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * w, 10)),
    )
    if width is None:
        net.load_state_dict(torch.load(Path(__file__).with_name("cnn.pt"), weights_only=True))
    return {"model": net.eval(), "example": {"input": torch.zeros(2, 64)}, "task": "classification"}


def main() -> None:
    torch.manual_seed(0)
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    x_train, x_eval, y_train, y_eval = train_test_split(x, y, test_size=0.6, random_state=0, stratify=y)
    np.savez("train.npz", x=x_train, y=y_train)
    np.savez("eval.npz", x=x_eval, y=y_eval)
    joblib.dump(RandomForestClassifier(200, random_state=0).fit(x_train, y_train), "forest.joblib")
    net, rows, labels = cnn(width=32)["model"].train(), torch.from_numpy(x_train), torch.from_numpy(y_train)
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(10):
        for chosen in torch.randperm(len(rows)).split(32):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(rows[chosen]), labels[chosen]).backward()
            optimiser.step()
    torch.save(net.state_dict(), "cnn.pt")
    right = net.eval()(torch.from_numpy(x_eval)).argmax(dim=1) == torch.from_numpy(y_eval)
    print(f"cnn: accuracy {right.float().mean():.3f} on {len(x_eval)} rows that it has not seen")


if __name__ == "__main__":
    main()
