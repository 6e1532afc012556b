"""Files that appear under their name only when they are whole."""

from __future__ import annotations

import io
import os
from collections.abc import Callable

from joulewise.core.errors import LedgerError


def write_atomically(path: str, write: Callable[[io.BufferedWriter], object]) -> None:
    """Let `write` fill a file beside `path`, then rename it. Raises LedgerError, and leaves nothing behind then."""
    scratch = f"{path}.{os.getpid()}.part"
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        try:
            with open(scratch, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(scratch, path)
        finally:
            if os.path.exists(scratch):
                os.unlink(scratch)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise LedgerError(f"can't write {path!r}: {said}", hint="free some space, or take another folder") from error
