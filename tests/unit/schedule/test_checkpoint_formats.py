"""PyTorch's state goes to disk and back: with a stand-in of the few functions of torch that are called, since the
contract is ours, and torch itself is two gigabytes."""

from __future__ import annotations

import pickle
import random
import types

import numpy as np
import pytest

import joulewise
from joulewise.schedule.checkpoint_formats import TorchFormat, TorchState, torch_agreement


class Generators:
    """torch's, and CUDA's if there is one."""

    def __init__(self, *, cuda):
        self.cpu, self.gpu, self.has_cuda = 1, [2, 3], cuda


class Part:
    """A model or an optimizer."""

    def __init__(self, value):
        self.value = value

    def state_dict(self):
        return {"value": self.value}

    def load_state_dict(self, state):
        self.value = state["value"]


def stand_in(*, cuda=False, asked_elsewhere=None, backend="gloo"):
    torch = types.ModuleType("torch")
    generators = torch.generators = Generators(cuda=cuda)

    def save(state, path):
        with open(path, "wb") as file:
            pickle.dump(state, file)

    def load(path, *, map_location, weights_only):
        assert (map_location, weights_only) == ("cpu", True)
        with open(path, "rb") as file:
            return pickle.load(file)

    class Flag:
        def __init__(self, value, device):
            self.value, self.device = value[0], device

        def item(self):
            return self.value

    def all_reduce(flag, op):
        assert op == "max"
        flag.value = max(flag.value, int(bool(asked_elsewhere)))
        torch.reduced_on = flag.device

    torch.save, torch.load = save, load
    torch.get_rng_state = lambda: generators.cpu
    torch.set_rng_state = lambda state: setattr(generators, "cpu", state)
    torch.cuda = types.SimpleNamespace(
        is_available=lambda: generators.has_cuda,
        get_rng_state_all=lambda: list(generators.gpu),
        set_rng_state_all=lambda state: setattr(generators, "gpu", state),
    )
    torch.tensor = lambda value, device: Flag(value, device)  # noqa: PLW0108 - as torch's, by keyword
    torch.distributed = types.SimpleNamespace(
        is_available=lambda: True,
        is_initialized=lambda: asked_elsewhere is not None,
        get_backend=lambda: backend,
        all_reduce=all_reduce,
        ReduceOp=types.SimpleNamespace(MAX="max"),
    )
    return torch


@pytest.fixture
def with_torch(monkeypatch):
    def install(**options):
        torch = stand_in(**options)
        monkeypatch.setitem(__import__("sys").modules, "torch", torch)
        return torch

    return install


@pytest.mark.parametrize("cuda", [False, True])
def test_training_goes_on_where_it_was_random_numbers_too(tmp_path, with_torch, cuda):
    torch = with_torch(cuda=cuda)
    model, optimizer = Part("trained"), Part("momentum")
    state = TorchState(model=model, optimizer=optimizer)
    checkpoint = joulewise.checkpointing(str(tmp_path / "a.ckpt"), format=TorchFormat(), environ={})
    random.seed(7)
    np.random.seed(7)
    checkpoint.save(lambda: state.at(12, best=0.5))
    expected = random.random(), float(np.random.rand())
    torch.generators.cpu, torch.generators.gpu = 99, [98, 97]
    model.value = optimizer.value = "as new"

    again = joulewise.checkpointing(str(tmp_path / "a.ckpt"), format=TorchFormat(), environ={})
    saved = again.resume()

    assert state.restore(saved) == 12
    assert saved["more"] == {"best": 0.5}
    assert (model.value, optimizer.value) == ("trained", "momentum")
    assert (random.random(), float(np.random.rand())) == expected
    assert torch.generators.cpu == 1
    assert torch.generators.gpu == ([2, 3] if cuda else [98, 97])


def test_without_a_checkpoint_training_begins(with_torch):
    with_torch()
    model = Part("as made")

    assert TorchState(model=model).restore(None) == 0
    assert model.value == "as made"


@pytest.mark.parametrize(
    ("mine", "elsewhere", "agreed"),
    [(False, False, False), (True, False, True), (False, True, True), (True, None, True)],
)
def test_ranks_agree_to_stop(with_torch, mine, elsewhere, agreed):
    with_torch(asked_elsewhere=elsewhere)

    assert torch_agreement()(mine) is agreed


def test_with_nccl_the_flag_lives_on_the_gpu(with_torch):
    torch = with_torch(asked_elsewhere=True, backend="nccl")
    torch_agreement()(False)

    assert torch.reduced_on == "cuda"
