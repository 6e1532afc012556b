"""Files that commands write: the suffix says the format, and a half-written file never stays."""

from __future__ import annotations

import os

from joulewise.core.errors import UsageError

_FORMATS = {".html": "html", ".htm": "html", ".md": "markdown", ".json": "json", ".csv": "csv", ".txt": "table"}


def format_of(path: str) -> str:
    """The report format that a file's suffix means. Raises UsageError for an unknown one."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in _FORMATS:
        raise UsageError(f"can't tell a format from {path!r}", hint=f"--format, or one of {', '.join(_FORMATS)}")
    return _FORMATS[suffix]


def write_text(path: str, text: str) -> None:
    """Write the whole file or nothing. Raises UsageError if the place can't be written."""
    scratch = f"{path}.{os.getpid()}.part"
    try:
        with open(scratch, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
        os.replace(scratch, path)
    except OSError as error:
        if os.path.exists(scratch):
            os.unlink(scratch)
        raise UsageError(f"can't write {path}: {error.strerror}", hint="another folder") from error
