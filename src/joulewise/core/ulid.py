"""ULIDs: 26 characters, sortable by time, unique without a server.

Source: github.com/ulid/spec (48-bit milliseconds, 80 random bits, Crockford base 32).
"""

from __future__ import annotations

import os
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_ulid(wall_ns: int | None = None, entropy: bytes | None = None) -> str:
    """Make a ULID for `wall_ns` (now by default). 80 bits from the kernel, so a forked child gets another."""
    milliseconds = (time.time_ns() if wall_ns is None else wall_ns) // 1_000_000
    random_bits = int.from_bytes(os.urandom(10) if entropy is None else entropy, "big")
    number = (milliseconds & (1 << 48) - 1) << 80 | random_bits
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -5, -5))


def derived_ulid(origin: str, *words: str) -> str:
    """The ULID that these words always give, with the time of `origin`, a ULID (or 1970, if it is none).

    Whoever makes the same row anew gives it the same id by that, so that it is filed once.
    """
    from hashlib import sha256  # a measured process has no use for it

    entropy = sha256("\n".join((origin, *words)).encode("utf-8", "surrogatepass")).digest()[:10]
    return new_ulid((milliseconds_of(origin) if is_ulid(origin) else 0) * 1_000_000, entropy)


def is_ulid(text: str) -> bool:
    """True for a well-formed ULID (upper case, first character at most 7)."""
    return len(text) == 26 and text[0] in "01234567" and all(character in _ALPHABET for character in text)


def milliseconds_of(ulid: str) -> int:
    """The time part, milliseconds since 1970 UTC."""
    number = 0
    for character in ulid[:10]:
        number = number << 5 | _ALPHABET.index(character)
    return number
