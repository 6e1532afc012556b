"""--pause is one and the same in plan, run and submit: bare, with its word, and what is left unsaid."""

from __future__ import annotations

import click
import pytest

from joulewise.app.cli.commands.plan import plan
from joulewise.app.cli.commands.run import run
from joulewise.app.cli.commands.submit import submit
from joulewise.app.cli.pausing import pause_options, pauses_from
from joulewise.core.errors import UsageError

OPTIONS = ("pause", "max_pauses", "save_s", "restore_s")


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("words", nargs=-1)
@click.option("--explain", is_flag=True)
@pause_options
def asked(words, explain, **options):
    """What was understood."""
    return words, explain, *pauses_from(options)


def understood(*arguments):
    return asked.main(args=list(arguments), standalone_mode=False)


def test_the_options_are_those_of_all_three_commands():
    found = [[_told(command, name) for name in OPTIONS] for command in (plan, run, submit)]

    assert found[0] == found[1] == found[2]


def _told(command, name):
    option = next(one for one in command.params if one.name == name)
    return option.opts, option.help, option.default, option.flag_value, type(option.type)


@pytest.mark.parametrize(
    ("arguments", "pause", "wanted"),
    [
        ((), "no", (1, 0.0, 0.0)),
        (("--pause",), "checkpoint", (None, 60.0, 10.0)),
        (("--pause", "checkpoint"), "checkpoint", (None, 60.0, 10.0)),
        (("--pause", "freeze"), "freeze", (None, 0.0, 0.0)),
        (("--pause=freeze", "--max-pauses", "2"), "freeze", (3, 0.0, 0.0)),
        (("--max-pauses", "2"), "checkpoint", (3, 60.0, 10.0)),
        (("--max-pauses", "0"), "no", (1, 0.0, 0.0)),
        (("--pause", "--max-pauses", "0"), "checkpoint", (1, 60.0, 10.0)),
        (("--pause", "no"), "no", (1, 0.0, 0.0)),
        (("--pause", "--save", "2m", "--restore", "0s"), "checkpoint", (None, 120.0, 0.0)),
    ],
)
def test_what_is_meant(arguments, pause, wanted):
    words, _, found, planned = understood(*arguments, "--", "train.py")

    assert (words, found) == (("train.py",), pause)
    assert tuple(planned[name] for name in ("max_runs", "save_s", "restore_s")) == wanted


def test_a_bare_one_may_stand_before_any_option():
    assert understood("--pause", "--explain", "train")[:3] == (("train",), True, "checkpoint")


def test_what_follows_a_bare_one_is_not_swallowed_in_silence():
    with pytest.raises(click.BadParameter, match=r"'train.py' is not a way to pause.*write an option, or --"):
        understood("--pause", "train.py")


def test_none_and_two_contradict_each_other():
    with pytest.raises(UsageError, match="contradict"):
        understood("--pause", "no", "--max-pauses", "2")
