"""The content of a model as one hash: the same bytes under another name are the same model."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from joulewise.core.runtimes import Artifact

_BLOCK = 1 << 20


def files_of(artifact: Artifact) -> list[Path]:
    """Every file that the model consists of, sorted by name: external data and OpenVINO's weights too."""
    path = artifact.path
    if path.is_dir():
        return sorted(each for each in path.rglob("*") if each.is_file() and ".git" not in each.parts)
    beside = [path.parent / name for name in artifact.facts.get("external", ())]
    if artifact.format == "openvino":
        beside.append(path.with_suffix(".bin"))
    return [path, *sorted(beside)]


def digest_of(artifact: Artifact) -> tuple[str, int]:
    """SHA-256 in hexadecimal, and bytes. One file is hashed as it is, so that sha256sum gives the same."""
    files = files_of(artifact)
    size_bytes = sum(each.stat().st_size for each in files)
    if len(files) == 1 and artifact.path.is_file() and artifact.format != "torch-module":
        return _hex([artifact.path.read_bytes()] if size_bytes < _BLOCK else _blocks(artifact.path)), size_bytes
    root = artifact.path if artifact.path.is_dir() else artifact.path.parent
    whole = sha256(str(artifact.facts.get("factory", "")).encode())
    for each in files:
        name = each.relative_to(root).as_posix() if each != artifact.path else "model"
        whole.update(f"{name}\0{each.stat().st_size}\0".encode())
        whole.update(bytes.fromhex(_hex(_blocks(each))))
    return whole.hexdigest(), size_bytes


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _hex(blocks: Iterator[bytes] | list[bytes]) -> str:
    found = sha256()
    for block in blocks:
        found.update(block)
    return found.hexdigest()
