"""What a file is, by its content: whatever it is called, and clearly said where it can't be loaded."""

from __future__ import annotations

import gzip
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from joulewise.compare import artifact_of
from joulewise.compare.formats import format_of
from joulewise.core.errors import ModelError, PluginMissing, UntrustedModel


def _zip(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/"), data)
    return path


def _onnx_bytes(*, graph: bytes = b"\x0a\x00", tail: bytes = b"") -> bytes:
    """A ModelProto by hand: ir_version 8, a graph, an opset."""
    return b"\x08\x08" + b"\x3a" + bytes([len(graph)]) + graph + b"\x42\x02\x10\x11" + tail


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (_onnx_bytes(), "onnx"),
        (b"CBM1" + bytes(40), "catboost"),
        (b"tree\nversion=v4\nnum_class=1\n", "lightgbm"),
        (b'{"learner":{"attributes":{}}}', "xgboost"),
        (b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner{", "xgboost"),
        (b'{"features_info":{},"oblivious_trees":[]}', "catboost"),
        (b"\x04\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x00" + bytes(80), "treelite"),
        (b"\x89HDF\r\n\x1a\n" + bytes(80), "keras"),
        (pickle.dumps({"a": 1}), "sklearn"),
        (gzip.compress(pickle.dumps({"a": 1}), mtime=0), "sklearn"),
    ],
)
def test_the_content_tells_the_format_whatever_the_name(tmp_path: Path, content: bytes, wanted: str) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    assert format_of(path) == wanted


def test_archives_are_told_apart_by_their_members(tmp_path: Path) -> None:
    assert format_of(_zip(tmp_path / "a", **{"schema.json": b"{}"})) == "skops"
    assert format_of(_zip(tmp_path / "b", **{"config.json": b"{}", "metadata.json": b"{}"})) == "keras"
    assert format_of(_zip(tmp_path / "c", m__archive_format=b"pt2")) == "torch-export"
    code = {"m__data.pkl": b"\x80\x02}.", "m__constants.pkl": b"\x80\x02).", "m__code____torch__.py": b""}
    assert format_of(_zip(tmp_path / "d", **code)) == "torchscript"


def test_folders_are_told_apart_by_their_files(tmp_path: Path) -> None:
    for name, marker in (("saved-model", "saved_model.pb"), ("linear", "linear.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / marker).write_bytes(b"")
        assert format_of(tmp_path / name) == name
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ModelError, match="without weights"):
        format_of(folder)
    (folder / "model.safetensors").write_bytes(b"")
    assert format_of(folder) == "hf"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.gguf", b"GGUF\x03", "llama.cpp"),
        ("a.model", b"binf" + bytes(80), "old binary format"),
        ("a.onnx", b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "git lfs pull"),
        ("a.npy", b"\x93NUMPY" + bytes(80), "--data"),
        ("a.tflite", b"\x1c\x00\x00\x00TFL3" + bytes(80), "TensorFlow Lite"),
        ("a.safetensors", (20).to_bytes(8, "little") + b'{"__metadata__":{}}  ' + bytes(80), "config.json"),
        ("a.txt", b'{"name":"tree","tree_info":[]}', "save_model"),
        ("a.onnx", _onnx_bytes()[:-3], "torn"),
        ("a.onnx", b"", "empty"),
        ("a.csv", b"x,y\n1,2\n", "no model that we know"),
        ("old.pt", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "torch.export"),
        ("a.xml", b'<?xml version="1.0"?>\n<net name="m" version="11">', "weights beside it"),
    ],
)
def test_what_cannot_be_loaded_is_named_with_its_cure(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        artifact_of(path)
    assert said in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("adapter_config.json", "merge"),
        ("model_index.json", "pipeline"),
        ("MLmodel", "MLflow"),
        ("x", "without a model"),
    ],
)
def test_folders_that_cannot_be_loaded_say_why(tmp_path: Path, marker: str, said: str) -> None:
    (tmp_path / marker).write_text("{}")
    with pytest.raises(ModelError, match=said):
        artifact_of(tmp_path)


def test_a_state_dict_and_a_pickled_module_say_how_to_export(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(2, 2)
    torch.save(layer.state_dict(), tmp_path / "state.pt")
    torch.save(layer, tmp_path / "module.pth")
    with pytest.raises(ModelError, match="state dict") as caught:
        artifact_of(tmp_path / "state.pt", trust=True)
    assert "torch.export.save" in caught.value.hint
    with pytest.raises(ModelError, match="pickled PyTorch module"):
        artifact_of(tmp_path / "module.pth", trust=True)


def test_arrays_are_not_a_model(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=np.zeros(3))
    with pytest.raises(ModelError, match="--data"):
        artifact_of(tmp_path / "rows.npz")


def test_what_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not there"):
        artifact_of(tmp_path / "absent.onnx")
    with pytest.raises(ModelError, match="hf download bert/tiny"):
        artifact_of("bert/tiny")


def test_a_folder_with_several_models_asks_which(tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        (tmp_path / name).write_bytes(_onnx_bytes())
    with pytest.raises(ModelError) as caught:
        artifact_of(tmp_path)
    assert "a.onnx, b.onnx" in caught.value.hint


class _Bomb:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.path,))


def test_a_pickle_is_refused_before_it_runs(tmp_path: Path) -> None:
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps(_Bomb(tmp_path / "exploded")))
    with pytest.raises(UntrustedModel) as caught:
        artifact_of(tmp_path / "bomb.pkl")
    assert "--trust" in caught.value.hint
    assert not (tmp_path / "exploded").exists()


def test_a_factory_whose_example_does_not_fit_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    source = (
        "import torch\ndef make(): return {'model': torch.nn.Linear(4, 2), 'example': {'rows': torch.zeros(2, 4)}}\n"
    )
    (tmp_path / "odd_factory.py").write_text(source)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ModelError, match=r"does not take its own example \(rows\)"):
        artifact_of("odd_factory.py:make", trust=True)


def test_a_factory_is_refused_before_its_module_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad_factory.py").write_text("open('ran', 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UntrustedModel):
        artifact_of("bad_factory:make")
    with pytest.raises(UntrustedModel):
        artifact_of("bad_factory.py:make")
    assert not (tmp_path / "ran").exists()


def test_an_export_archive_with_a_foreign_pickle_is_refused_before_it_runs(tmp_path: Path) -> None:
    path = _zip(tmp_path / "m.pt2", m__archive_format=b"pt2", m__data__inputs__model=b"")
    bomb = pickle.dumps(_Bomb(tmp_path / "exploded"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("m/data/sample_inputs/model.pt", bomb)
    with pytest.raises((UntrustedModel, PluginMissing)):
        artifact_of(path)
    assert not (tmp_path / "exploded").exists()


def test_a_pickle_that_holds_no_model_says_what_it_holds(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    (tmp_path / "dict.pkl").write_bytes(pickle.dumps({"model": 1}))
    with pytest.raises(ModelError, match="a dict, which neither predicts nor transforms"):
        artifact_of(tmp_path / "dict.pkl", trust=True)
