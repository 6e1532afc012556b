"""What a pickle would run if it were loaded, read without loading it.

Pickles (joblib files, much of what PyTorch writes) can call any function when they are loaded. We look at their
opcodes only, and ask the user before anything is loaded.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickletools
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from joulewise.core.errors import UntrustedModel

LOOK_BYTES = 1 << 18
_END = ""
_UNREADABLE = (ValueError, IndexError, KeyError, UnicodeDecodeError, OverflowError)
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
        head = file.read(LOOK_BYTES)
    try:
        return _unpack(head, path)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError):
        return b""


def _unpack(head: bytes, path: Path) -> bytes:
    if head.startswith(b"\x1f\x8b"):
        with gzip.open(path) as file:
            return file.read(LOOK_BYTES)
    if head.startswith(b"BZh"):
        with bz2.open(path) as file:
            return file.read(LOOK_BYTES)
    if head.startswith((b"\xfd7zXZ\x00", b"\x5d\x00\x00")):
        with lzma.open(path) as file:
            return file.read(LOOK_BYTES)
    if head[:2] in (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"):
        return zlib.decompressobj().decompress(head, LOOK_BYTES)
    return head


def is_pickle(head: bytes) -> bool:
    """True for a binary pickle: the PROTO opcode and a protocol that exists."""
    return len(head) > 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def pickle_globals(data: bytes) -> list[str]:
    """The "module name" pairs that a pickle would import, in order, as far as it can be read.

    joblib writes arrays raw between the opcodes: reading ends there, after the outer classes are known.
    """
    return list(_globals(data))


def pickle_strangers(file: IO[bytes]) -> Iterator[str]:
    """What the pickle in an open file would import beyond what tensors need, read to its very end: a pickle that can't
    be read as a whole, or is followed by more, is strange itself."""
    ended = False
    try:
        for name in _imports(_Measured(file)):
            ended = name == _END
            if not ended and not _is_harmless(name):
                yield name
    except _UNREADABLE:
        ended = False
    if not ended or file.read(1):
        yield "what can't be read"


def _globals(data: bytes) -> Iterator[str]:
    try:
        yield from (name for name in _imports(BytesIO(data)) if name != _END)
    except _UNREADABLE:  # raw arrays, or the end of our look
        return


def _imports(file: Any) -> Iterator[str]:
    """Names in order, then _END. "?" is a name that is put together in a way that only running it would tell."""
    top: list[str] = []
    memo: dict[int, str] = {}
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name in ("GLOBAL", "INST"):
            yield str(argument)
        elif opcode.name == "STACK_GLOBAL":
            yield " ".join(top[-2:]) if len(top) > 1 else "?"
        elif opcode.name.startswith("EXT"):
            yield "?"
        if opcode.name == "MEMOIZE" or opcode.name.endswith("PUT"):
            memo[len(memo) if argument is None else argument] = top[-1] if top else "?"
        elif opcode.name.endswith("GET"):
            top.append(memo.get(argument or 0, "?"))
        elif isinstance(argument, str) and opcode.name not in ("GLOBAL", "INST", "PERSID"):
            top.append(argument)
        elif opcode.name not in ("PROTO", "FRAME"):
            top.clear()  # the strings that we saw need not be the stack's last any more
    yield _END


class _Measured:
    """A file that refuses to be read beyond its end: a pickle may claim any length."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        here = file.tell()
        self._end = file.seek(0, 2)
        file.seek(here)
        self.tell, self.readline = file.tell, file.readline

    def read(self, count: int) -> bytes:
        if count > self._end - self._file.tell():
            raise ValueError("torn")
        return self._file.read(count)


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
