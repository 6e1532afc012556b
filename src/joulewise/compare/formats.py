"""Says what a file or folder is, by its content: the first bytes, the names in an archive, the keys of a JSON.

Nothing is loaded and no library of the format is needed, so it is safe on files of strangers and quick on huge ones.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from joulewise.compare.archive_trust import refuse_bombs
from joulewise.compare.trust import LOOK_BYTES, is_pickle, pickle_globals, unpacked_head
from joulewise.core.errors import ModelError

LOADABLE = (
    "ONNX, scikit-learn (joblib, pickle, skops), XGBoost (.json, .ubj), LightGBM (.txt), CatBoost (.cbm), "
    "torch.export archives (.pt2), TorchScript, module:factory, Hugging Face folders, SavedModel, Keras, OpenVINO, "
    "treelite checkpoints"
)
EXPORT_TORCH = (
    "export it: torch.export.save(torch.export.export(model.eval(), (example,), dynamic_shapes=...), 'model.pt2'); "
    "or name a function that builds it: my_module:make_model with --trust"
)
_KERAS_H5 = b"\x89HDF\r\n\x1a\n"
_TORCH_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def format_of(path: Path) -> str:
    """The format of a file or folder that exists. Raises ModelError that says what it seems to be, and what to do."""
    if path.is_dir():
        return _folder_format(path)
    if not path.is_file():
        raise ModelError(f"{path} is neither a file nor a folder", hint="name the model's file")
    if path.stat().st_size == 0:
        raise ModelError(f"{path} is empty", hint="save or copy the model again")
    with path.open("rb") as file:
        head = file.read(4096)
    return _file_format(path, head)


def _file_format(path: Path, head: bytes) -> str:
    if head.startswith(b"PK\x03\x04"):
        return _zip_format(path)
    for look in (_magic_format, _text_format, _pickle_format):
        if found := look(path, head):
            return found
    if _is_onnx(path):
        return "onnx"
    raise _unknown(path, head)


def _magic_format(path: Path, head: bytes) -> str:
    if head.startswith(b"CBM1"):
        return "catboost"
    if head.startswith(_KERAS_H5):
        return "keras"
    if head.startswith(b"{L") and b"learner" in head[:24]:
        return "xgboost"
    numbers = [int.from_bytes(head[at : at + 4], "little") for at in (0, 4, 8)]
    if 3 <= numbers[0] <= 9 and numbers[1] < 100 and numbers[2] < 100 and path.stat().st_size > 64:
        return "treelite"
    return ""


def _text_format(path: Path, head: bytes) -> str:
    text = head.lstrip()
    if text.startswith((b"tree\n", b"tree\r\n")):
        return "lightgbm"
    if text.startswith(b"<") and b"<net " in text:
        if not path.with_suffix(".bin").exists():
            raise ModelError(f"{path} has no weights beside it", hint=f"copy {path.with_suffix('.bin').name} here too")
        return "openvino"
    if text.startswith(b"{"):
        return _json_format(path, text)
    return ""


def _json_format(path: Path, text: bytes) -> str:
    if b'"learner"' in text[:64] or b'"gradient_booster"' in text:
        return "xgboost"
    if b'"oblivious_trees"' in text or b'"model_info"' in text[:200]:
        return "catboost"
    if b'"tree_info"' in text or b'"tree_structure"' in text:
        raise ModelError(
            f"{path} is a dump of LightGBM", hint="booster.save_model('model.txt') writes what can be loaded"
        )
    return ""


def _pickle_format(path: Path, head: bytes) -> str:
    if head.startswith(_TORCH_LEGACY):
        raise ModelError(f"{path} holds weights or a module of an old PyTorch, not a program", hint=EXPORT_TORCH)
    unpacked = unpacked_head(path)
    if not is_pickle(unpacked):
        return ""
    first = next(iter(pickle_globals(unpacked)), "")
    if first.startswith(("torch ", "torch.")):
        raise ModelError(f"{path} is a pickle of PyTorch ({first}), not a program", hint=EXPORT_TORCH)
    return "sklearn"


def _zip_format(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if not all(name.endswith(".npy") for name in names):
                refuse_bombs(path, archive)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise ModelError(f"{path} is a torn archive: {error}", hint="copy it again") from error
    inner = {name.partition("/")[2] for name in names}
    if "schema.json" in names:
        return "skops"
    if {"config.json", "metadata.json"} <= set(names):
        return "keras"
    if "archive_format" in inner or "serialized_exported_program.json" in names:
        return "torch-export"
    if "data.pkl" in inner:
        return _torch_format(path, inner)
    if all(name.endswith(".npy") for name in names):
        raise ModelError(f"{path} holds arrays, not a model", hint="pass it as --data")
    raise ModelError(f"{path} is an archive that holds no model that we know", hint=f"unpack it; we load {LOADABLE}")


def _torch_format(path: Path, inner: set[str]) -> str:
    if "constants.pkl" in inner:
        return "torchscript"
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        with archive.open(name) as file:
            used = pickle_globals(file.read(LOOK_BYTES))
    tensors = all(found.startswith(("torch ", "torch._utils ", "torch.storage ", "collections ")) for found in used)
    what = "the weights of a PyTorch model (a state dict)" if tensors else "a pickled PyTorch module"
    raise ModelError(f"{path} is {what}, and its program is not in the file", hint=EXPORT_TORCH)


def _folder_format(path: Path) -> str:
    names = {entry.name for entry in path.iterdir()}
    for marker, found in (
        ("saved_model.pb", "saved-model"),
        ("linear.json", "linear"),
        ("trees.json", "compiled-trees"),
    ):
        if marker in names:
            return found
    for marker, message, hint in (
        (
            "adapter_config.json",
            "is an adapter without its base model",
            "merge it: model.merge_and_unload(), then save",
        ),
        ("model_index.json", "is a pipeline of several models", "name the folder of one of them"),
        ("MLmodel", "is an MLflow folder", "name the model file inside it"),
    ):
        if marker in names:
            raise ModelError(f"{path} {message}", hint=hint)
    if "config.json" in names and _is_hugging_face(path, names):
        return "hf"
    raise ModelError(f"{path} is a folder without a model that we know", hint=f"name the file; we load {LOADABLE}")


def _is_hugging_face(path: Path, names: set[str]) -> bool:
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except ValueError:
        return False
    if not isinstance(config, dict) or not ({"model_type", "architectures"} & set(config)):
        return False
    if not any(name.endswith((".safetensors", ".bin")) for name in names):
        raise ModelError(f"{path} is a Hugging Face folder without weights", hint="download model.safetensors into it")
    return True


def _is_onnx(path: Path) -> bool:
    """Walks the outer fields of the protobuf and skips their contents: a ModelProto has a graph (7) and opsets (8)."""
    fields: set[int] = set()
    size = path.stat().st_size
    with path.open("rb") as file:
        while file.tell() < size:
            key = _varint(file.read(1), file)
            field, wire = key >> 3, key & 7
            if not 0 < field < 30 or wire not in (0, 2):
                return False
            value = _varint(file.read(1), file)
            if value < 0:
                return False
            if wire == 2:
                file.seek(value, 1)
            fields.add(field)
        return {7, 8} <= fields and file.tell() == size


def _varint(first: bytes, file: object) -> int:
    value = shift = 0
    byte = first
    while byte and shift < 64:
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
        shift += 7
        byte = file.read(1)  # type: ignore[attr-defined]
    return -1


_SEEMS = (
    (b"GGUF", "a GGUF file of llama.cpp", "run it with llama.cpp, or name the Hugging Face folder it was made of"),
    (b"%PDF", "a PDF", ""),
    (b"binf", "an XGBoost model in the old binary format", "load it with xgboost < 3.1 and save_model('model.json')"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the model", "git lfs pull"),
    (b"\x93NUMPY", "an array, not a model", "pass it as --data"),
    (b"PAR1", "a Parquet table, not a model", "pass it as --data"),
    (b"\x7fELF", "a compiled library or TensorRT-like engine", "name the model that it was compiled from"),
)


def _unknown(path: Path, head: bytes) -> ModelError:
    for magic, what, cure in _SEEMS:
        if head.startswith(magic):
            return ModelError(f"{path} is {what}", hint=cure or f"we load {LOADABLE}")
    if head[4:8] == b"TFL3":
        return ModelError(f"{path} is a TensorFlow Lite model", hint="name the SavedModel or Keras file it was made of")
    if len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:
        return ModelError(f"{path} holds weights only (safetensors)", hint="name the folder with its config.json")
    if path.stat().st_size > 1 << 31:
        return ModelError(f"{path} is no model that we know", hint="ONNX above 2 GB wants its weights as external data")
    if path.suffix in (".pkl", ".pickle", ".joblib", ".p"):
        return ModelError(
            f"{path} is torn, or a pickle of an old protocol or packed in a way that we can't look into",
            hint="joblib.dump(model, 'model.joblib') anew",
        )
    if path.suffix == ".onnx":
        return ModelError(f"{path} is torn or no ONNX", hint="copy or export it again; onnx.checker says more")
    return ModelError(f"{path} is no model that we know", hint=f"we load {LOADABLE}")
