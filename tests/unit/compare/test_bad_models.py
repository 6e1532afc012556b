"""Models with a trap: too new, too big, fixed in shape, with text, with doubles, with labels in another order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from joulewise.compare import artifact_of, model_card, open_model, overruled, runtimes_for, with_task
from joulewise.core.errors import DataError, ModelError, OutOfRange, UntrustedModel
from joulewise.core.runtimes import Artifact, RunOptions

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def _graph(nodes: list[Any], inputs: list[Any], outputs: list[Any], stored: list[Any] = []) -> Any:  # noqa: B006
    graph = onnx.helper.make_graph(nodes, "g", inputs, outputs, stored)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def _value(name: str, shape: list[Any], kind: int = 1) -> Any:
    return onnx.helper.make_tensor_value_info(name, kind, shape)


def _dense(path: Path, batch: Any = "n", out: str = "y", width: int = 2) -> Path:
    weight = onnx.numpy_helper.from_array(np.arange(3 * width, dtype=np.float32).reshape(3, width), "w")
    node = onnx.helper.make_node("MatMul", ["x", "w"], [out])
    model = _graph([node], [_value("x", [batch, 3])], [_value(out, [batch, width])], [weight])
    onnx.save(model, str(path))
    return path


def test_an_opset_too_new_says_what_to_do(tmp_path: Path) -> None:
    path = _dense(tmp_path / "m.onnx")
    model = onnx.load(str(path))
    model.opset_import[0].version = 999
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="too new") as caught:
        open_model(artifact_of(path), "onnxruntime", RunOptions())
    assert "opset_version" in caught.value.hint


def test_an_ir_version_too_new_says_what_to_do(tmp_path: Path) -> None:
    path = _dense(tmp_path / "m.onnx")
    model = onnx.load(str(path))
    model.ir_version = 99
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="IR 99"):
        open_model(artifact_of(path), "onnxruntime", RunOptions())


def test_an_unknown_operator_is_a_model_error(tmp_path: Path) -> None:
    model = _graph([onnx.helper.make_node("Nonsense", ["x"], ["y"])], [_value("x", ["n", 2])], [_value("y", ["n", 2])])
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError):
        open_model(artifact_of(tmp_path / "m.onnx"), "onnxruntime", RunOptions())


def test_a_fixed_batch_answers_that_batch_alone(tmp_path: Path) -> None:
    predictor = open_model(artifact_of(_dense(tmp_path / "m.onnx", batch=1)), "onnxruntime", RunOptions())
    assert predictor.predict({"x": np.ones((1, 3), np.float32)})["y"].shape == (1, 2)
    with pytest.raises(DataError, match="wants shape"):
        predictor.predict({"x": np.ones((2, 3), np.float32)})


def test_a_batch_without_a_name_is_free(tmp_path: Path) -> None:
    artifact = artifact_of(_dense(tmp_path / "m.onnx", batch=None))
    assert artifact.facts["inputs"][0]["shape"] == ["batch", 3]
    predictor = open_model(artifact, "onnxruntime", RunOptions())
    assert predictor.predict({"x": np.ones((7, 3), np.float32)})["y"].shape == (7, 2)


@pytest.mark.parametrize(
    ("out", "width", "task", "role"),
    [
        ("logits", 2, "classification", "scores"),
        ("y", 4, "classification", "scores"),
        ("y", 1, "regression", "values"),
        ("sentence_embedding", 4, "embedding", "vectors"),
    ],
)
def test_a_guessed_task_says_that_it_is_guessed(tmp_path: Path, out: str, width: int, task: str, role: str) -> None:
    facts = artifact_of(_dense(tmp_path / "m.onnx", out=out, width=width)).facts
    assert (facts["task"], facts["roles"]) == (task, {role: out})
    assert facts["task_guessed"]


def test_the_user_has_the_last_word_on_the_task(tmp_path: Path) -> None:
    artifact = artifact_of(_dense(tmp_path / "m.onnx"))
    told = with_task(artifact, "embedding")
    assert told.facts["roles"] == {"vectors": "y"}
    assert "task_guessed" not in told.facts
    assert with_task(artifact, "classification", ["no", "yes"]).facts["classes"] == ["no", "yes"]
    with pytest.raises(OutOfRange):
        with_task(artifact, "poetry")


def test_weights_outside_the_file_count_and_must_be_there(tmp_path: Path) -> None:
    inside = model_card(artifact_of(_dense(tmp_path / "m.onnx")))
    model = onnx.load(str(tmp_path / "m.onnx"))
    onnx.save(model, str(tmp_path / "out.onnx"), save_as_external_data=True, location="w.bin", size_threshold=0)
    card = model_card(artifact_of(tmp_path / "out.onnx"))
    assert card.size_bytes == (tmp_path / "out.onnx").stat().st_size + (tmp_path / "w.bin").stat().st_size
    assert (card.parameters, card.flops) == (inside.parameters, inside.flops)
    (tmp_path / "w.bin").rename(tmp_path / "elsewhere.bin")
    with pytest.raises(ModelError, match=r"w\.bin, which is not beside it"):
        artifact_of(tmp_path / "out.onnx")


def test_other_weights_outside_are_another_model(tmp_path: Path) -> None:
    _dense(tmp_path / "m.onnx")
    model = onnx.load(str(tmp_path / "m.onnx"))
    onnx.save(model, str(tmp_path / "out.onnx"), save_as_external_data=True, location="w.bin", size_threshold=0)
    before = model_card(artifact_of(tmp_path / "out.onnx"))
    data = bytearray((tmp_path / "w.bin").read_bytes())
    data[0] ^= 1
    (tmp_path / "w.bin").write_bytes(bytes(data))
    after = model_card(artifact_of(tmp_path / "out.onnx"))
    assert before.sha256 != after.sha256
    assert before.id != after.id


def test_a_model_above_two_gigabytes_is_recognised_without_its_weights(tmp_path: Path) -> None:
    rows = (1 << 31) // 4 // 1024 + 1
    weight = onnx.TensorProto(name="w", dims=[1024, rows], data_type=1, data_location=onnx.TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="big.bin")
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    model = _graph([node], [_value("x", ["n", 1024])], [_value("y", ["n", rows])], [weight])
    (tmp_path / "big.onnx").write_bytes(model.SerializeToString())
    with (tmp_path / "big.bin").open("wb") as file:
        file.truncate(1024 * rows * 4)  # sparse: it takes no room
    artifact = artifact_of(tmp_path / "big.onnx")
    assert artifact.facts["external"] == ["big.bin"]
    from joulewise.compare.flops import flops_of
    from joulewise.compare.parameters import parameters_of

    assert parameters_of(artifact) == 1024 * rows
    counted = flops_of(artifact)
    assert counted is not None
    assert counted.figure is not None
    assert counted.figure.value == 2 * 1024 * rows


def test_one_file_above_two_gigabytes_is_no_onnx(tmp_path: Path) -> None:
    with (tmp_path / "huge.onnx").open("wb") as file:
        file.truncate((1 << 31) + 10)
    with pytest.raises(ModelError, match="external data"):
        artifact_of(tmp_path / "huge.onnx")


def test_openvino_is_not_offered_for_trees_and_text(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_depth=2).fit([[0.0], [1.0], [2.0]], ["b", "a", "b"])
    proto = skl2onnx.to_onnx(tree, np.zeros((1, 1), np.float32))
    (tmp_path / "t.onnx").write_bytes(proto.SerializeToString())
    artifact = artifact_of(tmp_path / "t.onnx")
    assert runtimes_for(artifact) == ["onnxruntime"]
    assert artifact.facts["classes"] == ["a", "b"]
    with pytest.raises(ModelError, match="trees"):
        open_model(artifact, "openvino", RunOptions())
    predictor = open_model(artifact, "onnxruntime", RunOptions())
    found = predictor.predict({"X": np.array([[0.0], [1.0]], np.float32)})
    np.testing.assert_array_equal(found["output_label"], ["b", "a"])
    np.testing.assert_allclose(found["output_probability"], [[0, 1], [1, 0]])


def test_dictionaries_of_scores_come_in_the_order_of_the_classes(tmp_path: Path) -> None:
    """ZipMap orders its labels as it likes: here the file's labels run backwards."""
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [10, 10, 2, 2])
    proto = skl2onnx.to_onnx(model, np.zeros((1, 1), np.float32))
    (tmp_path / "t.onnx").write_bytes(proto.SerializeToString())
    artifact = artifact_of(tmp_path / "t.onnx")
    assert artifact.facts["classes"] == [2, 10]
    backwards = Artifact(path=artifact.path, format="onnx", facts={**artifact.facts, "classes": [10, 2]})
    rows = {"X": np.array([[0.0], [3.0]], np.float32)}
    usual = open_model(artifact, "onnxruntime", RunOptions()).predict(rows)["output_probability"]
    turned = open_model(backwards, "onnxruntime", RunOptions()).predict(rows)["output_probability"]
    np.testing.assert_array_equal(usual, turned[:, ::-1])


