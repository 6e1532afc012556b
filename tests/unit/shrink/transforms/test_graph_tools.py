"""The tools that transforms of ONNX graphs share: subgraphs are seen, large models split, lost outputs refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from joulewise.compare import artifact_of
from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms import onnx_graphs
from joulewise.shrink.transforms.float16 import Float16
from joulewise.shrink.transforms.int8_dynamic import Int8Dynamic
from joulewise.shrink.transforms.int8_openvino import Int8OpenVino
from joulewise.shrink.transforms.int8_static import Int8Static
from joulewise.shrink.transforms.low_rank import LowRank
from joulewise.shrink.transforms.onnx_graphs import (
    free_batch,
    onnx_artifact,
    operators,
    peek,
    read_model,
    strip_zipmaps,
    write_model,
)
from joulewise.shrink.transforms.optimise import Optimise, is_transformer
from joulewise.shrink.transforms.preparing import prepared
from joulewise.shrink.transforms.weights_only import WeightsOnly

pytestmark = pytest.mark.filterwarnings("ignore")
FLOAT, BOOL = onnx.TensorProto.FLOAT, onnx.TensorProto.BOOL
node, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info


def graph(nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: dict[str, Any] | None = None) -> Any:
    tensors = [onnx.numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in
               (weights or {}).items()]  # fmt: skip
    return onnx.helper.make_graph(nodes, "graph", inputs, outputs, tensors)


def model_of(made: Any) -> Any:
    imports = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("ai.onnx.ml", 3)]
    return onnx.helper.make_model(made, opset_imports=imports, ir_version=9)


def saved(path: Path, nodes: list[Any], weights: dict[str, Any] | None = None, width: int = 4) -> Artifact:
    sides = [[info(name, FLOAT, ["batch", width])] for name in ("x", "y")]
    onnx.save(model_of(graph(nodes, *sides, weights)), str(path))
    return artifact_of(path)


def chain(*kinds: str) -> list[Any]:
    names = ["x", *(f"t{at}" for at in range(len(kinds) - 1)), "y"]
    return [node(kind, [names[at]], [names[at + 1]]) for at, kind in enumerate(kinds)]


MATERIALS = Materials(calibration=Path("rows.npz"))


def test_operators_of_branches_are_seen() -> None:
    branches = [graph([node(kind, ["x"], [kind])], [], [info(kind, FLOAT, ["batch", 4])]) for kind in ("Relu", "Tanh")]
    whole = graph(
        [node("If", ["c"], ["y"], then_branch=branches[0], else_branch=branches[1])],
        [info("x", FLOAT, ["batch", 4]), info("c", BOOL, [])],
        [info("y", FLOAT, ["batch", 4])],
    )

    assert operators(model_of(whole)) == {"If", "Relu", "Tanh"}


def test_a_torn_file_has_no_operators_to_peek_at_and_can_not_be_read(tmp_path: Path) -> None:
    torn = tmp_path / "torn.onnx"
    torn.write_bytes(b"\x08\xff not a graph")

    assert peek(torn) == peek(tmp_path / "absent.onnx") == set()
    with pytest.raises(ModelError, match="can't be read as ONNX") as caught:
        read_model(torn)
    assert caught.value.hint


def test_weights_that_one_file_can_not_hold_lie_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is of protocol buffers, 2 GB; lowered here."""
    monkeypatch.setattr(onnx_graphs, "LIMIT_BYTES", 1000)
    random = np.random.default_rng(0)
    weight = random.normal(size=(64, 64)).astype(np.float32)
    sides = [[info(name, FLOAT, ["batch", 64])] for name in ("x", "y")]
    path = write_model(model_of(graph([node("MatMul", ["x", "w"], ["y"])], *sides, {"w": weight})), tmp_path)

    assert (tmp_path / "model.onnx.data").stat().st_size >= weight.nbytes
    assert path.stat().st_size < 1000
    assert np.array_equal(onnx.numpy_helper.to_array(read_model(path).graph.initializer[0]), weight)


def test_a_file_version_that_is_too_new_for_runtimes_is_lowered(tmp_path: Path) -> None:
    made = model_of(graph(chain("Relu"), [info("x", FLOAT, [1])], [info("y", FLOAT, [1])]))
    made.ir_version = 99

    assert read_model(write_model(made, tmp_path)).ir_version == onnx_graphs.IR_VERSION


