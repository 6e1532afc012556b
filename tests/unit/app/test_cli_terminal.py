"""What the terminal can show decides how things are drawn: width, colour, characters; messages obey -q and -v."""

from __future__ import annotations

import io
import logging

import pytest

from joulewise.app.cli.terminal import Terminal, configure_logging


class Stream(io.StringIO):
    """A stream that says what it is."""

    def __init__(self, *, tty: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self._tty, self._encoding = tty, encoding

    def isatty(self) -> bool:
        return self._tty

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding


@pytest.mark.parametrize(
    ("color", "environ", "tty", "colored"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {}, True, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(color, environ, tty, colored):
    assert Terminal(color=color, environ=environ).style(Stream(tty=tty)).color is colored


def test_a_pipe_gets_a_hundred_columns():
    assert Terminal(environ={}).style(Stream(tty=False)).width == 100


@pytest.mark.parametrize(
    ("encoding", "ascii_only"), [("utf-8", False), ("UTF8", False), ("ascii", True), ("latin-1", True)]
)
def test_other_characters_need_unicode(encoding, ascii_only):
    assert Terminal(environ={}).style(Stream(tty=True, encoding=encoding)).ascii_only is ascii_only


@pytest.mark.parametrize(
    ("loudness", "level", "said"), [(0, 0, True), (-1, 0, False), (-1, -1, True), (0, 1, False), (1, 1, True)]
)
def test_messages_obey_quiet_and_verbose(capsys, loudness, level, said):
    Terminal(loudness=loudness).say("hello", level=level)

    assert capsys.readouterr().err == ("hello\n" if said else "")


def test_nothing_spins_where_nobody_looks(capsys):
    with Terminal().busy("Working"):
        pass

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("loudness", "environ", "level"),
    [
        (0, {}, logging.WARNING),
        (-1, {}, logging.ERROR),
        (-9, {}, logging.ERROR),
        (1, {}, logging.INFO),
        (5, {}, logging.DEBUG),
        (0, {"JOULEWISE_LOG": "info"}, logging.INFO),
        (0, {"JOULEWISE_LOG": "nonsense"}, logging.WARNING),
    ],
)
def test_the_log_is_as_loud_as_asked(loudness, environ, level):
    logger = logging.getLogger("joulewise")
    before, handlers = logger.level, logger.handlers[:]
    try:
        configure_logging(loudness, environ)
        assert logger.level == level
    finally:
        logger.setLevel(before)
        logger.handlers[:] = handlers
