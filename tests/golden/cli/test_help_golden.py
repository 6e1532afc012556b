"""The help of every command, word for word."""

from __future__ import annotations

import click
import pytest

from joulewise.app.cli.root import COMMANDS, cli


def help_text(path: list[str]) -> str:
    """What `joulewise PATH --help` prints, 80 columns wide."""
    command: click.Command = cli
    context = click.Context(cli, info_name="joulewise", terminal_width=80)
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(context, name)
        assert found is not None
        command, context = found, click.Context(found, info_name=name, parent=context, terminal_width=80)
    return command.get_help(context) + "\n"


def paths() -> list[list[str]]:
    """All commands, groups and what is in them."""
    found: list[list[str]] = [[]]
    for name in COMMANDS:
        found.append([name])
        command = cli.get_command(click.Context(cli), name)
        if isinstance(command, click.Group):
            found += [[name, child] for child in command.list_commands(click.Context(command))]
    return found


@pytest.mark.parametrize("path", paths(), ids=" ".join)
def test_help(same_as_golden, path):
    same_as_golden(f"{'-'.join(['joulewise', *path])}.txt", help_text(path))


@pytest.mark.parametrize("path", paths(), ids=" ".join)
def test_every_help_has_an_example(path):
    assert "xample" in help_text(path)


def test_the_short_help_is_the_first_line_of_the_long():
    for name, (_, text) in COMMANDS.items():
        assert text.endswith(".")
        assert len(text) <= 64, name