def test_a_wrong_runtime_names_the_right_ones(tmp_path: Path) -> None:
    artifact = artifact_of(_dense(tmp_path / "m.onnx"))
    with pytest.raises(ModelError, match="does not run onnx") as caught:
        open_model(artifact, "sklearn", RunOptions())
    assert "onnxruntime" in caught.value.hint


def test_wrong_settings_are_refused(tmp_path: Path) -> None:
    artifact = artifact_of(_dense(tmp_path / "m.onnx"))
    with pytest.raises(ModelError, match="no graph optimisation"):
        open_model(artifact, "onnxruntime", RunOptions(more={"graph": "most"}))
    if "openvino" in runtimes_for(artifact):
        with pytest.raises(ModelError, match="no precision"):
            open_model(artifact, "openvino", RunOptions(more={"precision": "f8"}))


def test_trust_goes_with_the_artifact(tmp_path: Path) -> None:
    """A record of a pickle that nobody vouched for does not open either."""
    import joblib
    from sklearn.linear_model import LinearRegression

    joblib.dump(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), tmp_path / "m.joblib")
    artifact = artifact_of(tmp_path / "m.joblib", trust=True)
    assert open_model(artifact).predict({"x": np.array([[2.0]])})["values"] == pytest.approx([2.0])
    facts = {key: value for key, value in artifact.facts.items() if key != "trusted"}
    with pytest.raises(UntrustedModel):
        open_model(Artifact(path=artifact.path, format="sklearn", facts=facts))


