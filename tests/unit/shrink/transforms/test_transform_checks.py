"""What counts as a broken result, and why a transform offers nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from joulewise.compare import Prediction
from joulewise.core.errors import ModelError, PluginMissing
from joulewise.core.runtimes import Artifact, Materials
from joulewise.core.variants import Step
from joulewise.shrink.transforms.checking import moved
from joulewise.shrink.transforms.making import Recipe, Settings
from joulewise.shrink.transforms.processor import has_bfloat16, has_float16, has_vnni

MATERIALS = Materials(calibration=Path("calibration.npz"))


class Failing(Recipe):
    name, formats, distribution, modules, extra = "failing", ("onnx",), "numpy", ("numpy",), "onnx"
    error: Exception = ValueError("no such operator")

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        print("progress of the library")
        raise self.error


def test_same_answers_have_not_moved() -> None:
    scores = np.array([[0.2, 0.8], [0.9, 0.1]])
    same = Prediction(task="classification", scores=scores, labels=np.array([1, 0]), classes=(0, 1))
    assert moved(same, same) == {"difference": 0.0, "agreement": 1.0}


def test_a_flipped_label_is_counted() -> None:
    old = Prediction(task="classification", labels=np.array([1, 0, 1, 1]))
    new = Prediction(task="classification", labels=np.array([1, 0, 0, 1]))
    assert moved(old, new)["agreement"] == 0.75


def test_another_shape_is_broken() -> None:
    old, new = (Prediction(task="embedding", vectors=np.ones((2, width))) for width in (3, 4))
    with pytest.raises(ModelError, match="changed shape"):
        moved(old, new)


def test_nan_is_broken() -> None:
    old, new = (Prediction(task="regression", values=np.array([1.0, value])) for value in (2.0, np.nan))
    with pytest.raises(ModelError, match="NaN"):
        moved(old, new)


def test_likeness_of_vectors_is_their_mean_cosine() -> None:
    old = Prediction(task="embedding", vectors=np.array([[1.0, 0.0], [0.0, 1.0]]))
    new = Prediction(task="embedding", vectors=np.array([[2.0, 0.0], [1.0, 0.0]]))
    assert moved(old, new)["likeness"] == pytest.approx(0.5)


def test_two_vectors_of_zeros_are_alike_one_is_not() -> None:
    old = Prediction(task="embedding", vectors=np.array([[0.0, 0.0], [1.0, 0.0]]))
    gone = Prediction(task="embedding", vectors=np.array([[0.0, 0.0], [0.0, 0.0]]))
    assert moved(old, old)["likeness"] == 1.0
    assert moved(old, gone)["likeness"] == 0.5


def test_nothing_to_compare_is_no_agreement() -> None:
    empty = Prediction(task="unknown")
    with pytest.raises(ModelError, match="no answer"):
        moved(empty, empty)


def test_a_foreign_error_becomes_a_model_error_with_its_cause(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelError, match="ValueError: no such operator"):
        Failing().apply(Artifact(path=tmp_path / "m.onnx", format="onnx"), {}, MATERIALS, tmp_path / "out")
    assert capsys.readouterr().out == "", "stdout is for data"


def test_an_absent_library_says_how_to_get_it(tmp_path: Path) -> None:
    failing = Failing()
    failing.error = ModuleNotFoundError("No module named 'nncf'", name="nncf")
    with pytest.raises(PluginMissing, match=r"joulewise\[onnx\]"):
        failing.apply(Artifact(path=tmp_path / "m.onnx", format="onnx"), {}, MATERIALS, tmp_path / "out")


def test_why_not_names_the_missing_library() -> None:
    class Absent(Failing):
        modules = ("no_such_library_at_all",)

    artifact = Artifact(path=Path("m.onnx"), format="onnx")
    assert "no_such_library_at_all" in Absent().why_not(artifact, MATERIALS)
    assert Absent().offers(artifact, MATERIALS) == ()


def test_a_transform_is_not_done_twice() -> None:
    artifact = Artifact(path=Path("m.onnx"), format="onnx", steps=(Step(transform="failing"),))
    assert "already" in Failing().why_not(artifact, MATERIALS)


@pytest.mark.parametrize(
    ("line", "vnni", "bfloat16", "float16"),
    [
        ("flags\t\t: fpu sse2 avx2 f16c", False, False, False),
        ("flags\t\t: fpu avx512f avx512_vnni avx512_bf16", True, True, False),
        ("Features\t: fp asimd asimddp asimdhp bf16", True, True, True),
    ],
)
def test_reads_what_the_processor_can(tmp_path: Path, line: str, vnni: bool, bfloat16: bool, float16: bool) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(f"processor\t: 0\n{line}\n", encoding="utf-8")
    assert (has_vnni(tmp_path), has_bfloat16(tmp_path), has_float16(tmp_path)) == (vnni, bfloat16, float16)


def test_without_proc_nothing_is_assumed(tmp_path: Path) -> None:
    assert not has_bfloat16(tmp_path)
    assert not has_float16(tmp_path)
