"""Cards of models: hash, size, parameters and FLOPs against what can be worked out by hand."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from shutil import copy, copytree
from typing import Any

import numpy as np
import pytest

from joulewise.compare import artifact_of, model_card
from joulewise.compare.cards import model_id
from joulewise.core.ulid import is_ulid
from joulewise.testing.made import real_rows
from joulewise.testing.models import linear_folder

pytest.importorskip("sklearn")


def _onnx_card(
    path: Path, nodes: list[Any], shape: list[Any], stored: dict[str, tuple[int, ...]], opset: int = 17
) -> Any:
    onnx = pytest.importorskip("onnx")
    arrays = [onnx.numpy_helper.from_array(np.zeros(dims, np.float32), name) for name, dims in stored.items()]
    x = onnx.helper.make_tensor_value_info("x", 1, shape)
    y = onnx.helper.make_tensor_value_info("y", 1, None)
    graph = onnx.helper.make_graph(nodes, "g", [x], [y], arrays)
    domains = [onnx.helper.make_opsetid("", opset), onnx.helper.make_opsetid("com.microsoft", 1)]
    path.write_bytes(onnx.helper.make_model(graph, opset_imports=domains, ir_version=8).SerializeToString())
    return model_card(artifact_of(path))


def _node(kind: str, inputs: list[str], output: str, **more: Any) -> Any:
    onnx = pytest.importorskip("onnx")
    return onnx.helper.make_node(kind, inputs, [output], **more)


def test_the_hash_of_one_file_is_that_of_the_file(tmp_path: Path) -> None:
    card = _onnx_card(tmp_path / "m.onnx", [_node("MatMul", ["x", "w"], "y")], ["n", 3], {"w": (3, 2)})
    assert card.sha256 == sha256((tmp_path / "m.onnx").read_bytes()).hexdigest()
    assert card.size_bytes == (tmp_path / "m.onnx").stat().st_size
    assert is_ulid(card.id)
    assert card.id == model_id(card.sha256)


def test_a_copy_under_another_name_is_the_same_model(tmp_path: Path) -> None:
    made = linear_folder(tmp_path)
    copytree(made.text, tmp_path / "copy")
    assert model_card(artifact_of(made.text)).id == model_card(artifact_of(tmp_path / "copy")).id
    copy(tmp_path / "copy" / "linear.json", tmp_path / "copy" / "renamed.json")
    assert model_card(artifact_of(made.text)).id != model_card(artifact_of(tmp_path / "copy")).id


def test_a_convolution_counts_two_for_each_multiply_and_add(tmp_path: Path) -> None:
    """8 x 8 places x 4 channels out x (3 channels in x 3 x 3) x 2, and a bias each; the ReLU one each."""
    nodes = [_node("Conv", ["x", "w", "b"], "c", pads=[1, 1, 1, 1]), _node("Relu", ["c"], "y")]
    card = _onnx_card(tmp_path / "m.onnx", nodes, ["n", 3, 8, 8], {"w": (4, 3, 3, 3), "b": (4,)})
    assert card.flops.value == 2 * 256 * 27 + 256 + 256
    assert card.flops.unit == "FLOP"
    assert card.flops_covered == 1
    assert card.parameters == 4 * 27 + 4


def test_a_grouped_convolution_counts_its_group_alone(tmp_path: Path) -> None:
    nodes = [_node("Conv", ["x", "w"], "y", pads=[1, 1, 1, 1], group=4)]
    card = _onnx_card(tmp_path / "m.onnx", nodes, ["n", 4, 8, 8], {"w": (4, 1, 3, 3)})
    assert card.flops.value == 2 * 256 * 9


def test_a_batch_of_the_file_does_not_count(tmp_path: Path) -> None:
    for batch in ("n", 1, 16):
        card = _onnx_card(
            tmp_path / "m.onnx", [_node("Gemm", ["x", "w", "b"], "y")], [batch, 3], {"w": (3, 5), "b": (5,)}
        )
        assert card.flops.value == 2 * 15 + 5


def test_operators_of_onnx_runtime_are_counted_over_stand_ins(tmp_path: Path) -> None:
    nodes = [
        _node("FusedMatMul", ["x", "w"], "m", domain="com.microsoft"),
        _node("FastGelu", ["m"], "g", domain="com.microsoft"),
        _node("MatMul", ["g", "v"], "y"),
    ]
    card = _onnx_card(tmp_path / "m.onnx", nodes, ["n", 3], {"w": (3, 4), "v": (4, 2)})
    assert card.flops.value == 2 * 12 + 4 + 2 * 8
    assert card.flops_covered == 1


def test_what_is_not_covered_is_named_and_makes_a_lower_bound(tmp_path: Path) -> None:
    nodes = [_node("MatMul", ["x", "w"], "m"), _node("Det", ["m"], "y")]
    card = _onnx_card(tmp_path / "m.onnx", nodes, ["n", 3], {"w": (3, 2)})
    assert card.flops_covered == 0.5
    assert "lower bound" in card.flops.source
    assert card.details["flops_not_covered"] == {"Det": 1}


def test_a_network_of_scikit_learn_counts_its_layers(tmp_path: Path) -> None:
    import joblib
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y, *_ = real_rows("diabetes")
    network = MLPRegressor(hidden_layer_sizes=(5,), max_iter=5000, tol=10.0, random_state=0)
    joblib.dump(make_pipeline(StandardScaler(), network).fit(x, y), tmp_path / "m.joblib")
    card = model_card(artifact_of(tmp_path / "m.joblib", trust=True))
    assert card.parameters == 20 + 10 * 5 + 5 + 5 + 1
    assert card.flops is not None
    assert card.flops.value == 20 + 2 * 55 + 2 * 6


def test_trees_have_parameters_and_no_flop_figure(tmp_path: Path) -> None:
    import joblib
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor(max_depth=2).fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 5.0, 9.0])
    joblib.dump(tree, tmp_path / "m.joblib")
    card = model_card(artifact_of(tmp_path / "m.joblib", trust=True))
    assert card.parameters == 3 + 4
    assert card.flops is None
    assert card.flops_covered is None


def test_comparisons_of_a_tree_in_onnx_are_told_apart(tmp_path: Path) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor(max_depth=2).fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 5.0, 9.0])
    proto = skl2onnx.to_onnx(tree, np.zeros((1, 1), np.float32))
    (tmp_path / "t.onnx").write_bytes(proto.SerializeToString())
    card = model_card(artifact_of(tmp_path / "t.onnx"))
    assert card.flops is None
    assert card.details["comparisons_at_most"] == 2


def test_a_linear_model_of_ours_counts_by_its_closed_form(tmp_path: Path) -> None:
    card = model_card(artifact_of(linear_folder(tmp_path).text))
    assert card.parameters == 30 + 30 + 30 + 1
    assert card.flops is not None
    assert card.flops.value == 60 + 2 * 30 + 1 + 1


def test_pytorch_and_onnx_count_the_same_network_alike(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)).eval()
    batch = torch.export.Dim("batch")
    program = torch.export.export(module, (torch.zeros(2, 4),), dynamic_shapes=({0: batch},))
    torch.export.save(program, str(tmp_path / "m.pt2"))
    card = model_card(artifact_of(tmp_path / "m.pt2"))
    assert card.parameters == 4 * 8 + 8 + 8 * 3 + 3
    assert card.flops is not None
    assert card.flops.value == pytest.approx(2 * (32 + 24) + 8, abs=11)  # PyTorch leaves the bias of addmm out
    assert card.flops_covered == 1


def test_counting_can_be_left_out(tmp_path: Path) -> None:
    card = model_card(artifact_of(linear_folder(tmp_path).text), count=False)
    assert (card.parameters, card.flops, card.flops_covered) == (None, None, None)
    assert card.signature["inputs"][0]["name"] == "x"
