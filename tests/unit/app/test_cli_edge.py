"""The edge: errors become a message, a cure and an exit code; no traceback, no noise over a closed pipe."""

from __future__ import annotations

import logging

import click
import pytest

from joulewise.app.cli.edge import run_guarded
from joulewise.app.cli.terminal import configure_logging
from joulewise.core.errors import LedgerTampered


@pytest.fixture(autouse=True)
def _quiet_logger():
    logger = logging.getLogger("joulewise")
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "nope"], 2, "joulewise: no run 'nope'\nTry: "),
        (["explain"], 2, "joulewise: explain needs a figure\nTry: joulewise explain last:emissions_g\n"),
        (["explain", "nonsense"], 2, "names no figure"),
        (["rnus"], 2, "Did you mean runs?"),
        (["xyzzy"], 2, "See joulewise --help."),
        (["run"], 2, "Missing argument 'COMMAND...'"),
        (["runs", "--kind", "nap"], 2, "unknown kind 'nap'"),
        (["run", "--tag", "novalue", "--", "true"], 2, "--tag wants KEY=VALUE"),
        (["run", "--set", "novalue", "--", "true"], 2, "--set wants KEY=VALUE"),
        (["run", "--set", "zoen=DE", "--", "true"], 2, "unknown setting 'zoen'"),
        (["run", "--pue", "0.5", "--", "true"], 2, "pue must be"),
        (["report", "last", "-o", "report.docx"], 2, "can't tell a format"),
        (["export", "runs.xlsx"], 2, "can't export"),
        (["factors", "show", "intensity", "Atlantis"], 8, "Try: "),
        (["ledger", "info", "--ledger", "sqlite:////dev/null/x.db"], 7, "Try: "),
    ],
)
def test_an_error_says_its_cure_and_code(capsys, tmp_path, arguments, code, said):
    assert run_guarded(arguments) == code
    out, err = capsys.readouterr()

    assert out == ""
    assert said in err
    assert "Traceback" not in err


def failing(error: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


def test_a_bug_is_one_line_without_control_characters(capsys):
    assert run_guarded([], failing(RuntimeError("boom \x1b[2J"))) == 1
    err = capsys.readouterr().err

    assert err.startswith("joulewise: internal error: RuntimeError: boom \\x1b[2J\nTry: ")
    assert "JOULEWISE_LOG=debug" in err
    assert "Traceback" not in err


def test_a_traceback_is_shown_to_those_who_ask(capsys):
    configure_logging(0, {"JOULEWISE_LOG": "debug"})

    assert run_guarded([], failing(RuntimeError("boom"))) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_is_130(capsys, error):
    assert run_guarded([], failing(error)) == 130
    assert capsys.readouterr().err.strip() == "joulewise: stopped"


def test_an_error_of_ours_keeps_its_code(capsys):
    assert run_guarded([], failing(LedgerTampered("row 7 \x07differs", hint="restore a copy"))) == 3
    assert capsys.readouterr().err == "joulewise: row 7 \\x07differs\nTry: restore a copy\n"


def test_an_unknown_option_is_shown_harmless(capsys):
    assert run_guarded(["runs", "--\x1b[31m"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_no_command_shows_the_help_as_it_is(capsys):
    assert run_guarded([]) == 2

    said = capsys.readouterr().err
    assert said.startswith("Usage: joulewise [OPTIONS] COMMAND")
    assert "\\n" not in said
    assert "\n  doctor " in said
