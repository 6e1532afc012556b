"""Code hidden in files of models: it is found before anything is loaded, however it is wrapped."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from joulewise.compare import archive_trust, artifact_of
from joulewise.compare.archive_trust import suspicious_parts
from joulewise.compare.row_files import read_npz
from joulewise.compare.trust import pickle_strangers
from joulewise.core.errors import DataError, ModelError, UntrustedModel

Change = Callable[[bytes], bytes]


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


def called_a_pickle(config: bytes) -> bytes:
    told = json.loads(config)
    for part in told["config"].values():
        part["use_pickle"] = True
    return json.dumps(told).encode()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch")
    path = tmp_path_factory.mktemp("exported") / "m.pt2"
    free = ({0: torch.export.Dim("batch")},)
    torch.export.save(torch.export.export(torch.nn.Linear(3, 2), (torch.zeros(4, 3),), dynamic_shapes=free), str(path))
    return path


def changed(source: Path, place: Path, changes: dict[str, Change]) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(place, "w") as new:
        for entry in old.infolist():
            change = next((found for end, found in changes.items() if entry.filename.endswith(end)), lambda data: data)
            new.writestr(entry.filename, change(old.read(entry)))
    return place


def legacy(evil: Evil) -> bytes:
    torch = pytest.importorskip("torch")
    held = io.BytesIO()
    torch.save(evil, held, _use_new_zipfile_serialization=False)
    return held.getvalue()


DECOY = b"\x80\x04\x8c\x05posix\x94\x8c\x05mkdir\x94\x8c\x05torch\x8c\x04Size00\x93\x8c\x01x\x85R."


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda evil: pickle.dumps(evil, protocol=0),
        lambda evil: pickle.dumps(evil, protocol=4),
        legacy,
        lambda evil: pickle.dumps(1) + pickle.dumps(evil),
        lambda evil: DECOY,
    ],
    ids=["protocol 0", "protocol 4", "old PyTorch", "a second pickle", "names popped off"],
)
def test_weights_that_are_pickles_of_code_want_trust(
    tmp_path: Path, exported: Path, wrapped: Callable[[Evil], bytes]
) -> None:
    evil = Evil(tmp_path / "ran")
    changes = {"/weight_0": lambda _: wrapped(evil), "weights_config.json": called_a_pickle}
    path = changed(exported, tmp_path / "evil.pt2", changes)
    with pytest.raises(UntrustedModel, match="more than tensors"):
        artifact_of(path)
    assert not evil.mark.exists()


def test_a_shape_that_is_code_wants_trust(tmp_path: Path, exported: Path) -> None:
    """SymPy evaluates the texts that stand for free sizes."""
    mark = tmp_path / "ran"
    code = f"__import__('os').mkdir('{mark}')".encode()
    symbol = next(
        line
        for line in zipfile.ZipFile(exported).read("m/models/model.json").split(b'"')
        if line.startswith(b"Symbol(")
    )
    path = changed(exported, tmp_path / "evil.pt2", {"model.json": lambda told: told.replace(symbol, code)})
    with pytest.raises(UntrustedModel, match="no arithmetic"):
        artifact_of(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("Symbol('s77', positive=True, integer=True)", True),
        ("2*s0 + Max(1, s1//2)", True),
        ("L['args'][0].size()[0] <= 10", True),
        ("Max('s0.evil()', 1)", False),
        ("eval('s0')", False),
        ("s0.__class__", False),
        ("(lambda: s0)()", False),
        ("f'{s0}'", False),
        ("s0 = 1", False),
        (7, False),
    ],
)
def test_expressions_are_arithmetic_alone(text: object, fine: bool) -> None:
    assert archive_trust._is_arithmetic(text) is fine


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("m/data/aotinductor/model/m.so", b"\x7fELF", "compiled code"),
        ("m/data/extra.so", b"\x7fELF", "compiled code"),
        ("m/data/sample_inputs/model.pt", pickle.dumps([1], protocol=0), "a pickle of an old form"),
        ("m/data/constants/opaque_obj_0", pickle.dumps([1], protocol=0), "a pickle of an old form"),
        ("m/models/model.json", b"cos\nsystem\n.", "no JSON"),
        ("m/x.pkl", b"\x80\x04\x95", "can't be read"),
        ("m/x.pkl", b"\x80\x02\x82\x01.", "[?]"),
    ],
)
def test_parts_that_may_be_code_are_named(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    with zipfile.ZipFile(tmp_path / "m.pt2", "w") as archive:
        archive.writestr("m/archive_format", "pt2")
        archive.writestr(name, content)
    with pytest.raises(UntrustedModel, match=told):
        artifact_of(tmp_path / "m.pt2")


def test_what_pytorch_writes_itself_passes(exported: Path) -> None:
    assert suspicious_parts(exported) == []


def test_a_pickle_of_numbers_passes() -> None:
    assert list(pickle_strangers(io.BytesIO(pickle.dumps({"a": [1, 2.5, "text"]})))) == []


def packed(path: Path, name: str, first: bytes) -> Path:
    """So many zeros that nobody would have saved them."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(name, first + bytes(3 << 20))
    return path


def test_an_archive_that_explodes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_trust, "BOMB_BYTES", 1 << 20)
    with pytest.raises(ModelError, match="unpacks"):
        artifact_of(packed(tmp_path / "m.pt", "m/data.pkl", b"\x80\x02"))


def test_rows_that_explode_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joulewise.compare.row_files.BOMB_BYTES", 1 << 20)
    with pytest.raises(DataError, match="unpacks"):
        read_npz(packed(tmp_path / "rows.npz", "x.npy", b"\x93NUMPY"))


def test_rows_that_claim_more_than_there_is_memory_are_refused(tmp_path: Path) -> None:
    held = io.BytesIO()
    np.lib.format.write_array_header_1_0(held, {"descr": "<f8", "fortran_order": False, "shape": (1 << 45, 1)})
    with zipfile.ZipFile(tmp_path / "rows.npz", "w") as archive:
        archive.writestr("x.npy", held.getvalue())
    with pytest.raises(DataError):
        read_npz(tmp_path / "rows.npz")


def test_a_torn_export_says_what_pytorch_says(tmp_path: Path, exported: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = changed(exported, tmp_path / "torn.pt2", {"model.json": lambda told: told[: len(told) // 2] + b'"}'})
    with pytest.raises(ModelError, match="can't read") as caught:
        artifact_of(path, trust=True)
    assert "warnings above" not in caught.value.message
    assert "Traceback" not in caplog.text


def test_an_old_pickle_says_how_to_write_it_anew(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(Evil(tmp_path / "ran"), protocol=0))
    with pytest.raises(ModelError) as caught:
        artifact_of(tmp_path / "m.pkl", trust=True)
    assert "joblib.dump" in caught.value.hint


def test_a_pipe_is_no_model(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="neither a file nor a folder"):
        artifact_of(tmp_path / "m.onnx")
