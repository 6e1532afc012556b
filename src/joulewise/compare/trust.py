"""What a pickle would run if it were loaded, read without loading it.

Pickles (joblib files, much of what PyTorch writes) can call any function when they are loaded. We look at their
opcodes only, and ask the user before anything is loaded.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickletools
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from joulewise.core.errors import UntrustedModel

_LOOK_BYTES = 1 << 18
_HARMLESS = frozenset(
    {
        "_codecs encode",
        "builtins set",
        "builtins slice",
        "collections OrderedDict",
        "torch Size",
        "torch device",
        "torch._tensor _rebuild_from_type_v2",
        "torch._utils _rebuild_parameter",
        "torch._utils _rebuild_tensor_v2",
        "torch.serialization _get_layout",
    }
)


def refuse_untrusted(path: Path | str, what: str, trusted: bool) -> None:
    """Raise UntrustedModel unless the user said that he trusts it; call it before anything is loaded."""
    if not trusted:
        raise UntrustedModel(
            f"{path} is {what}: loading it runs whatever code it brings",
            hint="--trust (in Python: trust=True) if you made it or trust who did",
        )


def unpacked_head(path: Path) -> bytes:
    """The first bytes of a file, unpacked if it is compressed as joblib does it; b"" if that fails."""
    with path.open("rb") as file:
        head = file.read(_LOOK_BYTES)
    try:
        return _unpack(head, path)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError):
        return b""


def _unpack(head: bytes, path: Path) -> bytes:
    if head.startswith(b"\x1f\x8b"):
        with gzip.open(path) as file:
            return file.read(_LOOK_BYTES)
    if head.startswith(b"BZh"):
        with bz2.open(path) as file:
            return file.read(_LOOK_BYTES)
    if head.startswith((b"\xfd7zXZ\x00", b"\x5d\x00\x00")):
        with lzma.open(path) as file:
            return file.read(_LOOK_BYTES)
    if head[:2] in (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"):
        return zlib.decompressobj().decompress(head, _LOOK_BYTES)
    return head


def is_pickle(head: bytes) -> bool:
    """True for a binary pickle: the PROTO opcode and a protocol that exists."""
    return len(head) > 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def pickle_globals(data: bytes) -> list[str]:
    """The "module name" pairs that a pickle would import, in order, as far as it can be read.

    joblib writes arrays raw between the opcodes: reading ends there, after the outer classes are known.
    """
    return list(_globals(data))


def _globals(data: bytes) -> Iterator[str]:
    words: list[str] = []
    memo: dict[int, str] = {}
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name in ("GLOBAL", "INST"):
                yield str(argument)
            elif opcode.name == "STACK_GLOBAL":
                yield " ".join(words[-2:])
            elif opcode.name == "MEMOIZE":
                memo[len(memo)] = words[-1] if words else ""
            elif opcode.name in ("BINPUT", "LONG_BINPUT") and isinstance(argument, int):
                memo[argument] = words[-1] if words else ""
            elif opcode.name in ("BINGET", "LONG_BINGET") and isinstance(argument, int):
                words.append(memo.get(argument, "?"))
            elif isinstance(argument, str):
                words.append(argument)
    except (ValueError, IndexError, KeyError, UnicodeDecodeError, OverflowError):  # raw arrays, or the end of our look
        return


def suspicious_globals(path: Path) -> list[str]:
    """Names in the pickles of a zip archive (PyTorch's .pt2) beyond what tensors need; [] if it is plain data."""
    with zipfile.ZipFile(path) as archive:
        return sorted(set(_beyond_tensors(archive)))


def _beyond_tensors(archive: zipfile.ZipFile) -> Iterator[str]:
    for entry in archive.infolist():
        with archive.open(entry) as file:
            magic = file.read(4)
            if magic.startswith(b"PK") or is_pickle(magic):
                data = magic + file.read()
            else:
                continue
        if magic.startswith(b"PK"):
            with zipfile.ZipFile(BytesIO(data)) as inner:
                yield from _beyond_tensors(inner)
        else:
            yield from (name for name in pickle_globals(data) if not _is_harmless(name))


def _is_harmless(name: str) -> bool:
    module, _, attribute = name.partition(" ")
    is_storage = module in ("torch", "torch.storage") and attribute.endswith("Storage")
    is_dtype = module == "torch" and attribute.rstrip("0123456789") in (
        "float",
        "int",
        "uint",
        "bfloat",
        "bool",
        "complex",
    )
    return name in _HARMLESS or is_storage or is_dtype
