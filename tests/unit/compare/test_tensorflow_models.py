"""TensorFlow's models through a stand-in for the library: signatures, trust, threads and errors are our own work."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from joulewise.compare.artifacts import facts_of
from joulewise.compare.opening import open_model
from joulewise.core.errors import DataError, ModelError, UntrustedModel
from joulewise.core.runtimes import Artifact, Predictor, RunOptions

STAND_IN = '''
"""What we use of TensorFlow, over NumPy."""
import json, pathlib, types
import numpy as np

__version__ = "0.of.tests"
in_use = 0

class OpError(Exception):
    pass

class errors:
    OpError = OpError

class _Value:
    def __init__(self, array):
        self.array = array
    def numpy(self):
        return self.array

def constant(array):
    return _Value(np.asarray(array))

class Spec:
    def __init__(self, dtype, shape, name=""):
        self.dtype, self.shape, self.name = types.SimpleNamespace(name=dtype), shape, name

class _threading:
    asked = 0
    @classmethod
    def set_intra_op_parallelism_threads(cls, threads):
        if in_use:
            raise RuntimeError("Intra op parallelism cannot be modified after initialization.")
        cls.asked = threads
    set_inter_op_parallelism_threads = classmethod(lambda cls, threads: None)
    get_intra_op_parallelism_threads = classmethod(lambda cls: in_use)

class config:
    threading = _threading

class _Signature:
    structured_input_signature = ((), {"b": Spec("float32", (None, 2)), "a": Spec("string", (None, None))})
    structured_outputs = {"score": Spec("float32", (None, 3))}
    def __call__(self, a, b):
        if a.numpy().shape[1] != 1:
            raise OpError("only one text a row\\nin detail")
        return {"score": _Value(np.repeat(b.numpy().sum(axis=1, keepdims=True), 3, axis=1))}

class saved_model:
    @staticmethod
    def load(path):
        text = (pathlib.Path(path) / "saved_model.pb").read_text()
        if text == "torn":
            raise OSError("cannot parse it")
        names = {"none": [], "one": ["mine"]}.get(text, ["mine", "serving_default"])
        return types.SimpleNamespace(signatures={name: _Signature() for name in names})

class _Model:
    def __init__(self, told):
        self.told = told
        self.inputs = [Spec("float32", tuple(shape), f"in_{at}") for at, shape in enumerate(told["inputs"])]
        self.outputs = [Spec("float32", tuple(shape)) for shape in told["outputs"]]
        activation = types.SimpleNamespace(__name__=told.get("activation", "linear"))
        self.layers = [types.SimpleNamespace(activation=activation)]
    def __call__(self, given, training):
        assert training is False
        values = [each.numpy() for each in (given if isinstance(given, list) else [given])]
        if np.isnan(values[0]).any():
            raise ValueError("NaN is no number")
        found = [_Value(sum(each.sum(axis=1, keepdims=True) for each in values) + np.zeros((1, shape[-1]), "float32"))
                 for shape in self.told["outputs"]]
        return found if len(found) > 1 else found[0]

class keras:
    class models:
        @staticmethod
        def load_model(path, compile, safe_mode):
            import zipfile
            if not zipfile.is_zipfile(path):
                raise ValueError("no Keras file")
            with zipfile.ZipFile(path) as archive:
                told = json.loads(archive.read("config.json"))
            if safe_mode and "Lambda" in json.dumps(told):
                raise AssertionError("we must have asked first")
            return _Model(told)

def function(call):
    return call
'''


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Install the stand-in, and leave no trace of it."""
    (tmp_path / "installed").mkdir()
    (tmp_path / "installed" / "tensorflow.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    names = ("tensorflow", "joulewise.compare.runtimes.tensorflow")
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import tensorflow

    yield tensorflow
    for name in names:
        sys.modules.pop(name, None)


def saved(folder: Path, text: str = "") -> Path:
    (folder / "saved").mkdir()
    (folder / "saved" / "saved_model.pb").write_text(text)
    return folder / "saved"


def keras(path: Path, **told: Any) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"inputs": [[None, 4]], "outputs": [[None, 3]], **told}))
        archive.writestr("metadata.json", "{}")
    return path


def opened(path: Path, form: str, trust: bool = False, **more: Any) -> Predictor:
    artifact = Artifact(path=path, format=form, facts=facts_of(path, form, trust=trust))
    return open_model(artifact, options=RunOptions(**more))