def test_scores_come_out_as_a_matrix_and_not_as_dictionaries() -> None:
    scores = onnx.helper.make_node("ZipMap", ["raw"], ["scores"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])
    kind = onnx.helper.make_sequence_type_proto(
        onnx.helper.make_map_type_proto(onnx.TensorProto.INT64, onnx.helper.make_tensor_type_proto(FLOAT, None))
    )
    made = model_of(graph([node("Softmax", ["x"], ["raw"]), scores], [info("x", FLOAT, ["batch", 2])],
                          [onnx.helper.make_value_info("scores", kind)]))  # fmt: skip
    strip_zipmaps(made)

    onnx.checker.check_model(made)
    assert [(each.op_type, list(each.output)) for each in made.graph.node] == [("Softmax", ["scores"])]
    assert made.graph.output[0].type.tensor_type.elem_type == FLOAT


def test_a_batch_that_was_fixed_is_freed() -> None:
    made = model_of(graph(chain("Relu"), [info("x", FLOAT, [1, 4])], [info("y", FLOAT, [1, 4])]))
    free_batch(made)
    sizes = [[size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
             for value in (*made.graph.input, *made.graph.output)]  # fmt: skip

    assert sizes == [["batch", 4], ["batch", 4]]


def test_a_graph_that_lost_an_answer_is_refused(tmp_path: Path) -> None:
    artifact = saved(tmp_path / "model.onnx", chain("Relu"))
    before = Artifact(path=artifact.path, format="onnx", facts={**artifact.facts, "roles": {"scores": "probabilities"}})

    with pytest.raises(ModelError, match="probabilities are gone"):
        onnx_artifact(before, artifact.path)


def test_what_was_known_of_the_model_stays_and_what_is_the_files_is_the_files(tmp_path: Path) -> None:
    artifact = saved(tmp_path / "model.onnx", chain("Relu"))
    facts = {
        "task": "regression",
        "columns": ["a", "b"],
        "roles": {"values": "y"},
        "inputs": "stale",
        "opsets": "stale",
    }
    made = onnx_artifact(Artifact(path=tmp_path, format="sklearn", facts=facts), artifact.path)

    assert made.facts["task"] == "regression"
    assert made.facts["columns"] == ["a", "b"]
    assert made.facts["inputs"] == artifact.facts["inputs"]
    assert made.facts["opsets"] == artifact.facts["opsets"]


@pytest.mark.parametrize(
    ("transform", "kinds", "why"),
    [
        (Int8Dynamic(), ("Relu",), "no MatMul or Gemm"),
        (Int8Dynamic(), ("DynamicQuantizeLinear",), "quantized already"),
        (Int8Dynamic(), ("Attention",), "fused transformer got slower"),
        (Int8Static(), ("Relu",), "no convolution, MatMul or Gemm"),
        (Int8Static(), ("QuantizeLinear",), "quantized already"),
        (Int8OpenVino(), ("TreeEnsembleRegressor",), "OpenVINO does not run TreeEnsembleRegressor"),
        (LowRank(), ("Relu",), "no MatMul or Gemm"),
        (WeightsOnly(), ("Gemm",), "no MatMul"),
        (WeightsOnly(), ("MatMulNBits",), "quantized already"),
        (Optimise(), ("QuantizeLinear",), "optimise before"),
        (Optimise(), ("TreeEnsembleClassifier", "Cast"), "nothing to fuse"),
    ],
    ids=lambda found: getattr(found, "name", None),
)
def test_why_a_graph_does_not_suit_is_said_and_nothing_offered(
    tmp_path: Path, transform: Any, kinds: tuple[str, ...], why: str
) -> None:
    made = graph(chain(*kinds), [info("x", FLOAT, ["batch", 4])], [info("y", FLOAT, ["batch", 4])])
    path = tmp_path / "model.onnx"
    path.write_bytes(model_of(made).SerializeToString())
    artifact = Artifact(path=path, format="onnx", facts={"inputs": [], "outputs": []})

    assert why in transform.why_not(artifact, MATERIALS)
    assert transform.offers(artifact, MATERIALS) == ()


def test_a_transformer_shows_by_its_operators(tmp_path: Path) -> None:
    def is_one(*kinds: str) -> bool:
        path = tmp_path / f"{'-'.join(kinds)}.onnx"
        sides = [info("x", FLOAT, [4])], [info("y", FLOAT, [4])]
        path.write_bytes(model_of(graph(chain(*kinds), *sides)).SerializeToString())
        return is_transformer(Artifact(path=path, format="onnx"))

    assert is_one("MatMul", "Softmax", "LayerNormalization")
    assert is_one("MatMul", "Softmax", "ReduceMean", "Sqrt")
    assert not is_one("MatMul", "Softmax")
    assert not is_one("MatMul", "Softmax", "LayerNormalization", "Conv")


def test_a_kind_of_half_precision_that_does_not_fit_the_format_is_refused(tmp_path: Path) -> None:
    artifact = saved(tmp_path / "model.onnx", chain("Relu"))
    with pytest.raises(ModelError, match="bfloat16 of a model of format onnx") as caught:
        Float16().apply(artifact, {"kind": "bfloat16"}, MATERIALS, tmp_path / "made")
    assert "float16 for onnx" in caught.value.hint


def test_what_can_not_be_prepared_is_quantized_as_it_is(tmp_path: Path) -> None:
    """Whatever is wrong with it, the quantizer itself says it better; the user's file is not touched."""
    path = tmp_path / "odd.onnx"
    path.write_bytes(b"\x08\xff not a graph")

    with prepared(Artifact(path=path, format="onnx")) as found:
        assert found == path.resolve()
    assert path.read_bytes() == b"\x08\xff not a graph"
    assert [each.name for each in tmp_path.iterdir()] == ["odd.onnx"]


def test_preparing_leaves_nothing_where_the_user_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Symbolic shape inference keeps what it does not understand in the working directory, with all weights."""
    monkeypatch.chdir(tmp_path)
    sides = [info("x", FLOAT, ["batch", 4])], [info("y", FLOAT, ["batch", 4])]
    Path("odd.onnx").write_bytes(model_of(graph([node("NoSuchThing", ["x"], ["y"])], *sides)).SerializeToString())

    with prepared(Artifact(path=Path("odd.onnx"), format="onnx")) as found:
        assert operators(read_model(found)) == {"NoSuchThing"}
    assert [each.name for each in tmp_path.iterdir()] == ["odd.onnx"]


def test_biases_that_are_rows_are_flattened_before_quantization(tmp_path: Path) -> None:
    """As skl2onnx writes them; one that an addition uses too stays as it is."""
    random = np.random.default_rng(0)
    weights = {"w": random.normal(size=(4, 4)), "b": random.normal(size=(1, 4)), "c": random.normal(size=(1, 4))}
    nodes = [node("Gemm", ["x", "w", "b"], ["t"]), node("Gemm", ["t", "w", "c"], ["u"]), node("Add", ["u", "c"], ["y"])]
    artifact = saved(tmp_path / "model.onnx", nodes, weights)

    with prepared(artifact, optimise=False) as found:
        shapes = {tensor.name: list(tensor.dims) for tensor in onnx.load(str(found)).graph.initializer}
        assert found != artifact.path
    assert shapes["b"] == [4]
    assert shapes["c"] == [1, 4]
    assert read_model(artifact.path).graph.initializer[1].dims[0] == 1, "the user's file is not touched"


def test_matrices_that_are_computed_or_turned_are_left_whole(tmp_path: Path) -> None:
    """Only constant matrices can be split: x @ x' and a Gemm that turns its input are left."""
    random = np.random.default_rng(1)
    thin = random.normal(size=(128, 4)) @ random.normal(size=(4, 128))
    np.savez(tmp_path / "rows.npz", x=random.normal(size=(128, 128)).astype(np.float32))
    nodes = [node("Gemm", ["x", "w"], ["t"], transA=1), node("MatMul", ["t", "x"], ["y"])]
    artifact = saved(tmp_path / "model.onnx", nodes, {"w": thin}, width=128)

    with pytest.raises(ModelError, match="too slowly"):
        LowRank().apply(artifact, {"energy": 0.5}, Materials(calibration=tmp_path / "rows.npz"), tmp_path / "made")
