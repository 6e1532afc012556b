"""What a PyTorch archive (.pt2) would run when it is loaded, looked for without loading it.

`torch.export.load` unpickles whatever the archive's own JSON calls a pickle, in any of PyTorch's file forms, loads
compiled libraries, and gives expressions of shapes to SymPy, which evaluates them. Only what PyTorch itself writes
passes; what can't be read to its end does not.
"""

from __future__ import annotations

import ast
import builtins
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from joulewise.compare.trust import is_pickle, pickle_strangers
from joulewise.core.errors import ModelError

BOMB_BYTES, BOMB_RATIO = 1 << 28, 100
"""An entry that is larger and was packed tighter holds no weights."""
_PICKLES = (".pt", ".pth", ".pkl")
_OBJECTS = ("opaque_obj_", "custom_obj_")
_LIBRARIES = (".so", ".o", ".dll", ".dylib", ".cpp", ".cubin", ".cu")
_CODE = ("expr_str", "guards_code")
"""Texts of the JSON that PyTorch evaluates: sizes and what must hold of them."""
_SIZES = ("dim", "ndim", "shape", "size", "storage_offset", "stride")
_ARITHMETIC = frozenset({"abs", "bool", "float", "int", "max", "min", "pow", "round"})


def refuse_bombs(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise ModelError for an archive with an entry that would fill memory or disk."""
    for entry in archive.infolist():
        if entry.file_size > BOMB_BYTES and entry.file_size > BOMB_RATIO * entry.compress_size:
            raise ModelError(
                f"{path} unpacks {entry.filename} from {entry.compress_size:,} to {entry.file_size:,} bytes, "
                "which no model does",
                hint="save the model again, uncompressed, if it is yours",
            )


def suspicious_parts(path: Path) -> list[str]:
    """What in the archive is, or may be, code; [] if it is plain data. Raises ModelError for a torn archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(set(_strange(path, archive)))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise ModelError(f"{path} is a torn archive: {error}", hint="copy it again") from error


def _strange(path: Path, archive: zipfile.ZipFile) -> Iterator[str]:
    refuse_bombs(path, archive)
    pickled = {name for entry in archive.infolist() for name in _called_pickles(archive, entry)}
    for entry in archive.infolist():
        place = PurePosixPath(entry.filename)
        with archive.open(entry) as file:
            magic = file.read(4)
            file.seek(0)
            if "aotinductor" in place.parts or place.suffix in _LIBRARIES:
                yield f"compiled code ({place.name})"
            elif magic.startswith(b"PK"):
                with zipfile.ZipFile(file) as inner:
                    yield from _strange(path, inner)
            elif is_pickle(magic):
                yield from pickle_strangers(file)
            elif place.suffix == ".json":
                yield from _strange_json(file, place.name)
            elif place.name in pickled or place.suffix in _PICKLES or place.name.startswith(_OBJECTS):
                yield f"a pickle of an old form ({place.name})"


def _called_pickles(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[str]:
    if entry.filename.endswith(".json"):
        with archive.open(entry) as file:
            for part in _walk(_json(file)):
                if part.get("use_pickle"):
                    yield PurePosixPath(str(part.get("path_name"))).name


def _strange_json(file: IO[bytes], name: str) -> Iterator[str]:
    told = _json(file)
    if told is None:
        yield f"what is no JSON ({name})"
    for part in _walk(told):
        for text in (text for key in _CODE if key in part for text in _listed(part[key])):
            if not _is_arithmetic(text):
                yield f"an expression that is no arithmetic ({str(text)[:40]!r})"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_arithmetic(text: Any) -> bool:
    """Numbers, names and functions of them: no built-in function, no attribute but sizes, no text but names."""
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return False
    return all(_is_harmless_node(node) for node in nodes)


def _is_harmless_node(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return "__" not in node.id and (node.id in _ARITHMETIC or not hasattr(builtins, node.id))
    if isinstance(node, ast.Attribute):
        return node.attr in _SIZES
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return bool(re.fullmatch(r"\w*", node.value)) and "__" not in node.value
    return not isinstance(node, (ast.Lambda, ast.JoinedStr, ast.NamedExpr, ast.comprehension))


def _json(file: IO[bytes]) -> Any:
    try:
        return json.loads(file.read())
    except (ValueError, RecursionError):
        return None


def _walk(told: Any) -> Iterator[dict[str, Any]]:
    """Every object of a JSON document, however deep."""
    waiting = [told]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
