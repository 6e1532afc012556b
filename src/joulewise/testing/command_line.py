"""The command line in this process: what a command prints and files, without a start of Python for each question.

A real process stays what a test needs of signals, of a terminal or a closed pipe, of another encoding than UTF-8, and
of what gets loaded; and where a command starts others.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

from joulewise.app.cli.edge import run_guarded
from joulewise.measure.journal import SUFFIX


def typed(arguments: tuple[str, ...], *, folder: Path, environ: Mapping[str, str]) -> CompletedProcess[str]:
    """`joulewise ARGUMENTS` in this folder with this environment and no other, with pipes for a terminal."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with chdir(folder), _surroundings(environ), redirect_stdout(out), redirect_stderr(err):
        code = run_guarded(arguments)
    said, told = (stream.buffer.getvalue().decode().replace("\r\n", "\n") for stream in (out, err))
    return CompletedProcess(("joulewise", *arguments), code, said, told)


def until_watching(pid: int, patience_s: float = 60.0) -> None:
    """Wait until this process has taken its first snapshot, the last thing that `joulewise watch` does before it waits.

    Raises AssertionError if that process has ended, or doesn't begin.
    """
    limit = time.monotonic() + patience_s
    while not any(_has_snapshot(link) for link in Path(f"/proc/{pid}/fd").iterdir()):
        assert time.monotonic() < limit, "it does not begin"
        time.sleep(0.02)
    time.sleep(0.1)  # it starts its ticks, and looks once more at whom it holds


def _has_snapshot(link: Path) -> bool:
    try:
        path = link.readlink()
        return path.suffix == SUFFIX and b"\nT " in path.read_bytes()
    except OSError:  # closed meanwhile
        return False


@contextmanager
def _surroundings(environ: Mapping[str, str]) -> Iterator[None]:
    """All that a command takes from its process, or leaves in it, put back afterwards."""
    kept, stdin, logger = dict(os.environ), sys.stdin, logging.getLogger("joulewise")
    handlers, level = logger.handlers[:], logger.level
    sys.stdin = io.StringIO()
    try:
        _set(environ)
        yield
    finally:
        _set(kept)
        sys.stdin = stdin
        logger.handlers[:] = handlers
        logger.setLevel(level)


def _set(environ: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