def test_a_saved_model_is_called_by_its_serving_signature(tmp_path: Path) -> None:
    facts = facts_of(saved(tmp_path), "saved-model")
    assert facts["inputs"] == [
        {"name": "a", "dtype": "object", "shape": ["batch", "free_1"]},
        {"name": "b", "dtype": "float32", "shape": ["batch", 2]},
    ]
    assert facts["outputs"] == [{"name": "score", "dtype": "float32", "shape": ["batch", 3]}]
    assert facts["task"] == "classification"
    predictor = opened(tmp_path / "saved", "saved-model")
    texts = np.array([["x"], ["y"]], dtype=object)
    rows = np.array([[1, 2], [3, 4]], dtype=np.float32)
    assert predictor.predict({"a": texts, "b": rows})["score"].tolist() == [[3, 3, 3], [7, 7, 7]]
    with pytest.raises(DataError, match=r"TensorFlow refuses the rows: only one text a row\n"):
        predictor.predict({"a": np.repeat(texts, 2, axis=1), "b": rows})


def test_a_signature_of_another_name_serves_and_none_is_told(tmp_path: Path) -> None:
    assert facts_of(saved(tmp_path, "one"), "saved-model")["outputs"][0]["name"] == "score"
    (tmp_path / "saved" / "saved_model.pb").write_text("none")
    with pytest.raises(ModelError, match="has no signature to call") as refused:
        facts_of(tmp_path / "saved", "saved-model")
    assert "model.export" in refused.value.hint
    (tmp_path / "saved" / "saved_model.pb").write_text("torn")
    with pytest.raises(ModelError, match=r"TensorFlow can't read .*saved: cannot parse it"):
        facts_of(tmp_path / "saved", "saved-model")


@pytest.mark.parametrize(
    ("told", "task", "roles"),
    [
        ({"activation": "softmax"}, "classification", {"scores": "scores"}),
        ({"activation": "sigmoid", "outputs": [[None, 1]]}, "classification", {"scores": "scores"}),
        ({"outputs": [[None, 1]]}, "regression", {"values": "values"}),
        ({"outputs": [[None, 7, 7]]}, "unknown", {}),
    ],
)
def test_what_a_keras_model_does_is_told_by_its_last_layer_and_shape(
    tmp_path: Path, told: dict[str, Any], task: str, roles: dict[str, str]
) -> None:
    facts = facts_of(keras(tmp_path / "m.keras", **told), "keras")
    assert (facts["task"], facts["roles"]) == (task, roles)
    assert ("task_guessed" in facts) == ("activation" not in told)


def test_a_keras_model_answers_by_name_with_one_or_several_ends(tmp_path: Path) -> None:
    rows = np.ones((2, 4), np.float32)
    one = opened(keras(tmp_path / "one.keras", activation="softmax"), "keras")
    assert one.predict({"in_0": rows})["scores"].tolist() == [[4, 4, 4], [4, 4, 4]]
    with pytest.raises(DataError, match="NaN is no number"):
        one.predict({"in_0": rows * np.nan})
    two = {"inputs": [[None, 4], [None, 1]], "outputs": [[None, 1], [None, 2]]}
    both = opened(keras(tmp_path / "two.keras", **two), "keras")
    found = both.predict({"in_0": rows, "in_1": rows[:, :1]})
    assert found["output_0"].tolist() == [[5], [5]]
    assert found["output_1"].tolist() == [[5, 5], [5, 5]]


def test_layers_of_code_and_old_files_want_trust_before_they_are_loaded(tmp_path: Path) -> None:
    path = keras(tmp_path / "m.keras", layers=[{"class_name": "Lambda"}])
    with pytest.raises(UntrustedModel, match="has Lambda layers, which are code"):
        facts_of(path, "keras")
    assert facts_of(path, "keras", trust=True)["trusted"] is True
    (tmp_path / "old.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(UntrustedModel, match="old HDF5 file, which can hold code"):
        facts_of(tmp_path / "old.h5", "keras")
    with pytest.raises(ModelError, match=r"Keras can't read .*old\.h5: no Keras file"):
        facts_of(tmp_path / "old.h5", "keras", trust=True)


def test_threads_that_the_library_no_longer_changes_are_refused(tmp_path: Path, library: SimpleNamespace) -> None:
    path = keras(tmp_path / "m.keras")
    opened(path, "keras", threads=3)
    assert library.config.threading.asked == 3  # loading the model asks for no others
    library.in_use = 2
    assert opened(path, "keras", threads=2).inputs[0].name == "in_0"
    with pytest.raises(ModelError, match="TensorFlow already runs with 2 threads") as refused:
        opened(path, "keras", threads=4)
    assert "a process of its own" in refused.value.hint


def test_the_plug_in_tells_its_version_and_has_one_setting(tmp_path: Path) -> None:
    from joulewise.compare.opening import runtime_of

    runtime = runtime_of("tensorflow")
    assert runtime.version == "0.of.tests"
    assert runtime.settings(Artifact(path=tmp_path, format="keras", facts={})) == [{}]
