"""A lottery ticket in a small network: train, drop the smallest weights, rewind the others, and again; all measured."""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

import joulewise

SHARE, EPOCHS, REWIND = 0.2, 20, 1  # of the weights left, dropped in a round; of a training; the epoch to go back to


def dense(weights="dense.pt"):
    net = nn.Sequential(nn.Linear(64, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10))
    if weights:
        net.load_state_dict(torch.load(Path(__file__).with_name(weights), weights_only=True))
    return {"model": net.eval(), "example": {"input": torch.zeros(2, 64)}, "task": "classification"}


def ticket():
    return dense("ticket.pt")


def train(net, masks, epochs, x, y):
    optimiser = torch.optim.Adam(net.parameters(), 1.2e-3)
    for chosen in (rows for _ in range(epochs) for rows in torch.randperm(len(x)).split(32)):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(x[chosen]), y[chosen]).backward()
        optimiser.step()
        for name, mask in masks.items():
            net.get_parameter(name).data *= mask  # what was dropped stays zero


def main(rounds):
    torch.manual_seed(0)
    torch.set_num_threads(1)  # matrices this small: more threads would wait for one another
    x, y, x_eval, y_eval = (torch.from_numpy(np.load(f"{part}.npz")[key]) for part in ("train", "eval") for key in "xy")
    net = dense(None)["model"]
    masks = {name: torch.ones_like(value) for name, value in net.named_parameters() if value.dim() == 2}
    with joulewise.measure("lottery-ticket", kind="train") as session:
        train(net, masks, REWIND, x, y)
        early = {name: value.clone() for name, value in net.state_dict().items()}
        for number in range(rounds + 1):
            if number:  # the smallest weights of each layer go, of the last half as many; the others are rewound
                for name, mask in masks.items():
                    size, share = net.get_parameter(name).detach().abs(), SHARE / 2 if name == "4.weight" else SHARE
                    masks[name] = mask * (size > size[mask > 0].quantile(share))
                net.load_state_dict({name: value * masks.get(name, 1) for name, value in early.items()})
            with session.phase("tickets" if number else "dense"):
                train(net, masks, EPOCHS - REWIND, x, y)
            torch.save(net.state_dict(), "ticket.pt" if number else "dense.pt")
            left, right = torch.cat([mask.flatten() for mask in masks.values()]), net(x_eval).argmax(dim=1) == y_eval
            print(f"round {number:2}: {left.mean():5.1%} of the weights, accuracy {right.float().mean():.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
