"""FLOP of PyTorch modules against what can be worked out by hand, one row at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from joulewise.core.runtimes import Artifact

torch = pytest.importorskip("torch")
SHAPES = {"x": ("float32", ["batch", 4])}


class Fixed(torch.nn.Module):
    """Multiplies by a square; `rows` is the least batch that it takes."""

    def __init__(self, rows: int = 1) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(4, 4))
        self.rows = rows

    def forward(self, x: Any) -> Any:
        if len(x) < self.rows:
            raise ValueError("want more rows")
        return x @ self.weight


class Heads(torch.nn.Module):
    """Attention of itself: 2 heads, 4 numbers each."""

    def forward(self, x: Any) -> Any:
        return torch.nn.functional.scaled_dot_product_attention(x, x, x)


class Apart(torch.nn.Module):
    """An operator that nobody has a rule for, and a list of answers."""

    def forward(self, x: Any) -> Any:
        return torch.linalg.det(x.reshape(-1, 2, 2)), x.chunk(2, dim=1)[0] + 1


def counted(module: Any, monkeypatch: pytest.MonkeyPatch, **inputs: tuple[str, list[Any]]) -> Any:
    from joulewise.compare import flops_torch

    monkeypatch.setattr(flops_torch, "module_of", lambda _artifact: module.eval())
    told = [{"name": name, "dtype": dtype, "shape": shape} for name, (dtype, shape) in (inputs or SHAPES).items()]
    return flops_torch.count_module(Artifact(path=Path(), format="torch-module", facts={"inputs": told}))


def test_products_sums_and_activations_count_as_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = torch.nn.Sequential(
        torch.nn.Linear(4, 8, bias=False), torch.nn.ReLU(), torch.nn.LayerNorm(8), torch.nn.Softmax(dim=1)
    )
    found = counted(layers, monkeypatch)
    assert found.figure.value == 2 * 32 + 8 + 7 * 8 + 4 * 8
    assert found.covered == 1
    assert found.details == {}


def test_a_mean_counts_what_goes_in_and_moving_counts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    found = counted(layers, monkeypatch, x=("float32", ["batch", 3, 6, 6]))
    assert found.figure.value == 3 * 36
    nothing = counted(torch.nn.Flatten(), monkeypatch, x=("float32", ["batch", 2, 2]))
    assert nothing.figure is None
    assert nothing.covered == 1


def test_a_model_that_wants_more_than_one_row_is_counted_by_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    assert counted(Fixed(2), monkeypatch).figure.value == 2 * 16
    assert counted(Fixed(3), monkeypatch) is None  # it refuses the rows that we make up: unknown, not zero


def test_attention_on_the_cpu_counts_scores_and_their_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    found = counted(Heads(), monkeypatch, x=("float32", ["batch", 2, 5, 4]))
    assert found.figure.value == 4 * (2 * 5 * 4) * 5
    assert found.covered == 1


def test_an_operator_without_a_rule_is_named_and_makes_a_lower_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    found = counted(Apart(), monkeypatch)
    assert any("det" in name or "lu" in name for name in found.details["flops_not_covered"])
    assert 0 < found.covered < 1
    assert "lower bound" in found.figure.source


def test_free_lengths_are_counted_at_a_short_text_and_other_free_axes_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embedding = torch.nn.Sequential(torch.nn.Embedding(10, 4), torch.nn.ReLU())
    found = counted(embedding, monkeypatch, input_ids=("int64", ["batch", "length"]))
    assert found.figure.value == 32 * 4
    assert "free axes at 32" in found.figure.source
    assert counted(embedding, monkeypatch, x=("float32", ["batch", "height"])) is None
