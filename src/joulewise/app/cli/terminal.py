"""What stands at the other end of stdout and stderr, and how loud to be."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Timer
from typing import IO

import click

from joulewise.report.listing import Style

BROKEN_PIPE = 141
"""128 and the number of SIGPIPE, as shells count."""
PATIENCE_S = 2.0
LOG_VARIABLE = "JOULEWISE_LOG"


class Terminal:
    """Says how to draw and whether to speak. `loudness` is the number of -v less that of -q."""

    def __init__(self, *, loudness: int = 0, color: str = "auto", environ: Mapping[str, str] | None = None) -> None:
        self.loudness = loudness
        self._color = color
        self._environ = os.environ if environ is None else environ

    def style(self, stream: IO[str] | None = None) -> Style:
        """What the stream can show: its width, colour if it is a terminal, ASCII if it knows no other characters."""
        stream = stream or sys.stdout
        width = shutil.get_terminal_size((100, 24)).columns if stream.isatty() or "COLUMNS" in self._environ else 100
        return Style(width=width, color=self.colored(stream), ascii_only=not _knows_unicode(stream))

    def colored(self, stream: IO[str]) -> bool:
        """--color wins; else NO_COLOR (if not empty), a dumb terminal or a pipe mean no."""
        if self._color != "auto":
            return self._color == "always"
        plain = self._environ.get("NO_COLOR") or self._environ.get("TERM") == "dumb"
        return stream.isatty() and not plain

    def say(self, text: str, *, level: int = 0) -> None:
        """A message on stderr, unless -q: level 0 is news, 1 needs -v, -1 survives one -q."""
        if self.loudness >= level:
            click.echo(_fit(text, sys.stderr), err=True)

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """Show on a terminal that something is going on, if it goes on for more than two seconds."""
        if not sys.stderr.isatty() or self.loudness < 0:
            yield
            return
        from rich.console import Console
        from rich.status import Status

        status = Status(f"{text} ...", console=Console(stderr=True, no_color=not self.colored(sys.stderr)))
        timer = Timer(PATIENCE_S, status.start)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            status.stop()

    def put(self, text: str) -> None:
        """Data on stdout, as it is. If whoever read has left, the command ends silently, as SIGPIPE ends others."""
        try:
            click.echo(_fit(text, sys.stdout), nl=not text.endswith("\n"), color=True)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())  # the interpreter flushes the rest at exit
            raise click.exceptions.Exit(BROKEN_PIPE) from None


def configure_logging(loudness: int, environ: Mapping[str, str] | None = None) -> None:
    """Log to stderr: JOULEWISE_LOG=debug|info|warning|error wins over -v and -q."""
    environ = os.environ if environ is None else environ
    by_loudness = {-2: logging.ERROR, -1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}
    level = by_loudness.get(max(loudness, -2), logging.DEBUG)
    named = logging.getLevelNamesMapping().get(environ.get(LOG_VARIABLE, "").upper())
    logger = logging.getLogger("joulewise")
    logger.setLevel(named or level)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("joulewise: %(message)s"))
    logger.handlers[:] = [handler]


def _knows_unicode(stream: IO[str]) -> bool:
    return "utf" in (getattr(stream, "encoding", None) or "").lower()


def _fit(text: str, stream: IO[str]) -> str:
    """No character that the stream can't encode: a report must not end in a traceback over a name."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
