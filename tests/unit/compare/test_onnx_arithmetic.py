"""FLOP of ONNX operators against what can be worked out by hand; what can't be counted is named, never zero."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from joulewise.compare.counting import SHORT_TEXT_TOKENS, Counted
from joulewise.compare.flops_onnx import count_graph
from joulewise.core.runtimes import Artifact

onnx = pytest.importorskip("onnx")
FLOAT, UINT8, INT8, INT32 = 1, 2, 3, 6


def node(kind: str, inputs: str, output: str = "y", domain: str = "", **more: Any) -> Any:
    return onnx.helper.make_node(kind, inputs.split(), output.split(), domain=domain, **more)


@pytest.fixture
def counted(tmp_path: Path) -> Any:
    """Count a graph: nodes, the shape of input x, stored tensors by name."""

    def count(nodes: list[Any], shape: list[Any], elem: int = FLOAT, **stored: Any) -> Counted:
        arrays = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()]
        ends = [
            onnx.helper.make_tensor_value_info("x", elem, shape),
            onnx.helper.make_tensor_value_info("y", FLOAT, None),
        ]
        graph = onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:], arrays)
        opsets = [onnx.helper.make_opsetid(*each) for each in (("", 17), ("com.microsoft", 1), ("ai.onnx.ml", 3))]
        model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
        (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
        return count_graph(Artifact(path=tmp_path / "m.onnx", format="onnx", facts={}))

    return count


def floats(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


def small(*shape: int) -> Any:
    return np.zeros(shape, np.uint8)


SCALES = {"s": np.float32(1), "z": np.uint8(0)}
ORT = "com.microsoft"
CASES: dict[str, tuple[list[Any], list[Any], dict[str, Any], float]] = {
    "a transposed first factor": ([node("Gemm", "x w", transA=1)], [1, 3], {"w": floats(1, 5)}, 2 * 15),
    "a convolution that ONNX Runtime fused": (
        [node("FusedConv", "x w b", domain=ORT, kernel_shape=[3, 3], pads=[1, 1, 1, 1], activation="Relu")],
        ["n", 2, 4, 4],
        {"w": floats(5, 2, 3, 3), "b": floats(5)},
        2 * 80 * 18 + 80,
    ),
    "a quantised convolution without a bias": (
        [node("QuantizeLinear", "x s z", "q"), node("QLinearConv", "q s z w s z s z", kernel_shape=[2, 2])],
        ["n", 1, 3, 3],
        {**SCALES, "w": small(1, 1, 2, 2)},
        2 * 9 + 2 * 4 * 4,
    ),
    "a quantised convolution and its bias": (
        [node("QuantizeLinear", "x s z", "q"), node("QLinearConv", "q s z w s z s z b", kernel_shape=[2, 2])],
        ["n", 1, 3, 3],
        {**SCALES, "w": small(1, 1, 2, 2), "b": np.zeros(1, np.int32)},
        2 * 9 + 2 * 4 * 4 + 4,
    ),
    "a convolution of integers": (
        [node("DynamicQuantizeLinear", "x", "q qs qz"), node("ConvInteger", "q w qz", kernel_shape=[3, 3])],
        ["n", 1, 3, 3],
        {"w": small(4, 1, 3, 3)},
        4 * 9 + 2 * 4 * 9,
    ),
    "weights of four bits": (
        [node("MatMulNBits", "x w ws", domain=ORT, K=64, N=10, bits=4, block_size=32)],
        ["n", 64],
        {"w": small(10, 2, 16), "ws": floats(20)},
        2 * 640,
    ),
    "a quantised product and sum": (
        [
            node("QuantizeLinear", "x s z", "q"),
            node("QLinearMatMul", "q s z w s z s z", "m"),
            node("QLinearAdd", "m s z v s z s z", "a", ORT),
            node("DequantizeLinear", "a s z"),
        ],
        ["n", 3],
        {**SCALES, "w": small(3, 4), "v": small(1, 4)},
        2 * 3 + 2 * 12 + 4 + 2 * 4,
    ),
    "a quantised mean over places": (
        [
            node("QuantizeLinear", "x s z", "q"),
            node("QLinearGlobalAveragePool", "q s z s z", "p", ORT, channels_last=0),
            node("DequantizeLinear", "p s z"),
        ],
        ["n", 2, 4, 4],
        SCALES,
        2 * 32 + 32 + 2 * 2,
    ),
    "a transposed convolution": (
        [node("ConvTranspose", "x w", kernel_shape=[2, 2], strides=[2, 2])],
        ["n", 3, 4, 4],
        {"w": floats(3, 5, 2, 2)},
        2 * 48 * 20,
    ),
    "an Einstein sum": ([node("Einsum", "x w", equation="bi, io -> bo")], ["n", 3], {"w": floats(3, 7)}, 2 * 21),
    "a mean over windows": (
        [node("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 2])],
        ["n", 3, 4, 4],
        {},
        12 * 4,
    ),
    "a maximum is no arithmetic": ([node("MaxPool", "x", kernel_shape=[2, 2])], ["n", 3, 4, 4], {}, 0),
    "a recurrent layer": (
        [node("GRU", "x w r", "y h", hidden_size=5)],
        ["t", 1, 3],
        {"w": floats(1, 15, 3), "r": floats(1, 15, 5)},
        2 * (45 + 75),
    ),
    "a regression of ONNX's own": (
        [node("LinearRegressor", "x", domain="ai.onnx.ml", coefficients=[1.0, 2.0, 3.0], intercepts=[4.0])],
        ["n", 3],
        {},
        2 * 3 + 1,
    ),
    "a softmax": ([node("Softmax", "x")], ["n", 5], {}, 4 * 5),
    "a mean over an axis": ([node("ReduceMean", "x", axes=[1])], ["n", 5], {}, 5),
    "a constant inside the graph": (
        [node("Constant", "", "c", value=onnx.numpy_helper.from_array(floats(3, 2))), node("MatMul", "x c")],
        ["n", 3],
        {},
        2 * 6,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_operator_counts_as_worked_out_by_hand(case: str, counted: Any) -> None:
    nodes, shape, stored, flop = CASES[case]
    found = counted(nodes, shape, **stored)
    assert (found.figure.value if found.figure else 0) == flop
    assert found.covered == 1
    assert "flops_not_covered" not in found.details


def test_fused_attention_counts_projections_scores_and_their_sum(counted: Any) -> None:
    """Width 8, 4 tokens: 3 projections of 8 x 8, then scores and their sum, 4 x 4 x 8 multiplications each."""
    one = node("Attention", "x w b", domain=ORT, num_heads=2)
    found = counted([one], ["n", 4, 8], w=floats(8, 24), b=floats(24))
    assert found.figure.value == 2 * 4 * 8 * 24 + 2 * 2 * 4 * 4 * 8


def test_free_lengths_are_counted_at_a_short_text_which_the_source_says(counted: Any) -> None:
    found = counted([node("MatMul", "x w")], ["n", "length", 3], w=floats(3, 2))
    assert found.figure.value == SHORT_TEXT_TOKENS * 2 * 6
    assert f"free axes at {SHORT_TEXT_TOKENS}" in found.figure.source


def test_an_operator_over_unknown_shapes_is_named(counted: Any) -> None:
    nodes = [node("NonZero", "x", "i"), node("Det", "x", "d"), node("MatMul", "d w", "m"), node("Relu", "m")]
    found = counted(nodes, ["n", 3, 3], w=floats(3, 2))
    assert found.details["flops_not_covered"]["Det"] == 1
    assert found.covered < 1


def test_a_graph_that_onnx_refuses_to_infer_is_counted_as_far_as_its_inputs_tell(counted: Any) -> None:
    """The factors don't fit, so inference stops: the first sum is known by its input, the product is not."""
    nodes = [node("Relu", "x", "a"), node("MatMul", "x w")]
    found = counted(nodes, ["n", 3], w=floats(7, 2))
    assert found.figure.value == 3
    assert found.details["flops_not_covered"] == {"MatMul": 1}
    assert found.covered == 0.5
    assert "50% of the operators, hence a lower bound" in found.figure.source


def test_trees_without_the_old_attributes_have_no_comparisons(counted: Any) -> None:
    found = counted([node("TreeEnsembleRegressor", "x", domain="ai.onnx.ml", n_targets=1)], ["n", 3])
    assert found.figure is None
    assert found.covered == 1
    assert found.details == {}


def test_a_graph_without_nodes_has_no_count(counted: Any) -> None:
    found = counted([], ["n", 3])
    assert (found.figure, found.covered) == (None, None)
