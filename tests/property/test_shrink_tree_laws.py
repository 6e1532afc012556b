"""Laws of the tree of candidates: no chain twice, each transform once, stages in order, the same names in every search.

The tree is grown with all transforms that are installed over real files; what a transform would write is played by a
file of that format.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.core.runtimes import Artifact, Materials
from joulewise.core.variants import Step
from joulewise.shrink.tree import STAGES, Grower, Move, Node, artifact_from, key_of, to_json

pytest.importorskip("sklearn")
pytest.importorskip("onnx")
pytestmark = pytest.mark.filterwarnings("ignore")
WRITES = {
    "to-onnx": "onnx", "to-linear": "linear", "to-treelite": "treelite", "to-openvino": "openvino",
    "int8-openvino": "openvino",
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Artifact]:
    """A small network as scikit-learn has it, and as a graph whose products are large enough for every transform."""
    import joblib
    import onnx
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    from joulewise.compare import artifact_of

    folder = tmp_path_factory.mktemp("tree")
    x, y = load_digits(return_X_y=True)
    joblib.dump(MLPClassifier((8,), max_iter=3, random_state=0).fit(x, y), folder / "model.joblib")
    np.savez(folder / "rows.npz", x=x, y=y)
    make, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    weights = [onnx.numpy_helper.from_array(np.ones((600, 600), np.float32), "w")]
    sides = [[info(name, onnx.TensorProto.FLOAT, ["batch", 600])] for name in "xy"]
    graph = onnx.helper.make_graph([make("MatMul", ["x", "w"], ["y"])], "graph", *sides, weights)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), folder / "model.onnx")
    found = {"sklearn": artifact_of(folder / "model.joblib", trust=True), "onnx": artifact_of(folder / "model.onnx")}
    return found | {one: replace(found["onnx"], format=one) for one in ("linear", "treelite", "openvino")}


@pytest.fixture(scope="module")
def grown(files) -> list[Node]:
    """The whole tree."""
    rows = Path(files["sklearn"].path).with_name("rows.npz")
    grower = Grower(Materials(calibration=rows, training=rows))
    found = [Node(artifact=files["sklearn"])]
    for node in found:
        assert len(found) < 5000, "the tree has no end"
        found += [played(node, move, files) for move in grower.moves(node)]
    return found


def played(node: Node, move: Move, files: dict[str, Artifact]) -> Node:
    artifact = files[WRITES.get(move.transform, node.artifact.format)]
    steps = (*node.artifact.steps, Step(transform=move.transform, options=move.settings))
    return Node(artifact=replace(artifact, steps=steps), moves=(*node.moves, move), parent=node)


def test_the_tree_never_repeats_a_chain(grown):
    assert len(grown) > 50
    twice = [key for key, count in Counter(node.key for node in grown).items() if count > 1]
    assert twice == []


def test_a_chain_takes_each_transform_once_and_goes_through_the_stages_in_order(grown):
    for node in grown:
        names = [move.transform for move in node.moves]
        stages = [STAGES[name] for name in names]
        assert len(set(names)) == len(names), node.name
        assert stages == sorted(stages), node.name


def test_no_chain_quantizes_twice_or_converts_what_was_converted(grown):
    """Two precisions, two prunings or two conversions don't add up; graph work may be done several times."""
    for node in grown:
        counts = Counter(STAGES[move.transform] for move in node.moves)
        assert all(count == 1 for stage, count in counts.items() if stage in (0, 2, 4, 5)), node.name


def test_structure_comes_before_the_framework_is_left(grown):
    for node in grown:
        names = [move.transform for move in node.moves]
        if "to-onnx" in names:
            after = set(names[names.index("to-onnx") :])
            assert not after & {"distill", "prune", "trim-trees", "trim-features"}, node.name


def test_only_transforms_that_were_asked_for_grow(files, grown):
    rows = Path(files["sklearn"].path).with_name("rows.npz")
    grower = Grower(Materials(calibration=rows), ["to-onnx", "to-linear"])

    assert {move.transform for move in grower.moves(grown[0])} == {"to-onnx", "to-linear"}


def test_why_a_transform_does_not_apply_is_kept_for_people(files, grown):
    rows = Path(files["sklearn"].path).with_name("rows.npz")
    grower = Grower(Materials(calibration=rows), ["distill", "trim-trees", "to-openvino"])

    assert list(grower.moves(grown[0])) == []
    assert "--training" in grower.silent["distill"]
    assert "no trees" in grower.silent["trim-trees"]
    assert "to-openvino" not in grower.silent, "a format that it does not take is no news"


# Names

WORDS = st.text("abcdefgh-", min_size=1, max_size=8)
VALUES = st.one_of(st.integers(-9, 9), st.booleans(), st.sampled_from(["longest", "u8"]), st.floats(0, 1))
MOVES = st.lists(st.builds(Move, transform=WORDS, settings=st.dictionaries(WORDS, VALUES, max_size=3)), max_size=4).map(
    tuple
)


def spelt(moves: tuple[Move, ...]) -> str:
    return json.dumps([[move.transform, sorted(move.settings.items())] for move in moves])


@given(one=MOVES, other=MOVES)
def test_two_chains_have_one_key_only_if_they_are_the_same(one, other):
    assert (key_of(one) == key_of(other)) is (spelt(one) == spelt(other))


@given(moves=MOVES)
def test_the_order_in_which_settings_are_said_changes_no_key(moves):
    turned = tuple(replace(move, settings=dict(reversed(list(move.settings.items())))) for move in moves)

    assert key_of(turned) == key_of(moves)


@given(moves=MOVES, extra=MOVES)
def test_a_longer_chain_has_another_key(moves, extra):
    assert (key_of((*moves, *extra)) == key_of(moves)) is (not extra)


@given(moves=MOVES)
def test_an_artifact_comes_back_from_json_as_it_was(moves):
    steps = tuple(Step(transform=move.transform, version="1", options=move.settings) for move in moves)
    artifact = Artifact(path=Path("/some/model.onnx"), format="onnx", facts={"classes": [0, 1]}, steps=steps)
    told = to_json(Node(artifact=artifact, moves=moves))

    assert artifact_from(json.loads(json.dumps(told))) == artifact


def test_a_node_is_named_by_what_was_done():
    moves = (Move(transform="prune", settings={"share": 0.5, "rescale": False, "kind": None}),)
    root = Node(artifact=Artifact(path=Path("model"), format="onnx"))

    assert root.name == "original"
    assert replace(root, moves=moves).name == "prune share=0.5"
    assert replace(root, moves=moves * 2).name == "prune share=0.5 + prune share=0.5"