def test_a_classifier_of_several_outputs_says_no(tmp_path: Path) -> None:
    import joblib
    from sklearn.tree import DecisionTreeClassifier

    model = DecisionTreeClassifier().fit([[0.0], [1.0]], [[0, 1], [1, 0]])
    joblib.dump(model, tmp_path / "m.joblib")
    with pytest.raises(ModelError, match="several outputs"):
        artifact_of(tmp_path / "m.joblib", trust=True)


def test_a_label_that_is_not_the_highest_score_stays_the_librarys(tmp_path: Path) -> None:
    """A shifted threshold decides the label, not the higher score."""
    import joblib
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import FixedThresholdClassifier

    x = np.linspace(0, 1, 40)[:, None]
    model = FixedThresholdClassifier(LogisticRegression(), threshold=0.9).fit(x, (x[:, 0] > 0.5).astype(int))
    joblib.dump(model, tmp_path / "m.joblib")
    found = open_model(artifact_of(tmp_path / "m.joblib", trust=True)).predict({"x": x})
    np.testing.assert_array_equal(found["labels"], model.predict(x))
    assert (found["labels"] != found["scores"].argmax(axis=1)).any()


def test_only_a_guess_can_be_overruled(tmp_path: Path) -> None:
    guess = artifact_of(_dense(tmp_path / "m.onnx"))

    assert overruled(guess, "") is guess
    told = overruled(guess, "embedding")
    assert told.facts["task"] == "embedding"
    assert overruled(told, "embedding") is told
    sure = overruled(guess, str(guess.facts["task"]))
    assert "task_guessed" not in sure.facts
    with pytest.raises(ModelError, match="says itself that it does embedding, not regression"):
        overruled(told, "regression")
    with pytest.raises(OutOfRange):
        overruled(told, "poetry")
