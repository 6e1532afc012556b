"""What worker and bench say to each other: a length, a JSON head, and arrays as .npy bytes. Nothing is ever unpickled.

Frame: 8 bytes length of the head, 8 bytes length of the arrays (big-endian), the head, the arrays one after another.
"""

from __future__ import annotations

import io
import json
import os
import select
import time
from collections.abc import Callable, Mapping
from typing import Any

HEAD_LIMIT = 64 << 20
"""A longer head is no head: something else wrote into the pipe."""


class Broken(Exception):
    """The other side is gone, or talks nonsense."""


class Late(Exception):
    """No whole answer within the time that was given."""


def packed(head: Mapping[str, Any], arrays: Mapping[str, Any] | None = None) -> bytes:
    """One frame."""
    bodies = [_npy(array) for array in (arrays or {}).values()]
    told = {**head, "arrays": [[name, len(body)] for name, body in zip(arrays or {}, bodies, strict=True)]}
    text = json.dumps(told).encode()
    body = b"".join(bodies)
    return len(text).to_bytes(8, "big") + len(body).to_bytes(8, "big") + text + body


def _npy(array: Any) -> bytes:
    import numpy as np

    plain = np.asarray(array)
    if plain.dtype == object:
        plain = plain.astype(str)  # labels; anything deeper would not survive as itself
    buffer = io.BytesIO()
    np.save(buffer, plain, allow_pickle=False)
    return buffer.getvalue()


def unpacked(head: bytes, body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Head and arrays of a frame. Raises Broken for what is no frame."""
    try:
        told = json.loads(head)
        sizes = told.pop("arrays")
        arrays, at = {}, 0
        for name, size in sizes:
            arrays[name] = _array(body[at : at + size])
            at += size
    except (ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        raise Broken(f"an answer that is no frame: {error}") from error
    return told, arrays


def _array(body: bytes) -> Any:
    import numpy as np

    return np.load(io.BytesIO(body), allow_pickle=False)


def write(fd: int, data: bytes) -> None:
    """All of it. Raises Broken if nobody reads any more."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError as error:
        raise Broken(str(error)) from error


def read_blocking(fd: int) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The next frame, however long it takes; None at the end of the pipe."""
    try:
        sizes = _exactly(fd, 16, lambda: None)
    except Broken:
        return None
    head, body = _sizes(sizes, HEAD_LIMIT)
    return unpacked(_exactly(fd, head, lambda: None), _exactly(fd, body, lambda: None))


def read_within(
    fd: int, limit_s: float, body_limit_bytes: int, watch: Callable[[float], float]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The next frame within `limit_s`. `watch(seconds since the start)` is called while waiting and says for how long
    to wait on; it may raise. Raises Late or Broken."""
    start = time.monotonic()

    def wait() -> None:
        while True:
            spent_s = time.monotonic() - start
            if spent_s >= limit_s:
                raise Late
            pause_s = min(watch(spent_s), limit_s - spent_s)
            if ready(fd, pause_s):
                return

    head, body = _sizes(_exactly(fd, 16, wait), body_limit_bytes)
    return unpacked(_exactly(fd, head, wait), _exactly(fd, body, wait))


def _sizes(first: bytes, body_limit_bytes: int) -> tuple[int, int]:
    head, body = int.from_bytes(first[:8], "big"), int.from_bytes(first[8:], "big")
    if head > HEAD_LIMIT or body > max(body_limit_bytes, HEAD_LIMIT):
        raise Broken("an answer that is no frame, or far too large")
    return head, body


def _exactly(fd: int, count: int, wait: Callable[[], None]) -> bytes:
    parts: list[bytes] = []
    while count:
        wait()
        part = os.read(fd, min(count, 1 << 20))
        if not part:
            raise Broken("the pipe ended")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def ready(fd: int, pause_s: float) -> bool:
    """True if something can be read, or the other end is closed."""
    poll = select.poll()  # select() can't see file numbers beyond 1023
    poll.register(fd, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(max(0.0, pause_s) * 1000))
