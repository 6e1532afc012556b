"""A library that is not installed: each reader names it, and the extra in the cure exists and brings it."""

from __future__ import annotations

import sys
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from joulewise.compare.facts import estimators, folders, graphs, keras_models, programs, trees
from joulewise.compare.flops import flops_of
from joulewise.compare.images import read_folder
from joulewise.compare.opening import open_model, runtime_of, runtimes_for
from joulewise.compare.parameters import parameters_of
from joulewise.compare.row_files import read_parquet
from joulewise.core.errors import PluginMissing
from joulewise.core.runtimes import Artifact

READERS: dict[str, tuple[str, Any]] = {
    "catboost": ("catboost", trees.load_catboost),
    "lightgbm": ("lightgbm", trees.load_lightgbm),
    "onnx": ("onnx", graphs.load),
    "openvino": ("openvino", folders.load_openvino),
    "pyarrow": ("parquet", read_parquet),
    "skops": ("skops", lambda path: estimators.load(path, "skops", False)),
    "tensorflow": ("tensorflow", lambda path: keras_models.describe(path, "saved-model", False)),
    "torch": ("torch", lambda path: programs.describe(path, "torchscript", False)),
    "treelite": ("trees", trees.load_treelite),
    "xgboost": ("xgboost", trees.load_xgboost),
}


def brought_by(extra: str) -> set[str]:
    """Distributions that an extra of ours installs."""
    wanted = f'extra == "{extra}"', f"extra == '{extra}'"
    lines = [line for line in requires("joulewise") or () if line.endswith(wanted)]
    names = {line.partition(";")[0].strip() for line in lines}
    return {"".join(letter for letter in name.split(">")[0].split("=")[0].split("[")[0]).strip() for name in names}


@pytest.mark.parametrize("package", sorted(READERS))
def test_the_cure_for_an_absent_library_installs_it(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra, read = READERS[package]
    path = tmp_path / "model"
    path.write_bytes(b"CBM1")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PluginMissing) as refused:
        read(path)
    assert refused.value.hint == f"pip install 'joulewise[{extra}]'"
    distribution = {"tensorflow": "tensorflow-cpu"}.get(package, package)
    assert {distribution, package} & brought_by(extra)


def test_pictures_and_named_columns_name_what_they_want(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(PluginMissing, match="images need Pillow") as refused:
        read_folder(tmp_path)
    assert "pip install pillow" in refused.value.hint
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(PluginMissing, match="named columns needs pandas") as refused:
        estimators.as_frame({"a": np.ones(1)}, ["a"])
    assert refused.value.hint == "pip install pandas"


def test_what_only_an_absent_library_could_count_is_unknown_not_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.onnx").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "onnx", None)
    artifact = Artifact(path=tmp_path / "m.onnx", format="onnx", facts={"inputs": []})
    assert parameters_of(artifact) is None
    assert flops_of(artifact) is None
    strange = Artifact(path=tmp_path, format="of-the-future", facts={})
    assert (parameters_of(strange), flops_of(strange)) == (None, None)


def test_a_runtime_whose_library_is_absent_is_not_offered_and_names_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = Artifact(path=tmp_path, format="treelite", facts={"inputs": []})
    assert runtimes_for(artifact) == ["treelite"]
    for name in ("treelite", "joulewise.compare.runtimes.treelite"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "treelite", None)
    with pytest.raises(PluginMissing) as refused:
        runtime_of("treelite")
    assert refused.value.hint == "pip install 'joulewise[trees]'"
    with pytest.raises(PluginMissing):
        open_model(artifact)
