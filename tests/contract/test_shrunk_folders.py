"""The folder of a winner on every runtime: its loader answers in a process of its own, as the model does here."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")

from joulewise.compare import artifact_of  # noqa: E402 - after the check that numpy is there
from joulewise.compare.compiled_trees import compiler  # noqa: E402
from joulewise.core.errors import ModelError, UntrustedModel  # noqa: E402
from joulewise.core.runtimes import Deployment  # noqa: E402
from joulewise.shrink import load_folder, write_folder  # noqa: E402
from joulewise.shrink.folder import deployment_of, differences, read_folder, seal  # noqa: E402

ROWS = np.random.default_rng(0).normal(size=(7, 4))
"""As a user has them: float64."""
CODE = """
import torch
from pathlib import Path

def make():
    model = torch.nn.Linear(4, 3)
    model.load_state_dict(torch.load(Path(__file__).with_name("net.pt"), weights_only=True))
    return {"model": model.eval(), "example": {"input": torch.zeros(1, 4)}, "task": "classification"}
"""


@pytest.fixture(scope="module")
def estimator():
    pytest.importorskip("sklearn")
    from sklearn.ensemble import RandomForestClassifier

    rng = np.random.default_rng(1)
    return RandomForestClassifier(5, random_state=0).fit(rng.normal(size=(60, 4)), np.repeat(["a", "b", "c"], 20))


def joblib_file(folder: Path, estimator) -> Deployment:
    joblib = pytest.importorskip("joblib")
    joblib.dump(estimator, folder / "forest.joblib")
    return Deployment(name="forest", artifact=artifact_of(folder / "forest.joblib", trust=True), runtime="sklearn")


def onnx_file(folder: Path, estimator, runtime: str) -> Deployment:
    del estimator
    pytest.importorskip(runtime)
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    weights = numpy_helper.from_array(np.arange(12, dtype=np.float32).reshape(4, 3) / 10, "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["scores"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 3])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "linear.onnx")
    return Deployment(name="linear", artifact=artifact_of(folder / "linear.onnx"), runtime=runtime)


def torch_export(folder: Path, estimator) -> Deployment:
    del estimator
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    batch = torch.export.Dim("batch")
    program = torch.export.export(torch.nn.Linear(4, 3).eval(), (torch.zeros(2, 4),), dynamic_shapes=({0: batch},))
    torch.export.save(program, folder / "net.pt2")
    return Deployment(name="net", artifact=artifact_of(folder / "net.pt2"), runtime="torch")


def factory(folder: Path, estimator) -> Deployment:
    del estimator
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    torch.save(torch.nn.Linear(4, 3).state_dict(), folder / "net.pt")
    (folder / f"net_{folder.name}.py").write_text(CODE)
    return Deployment(
        name="net", artifact=artifact_of(f"{folder}/net_{folder.name}.py:make", trust=True), runtime="torch"
    )


def compiled_trees(folder: Path, estimator) -> Deployment:
    treelite = pytest.importorskip("treelite")
    pytest.importorskip("tl2cgen")
    if not compiler():
        pytest.skip("needs a C compiler")
    from joulewise.compare.facts import answers
    from joulewise.core.runtimes import Materials
    from joulewise.shrink.transforms.compile_trees import CompileTrees

    treelite.sklearn.import_model(estimator).serialize(str(folder / "forest.tl"))
    found = artifact_of(folder / "forest.tl")
    if hasattr(estimator, "classes_"):
        found = replace(found, facts={**found.facts, **answers("classification", classes=list(estimator.classes_))})
    made = CompileTrees().make(found, {"quantize": True}, Materials(calibration=folder / "none.npz"), folder)
    return Deployment(name="compiled", artifact=made, runtime="compiled-trees")


def compiled_regressor(folder: Path, estimator) -> Deployment:
    del estimator
    ensemble = pytest.importorskip("sklearn.ensemble")
    rows = np.random.default_rng(1).normal(size=(60, 4))
    return compiled_trees(folder, ensemble.RandomForestRegressor(5, random_state=0).fit(rows, rows.sum(axis=1)))


MAKERS = {
    "sklearn": joblib_file,
    "onnxruntime": lambda folder, estimator: onnx_file(folder, estimator, "onnxruntime"),
    "openvino": lambda folder, estimator: onnx_file(folder, estimator, "openvino"),
    "torch": torch_export,
    "factory": factory,
    "compiled-trees": compiled_trees,
    "compiled-regressor": compiled_regressor,
}


def exported(kind: str, folder: Path, estimator) -> Path:
    made = folder / f"{kind}_{folder.name}"  # a module's name, which Python remembers, is no other test's
    made.mkdir()
    write_folder(folder / "out", MAKERS[kind](made, estimator), {"original": {}, "data": {}})
    return folder / "out"


@pytest.mark.parametrize("kind", MAKERS)
def test_the_loader_answers_elsewhere_as_the_folder_does_here(kind, tmp_path, estimator):
    out = exported(kind, tmp_path, estimator)
    model = load_folder(out, trust=True)
    [taken] = model.inputs
    here = model.predict({taken.name: ROWS})
    np.save(tmp_path / "rows.npy", ROWS)
    code = (
        "import json, sys, numpy as np; sys.path.insert(0, sys.argv[1]); from loader import predict; "
        "found = predict({sys.argv[2]: np.load('rows.npy')}); "
        "print(json.dumps({name: np.asarray(one).tolist() for name, one in found.items()}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(out), taken.name], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout)
    assert set(there) == set(here)
    for name, rows in here.items():
        if np.asarray(rows).dtype.kind == "f":
            assert np.allclose(there[name], rows, atol=1e-5)
        else:
            assert np.asarray(rows).tolist() == there[name]


def test_what_needs_trust_is_not_loaded_without_it(tmp_path, estimator):
    """Whatever the manifest of a stranger says."""
    out = exported("sklearn", tmp_path, estimator)
    document = json.loads((out / "manifest.json").read_text())
    assert "trusted" not in document["model"]["facts"]
    document["model"]["facts"]["trusted"] = True
    document.pop("sha256")
    (out / "manifest.json").write_text(json.dumps({**document, "sha256": seal(document)}))

    with pytest.raises(UntrustedModel, match="trust"):
        load_folder(out)
    assert load_folder(out, trust=True).predict({"x": ROWS})


def test_changed_weights_of_a_factory_are_noticed(tmp_path, estimator):
    import torch

    out = exported("factory", tmp_path, estimator)
    torch.save(torch.nn.Linear(4, 3).state_dict(), tmp_path / f"factory_{tmp_path.name}" / "net.pt")

    with pytest.raises(ModelError, match="does not build the weights that were proven"):
        load_folder(out, trust=True)


def test_code_that_is_gone_is_told_by_its_place(tmp_path, estimator):
    out = exported("factory", tmp_path, estimator)
    [code] = tmp_path.glob("factory_*/net_*.py")
    code.rename(code.with_suffix(".txt"))

    with pytest.raises(ModelError, match=r"lacks .*net_factory_test_code"):
        deployment_of(out)


def test_another_machine_is_told_apart(tmp_path, estimator):
    out = exported("onnxruntime", tmp_path, estimator)
    manifest = read_folder(out)
    assert differences(manifest) == []

    document = json.loads((out / "manifest.json").read_text())
    document["versions"] |= {"cpu": "Abacus 1", "numpy": "1.0"}
    document.pop("sha256")
    (out / "manifest.json").write_text(json.dumps({**document, "sha256": seal(document)}))
    found = differences(read_folder(out))
    assert [one.partition(" ")[0] for one in found] == ["cpu", "numpy"]
    assert found[1] == f"numpy 1.0, here {np.__version__}"
