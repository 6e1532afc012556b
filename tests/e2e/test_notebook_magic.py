"""`%%joules` in a real IPython shell."""

import pytest

from joulewise.core.errors import UsageError

IPython = pytest.importorskip("IPython", reason="needs joulewise[notebook]")


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "joulewise")
    yield shell
    shell.history_manager.end_session()


def last():
    from joulewise.integrations.ipython import JoulesMagics

    return JoulesMagics.last


def test_a_cell_runs_in_the_notebook_and_says_what_it_cost(shell, capsys):
    shell.run_cell_magic("joules", "fit --zone DE --unit image --kind eval --tag a=b", "x = sum(range(100_000))")
    assert shell.user_ns["x"] == 4_999_950_000
    printed = capsys.readouterr().out
    assert printed.startswith("fit: ")
    assert "CO2e" in printed
    run = last().bundle.run
    assert (run.name, run.kind, run.tags, run.status) == ("fit", "eval", {"a": "b"}, "finished")


def test_a_line_is_measured_too(shell, capsys):
    shell.run_line_magic("joules", "y = 3")
    assert shell.user_ns["y"] == 3
    assert capsys.readouterr().out.startswith("statement: ")


def test_a_failing_cell_is_a_failed_run(shell, capsys):
    shell.run_cell_magic("joules", "doomed", "1 / 0")
    assert last().bundle.run.status == "failed"
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_a_wrong_option_is_an_error_with_its_cure(shell):
    with pytest.raises(UsageError, match="unrecognized"):
        shell.run_cell_magic("joules", "fit --colour red", "pass")
