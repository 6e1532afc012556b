"""Transforms of ONNX graphs, on small graphs made here: thin products, weights alone, shorter texts, thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from joulewise.compare import artifact_of
from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.float16 import Float16
from joulewise.shrink.transforms.int8_dynamic import Int8Dynamic
from joulewise.shrink.transforms.low_rank import LowRank
from joulewise.shrink.transforms.onnx_graphs import operators, read_model
from joulewise.shrink.transforms.onnx_thresholds import round_down
from joulewise.shrink.transforms.processor import has_float16
from joulewise.shrink.transforms.sequence import Sequence
from joulewise.shrink.transforms.to_openvino import ToOpenVino
from joulewise.shrink.transforms.weights_only import WeightsOnly
from joulewise.testing.transforms import answers

pytestmark = pytest.mark.filterwarnings("ignore")
make_node, make_input = onnx.helper.make_node, onnx.helper.make_tensor_value_info


def saved(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: dict[str, Any]) -> Artifact:
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = onnx.helper.make_graph(nodes, "graph", inputs, outputs, tensors)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return artifact_of(path)


def product(folder: Path, weight: Any, kind: str = "MatMul") -> tuple[Artifact, Materials]:
    """rows @ weight, and 40 rows to calibrate with."""
    inside, outside = weight.shape
    artifact = saved(
        folder / "model.onnx",
        [make_node(kind, ["x", "w"], ["vector"])],
        [make_input("x", onnx.TensorProto.FLOAT, ["batch", inside])],
        [make_input("vector", onnx.TensorProto.FLOAT, ["batch", outside])],
        {"w": weight.astype(np.float32)},
    )
    np.savez(folder / "rows.npz", x=np.random.default_rng(0).normal(size=(40, inside)).astype(np.float32))
    return artifact, Materials(calibration=folder / "rows.npz")


def thin(rank: int, size: int = 128) -> Any:
    random = np.random.default_rng(1)
    return random.normal(size=(size, rank)) @ random.normal(size=(rank, size))


@pytest.mark.parametrize("kind", ["MatMul", "Gemm"])
def test_a_matrix_of_low_rank_becomes_two_without_loss(tmp_path: Path, kind: str) -> None:
    artifact, materials = product(tmp_path, thin(8), kind)
    made = LowRank().apply(artifact, {"energy": 0.9999999}, materials, tmp_path / "made")
    assert [node.op_type for node in read_model(made.path).graph.node] == ["MatMul", kind]
    assert made.path.stat().st_size < artifact.path.stat().st_size / 3
    before, after = answers(artifact, materials)["vector"], answers(made, materials)["vector"]
    assert np.allclose(before, after, atol=1e-3 * np.abs(before).max())


def test_a_matrix_of_full_rank_is_refused(tmp_path: Path) -> None:
    artifact, materials = product(tmp_path, np.eye(128))
    with pytest.raises(ModelError, match="too slowly"):
        LowRank().apply(artifact, {"energy": 0.99}, materials, tmp_path / "made")


def test_small_matrices_are_left_alone(tmp_path: Path) -> None:
    artifact, materials = product(tmp_path, thin(4, 32))
    assert LowRank().offers(artifact, materials) == ()
    assert "64" in LowRank().why_not(artifact, materials)


@pytest.mark.parametrize(("bits", "smaller"), [(8, 3), (4, 5)])
def test_weights_alone_shrink_the_file(tmp_path: Path, bits: int, smaller: float) -> None:
    artifact, materials = product(tmp_path, np.random.default_rng(2).normal(size=(512, 512)))
    offers = {each["bits"]: each for each in WeightsOnly().offers(artifact, materials)}
    made = WeightsOnly().apply(artifact, offers[bits], materials, tmp_path / "made")
    assert "MatMulNBits" in operators(read_model(made.path))
    assert made.path.stat().st_size < artifact.path.stat().st_size / smaller
    assert ToOpenVino().why_not(made, materials)


def test_weights_that_fit_the_cache_are_left_alone(tmp_path: Path) -> None:
    artifact, materials = product(tmp_path, thin(8))
    assert "cache" in WeightsOnly().why_not(artifact, materials)


def test_quantizing_twice_is_refused(tmp_path: Path) -> None:
    artifact, materials = product(tmp_path, thin(8))
    made = Int8Dynamic().apply(artifact, {}, materials, tmp_path / "made")
    assert "quantized" in WeightsOnly().why_not(made, materials)


def test_float16_is_offered_only_where_the_processor_computes_in_it(tmp_path: Path) -> None:
    artifact, materials = product(tmp_path, thin(8))
    assert bool(Float16().offers(artifact, materials)) == has_float16()


def test_float16_keeps_float32_at_the_edges(tmp_path: Path) -> None:
    artifact, materials = product(tmp_path, thin(8))
    made = Float16().apply(artifact, {"kind": "float16"}, materials, tmp_path / "made")
    assert made.facts["inputs"][0]["dtype"] == made.facts["outputs"][0]["dtype"] == "float32"


def encoder(folder: Path) -> tuple[Artifact, Materials]:
    """Sums the embeddings of the tokens under the mask; the rows have 3 to 9 tokens, padded to 16."""
    lengths = np.array([3, 4, 5, 9] * 5)
    mask = (np.arange(16) < lengths[:, None]).astype(np.int64)
    ids = np.random.default_rng(3).integers(1, 50, size=mask.shape) * mask
    np.savez(folder / "rows.npz", input_ids=ids, attention_mask=mask)
    nodes = [
        make_node("Gather", ["table", "input_ids"], ["embedded"]),
        make_node("Cast", ["attention_mask"], ["weight"], to=onnx.TensorProto.FLOAT),
        make_node("Unsqueeze", ["weight", "last"], ["column"]),
        make_node("Mul", ["embedded", "column"], ["masked"]),
        make_node("ReduceSum", ["masked", "middle"], ["sentence_embedding"], keepdims=0),
    ]
    tokens = [make_input(name, onnx.TensorProto.INT64, ["batch", "length"]) for name in ("input_ids", "attention_mask")]
    output = make_input("sentence_embedding", onnx.TensorProto.FLOAT, ["batch", 8])
    table = np.random.default_rng(4).normal(size=(50, 8)).astype(np.float32)
    weights = {"table": table, "last": np.array([-1]), "middle": np.array([1])}
    artifact = saved(folder / "model.onnx", nodes, tokens, [output], weights)
    return artifact, Materials(calibration=folder / "rows.npz")


def test_cutting_to_the_longest_row_changes_no_answer(tmp_path: Path) -> None:
    artifact, materials = encoder(tmp_path)
    assert Sequence().offers(artifact, materials)[0] == {"length": "longest"}
    made = Sequence().apply(artifact, {"length": "longest"}, materials, tmp_path / "made")
    before, after = (answers(each, materials)["sentence_embedding"] for each in (artifact, made))
    assert np.allclose(before, after, atol=1e-6)


def test_cutting_at_a_length_changes_only_longer_rows(tmp_path: Path) -> None:
    artifact, materials = encoder(tmp_path)
    made = Sequence().apply(artifact, {"length": 5}, materials, tmp_path / "made")
    before, after = (answers(each, materials)["sentence_embedding"] for each in (artifact, made))
    same = np.isclose(before, after, atol=1e-6).all(axis=1)
    assert same.tolist() == [True, True, True, False] * 5


@pytest.mark.parametrize("length", [0, -3, "short", 2.5])
def test_a_length_that_is_none_is_refused(tmp_path: Path, length: object) -> None:
    artifact, materials = encoder(tmp_path)
    with pytest.raises(ModelError, match="number of tokens"):
        Sequence().apply(artifact, {"length": length}, materials, tmp_path / "made")


def test_a_float32_threshold_decides_as_the_float64_one_does() -> None:
    random = np.random.default_rng(5)
    thresholds = np.concatenate([random.normal(size=1000), [0.0, 1.0, 0.1, -0.1, 1e-30, 1e30]])
    rounded = round_down(thresholds)
    assert rounded.dtype == np.float32
    for row in (rounded, np.nextafter(rounded, np.float32(np.inf)), np.nextafter(rounded, np.float32(-np.inf))):
        assert np.array_equal(row <= rounded, row.astype(np.float64) <= thresholds)
