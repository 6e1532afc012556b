"""Compiled trees are run only if they are the ones that were compiled, and are compiled anew on another machine."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path

import numpy as np
import pytest

from joulewise.compare import artifact_of, open_model
from joulewise.compare.compiled_trees import ABOUT, LIBRARY, compiler, library_of, read_about, write_compiled
from joulewise.compare.parameters import parameters_of
from joulewise.core.errors import ModelError, UntrustedModel

pytestmark = pytest.mark.skipif(not compiler(), reason="needs a C compiler")
HEADER = """#include <math.h>
union Entry { int missing; double fvalue; };
void predict(union Entry* row, int margin, double* result);
"""
STUMP = """#include "header.h"
void predict(union Entry* row, int margin, double* result) {
  result[0] += row[1].missing == -1 ? 0.25 : row[1].fvalue <= 3.0 ? 0.125 : 0.75;
}
"""
INPUTS = [{"name": "x", "dtype": "float64", "shape": ["batch", 2]}]
CLASSES = {
    "task": "classification",
    "classes": ["no", "yes"],
    "inputs": INPUTS,
    "outputs": [
        {"name": "labels", "dtype": "object", "shape": ["batch"]},
        {"name": "scores", "dtype": "float64", "shape": ["batch", 2]},
    ],
    "roles": {"labels": "labels", "scores": "scores"},
}
SHAPE = {"width": 2, "columns": 2, "binary": True, "rows": "float64", "answers": "float64", "parameters": 3}


def stump(folder: Path) -> Path:
    folder.mkdir()
    (folder / "header.h").write_text(HEADER)
    (folder / "main.c").write_text(STUMP)
    return write_compiled(folder, SHAPE, CLASSES)


def test_a_margin_becomes_two_scores_and_the_class_of_the_higher(tmp_path: Path) -> None:
    artifact = artifact_of(stump(tmp_path / "trees"), trust=True)
    model = open_model(artifact)

    found = model.predict({"x": np.array([[9.0, 1.0], [9.0, 3.5], [np.nan, np.nan]])})

    assert found["labels"].tolist() == ["no", "yes", "no"]
    assert found["scores"].tolist() == [[0.875, 0.125], [0.25, 0.75], [0.75, 0.25]]
    assert parameters_of(artifact) == 3
    empty = model.predict({"x": np.empty((0, 2))})
    assert empty["scores"].shape == (0, 2)


def test_rows_that_lie_otherwise_in_memory_are_read_as_they_are(tmp_path: Path) -> None:
    model = open_model(artifact_of(stump(tmp_path / "trees"), trust=True))
    rows = np.array([[9.0, 1.0], [9.0, 3.5]])

    for other in (np.asfortranarray(rows), rows[::-1][::-1], np.repeat(rows, 2, axis=1)[:, ::2]):
        assert model.predict({"x": other})["labels"].tolist() == ["no", "yes"]


def test_machine_code_is_not_loaded_unasked(tmp_path: Path) -> None:
    with pytest.raises(UntrustedModel, match="compiled library"):
        artifact_of(stump(tmp_path / "trees"))


def test_another_library_than_the_one_compiled_is_not_loaded(tmp_path: Path) -> None:
    folder = stump(tmp_path / "trees")
    with (folder / LIBRARY).open("ab") as file:
        file.write(b"\0")

    with pytest.raises(ModelError, match="not the library that was compiled"):
        open_model(artifact_of(folder, trust=True))
    (folder / LIBRARY).unlink()
    with pytest.raises(ModelError, match="not the library that was compiled"):
        open_model(artifact_of(folder, trust=True))


def test_on_another_machine_it_is_compiled_anew_and_the_folder_stays_as_it_is(tmp_path: Path) -> None:
    folder = stump(tmp_path / "trees")
    told = json.loads((folder / ABOUT).read_text())
    told["library"]["machine"] = "linux riscv128"
    (folder / ABOUT).write_text(json.dumps(told))
    (folder / LIBRARY).write_bytes(b"machine code of another machine")
    (tmp_path / "spare").mkdir()

    path = library_of(folder, tmp_path / "spare")

    assert path.parent == tmp_path / "spare"
    assert ctypes.CDLL(str(path)).joulewise_predict
    assert (folder / LIBRARY).read_bytes() == b"machine code of another machine"
    assert open_model(artifact_of(folder, trust=True)).predict({"x": np.array([[0.0, 4.0]])})["labels"][0] == "yes"


@pytest.mark.parametrize(
    ("text", "told"), [("{", "torn"), ("[]", "torn"), ('{"version": 7}', "version 7"), ('{"version": 1}', "torn")]
)
def test_what_is_torn_or_newer_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / ABOUT).write_text(text)

    with pytest.raises(ModelError, match=told):
        read_about(tmp_path)


def test_sources_that_do_not_compile_are_told_in_the_compilers_words(tmp_path: Path) -> None:
    (tmp_path / "header.h").write_text(HEADER)
    (tmp_path / "main.c").write_text("int main( {")

    with pytest.raises(ModelError, match=r"could not compile.*main\.c"):
        write_compiled(tmp_path, SHAPE, CLASSES)


def test_types_that_c_does_not_share_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="uint32"):
        write_compiled(tmp_path, {**SHAPE, "answers": "uint32"}, CLASSES)


def test_without_a_compiler_the_cure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ModelError, match="C compiler") as caught:
        write_compiled(tmp_path, SHAPE, CLASSES)
    assert "apt install gcc" in caught.value.hint
