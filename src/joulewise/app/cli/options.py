"""Options that several commands share. Each setting's flag carries its environment variable in the help."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from joulewise.core.errors import UsageError
from joulewise.core.settings import HELP, Settings

Decorated = Callable[..., Any]
_NAMES = {"price_per_kwh": "--price", "market_g_per_kwh": "--market"}
_FLAGS = ("detect_cloud", "strict")
_KINDS = ("train", "tune", "eval", "infer", "serve", "data")


def output_option(*more: str, default: str = "table") -> Callable[[Decorated], Decorated]:
    """--output: how data is written to stdout."""
    choices = ("table", "json", "csv", "markdown", *more)
    return click.option(
        "-o", "--output", type=click.Choice(choices), default=default, show_default=True, help="Form of the data."
    )


def setting_options(*keys: str) -> Callable[[Decorated], Decorated]:
    """A flag for each of these settings, and --set for any other."""

    def decorate(function: Decorated) -> Decorated:
        function = click.option(
            "--set", "sets", multiple=True, metavar="KEY=VALUE", help="Any other setting; see joulewise config."
        )(function)
        for key in reversed(keys):
            name = option_of(key)
            text = f"{HELP[key]} [env: JOULEWISE_{key.upper()}]"
            shape: dict[str, Any] = {"is_flag": True} if key in _FLAGS else {"metavar": "VALUE"}
            function = click.option(name, f"set_{key}", default=None, help=text, **shape)(function)
        return function

    return decorate


def settings_from(options: dict[str, Any]) -> Settings:
    """Take the setting flags out of a command's options and load the settings with them."""
    from joulewise import api

    flags: dict[str, Any] = {}
    for pair in options.pop("sets", ()):
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--set wants KEY=VALUE, got {pair!r}", hint="--set tick_s=2")
        flags[key.strip().replace("-", "_")] = value
    own = {name: options.pop(name) for name in list(options) if name.startswith("set_")}
    for name, value in own.items():
        flags.setdefault(name.removeprefix("set_"), value)
    try:
        return api.load_settings(**flags)
    except UsageError as error:
        for name, value in own.items():
            _name_option(error, name.removeprefix("set_"), value)
        raise


def option_of(key: str) -> str:
    """The option of a setting."""
    return _NAMES.get(key, f"--{key.replace('_', '-')}")


def _name_option(error: UsageError, key: str, value: Any) -> None:
    """Raise the error anew with the option in place of the setting, if that is what was given and is wrong."""
    option, refused = option_of(key), error.message.removeprefix(f"{key} must be ")
    if value is None or (refused == error.message and not refused.startswith(f"can't read setting {key} = ")):
        return
    words = f"{option} can't be {value!r}" if refused == error.message else f"{option} must be {refused}"
    raise type(error)(words, hint=f"{option} VALUE: {HELP[key]}") from error


def job_options(function: Decorated) -> Decorated:
    """What is measured, in the user's words."""
    for option in (
        click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag to find the run by; repeatable."),
        click.option("--seed", type=int, help="The random seed, for the record."),
        click.option("--unit-count", type=float, help="How many units the work does in all."),
        click.option("--unit", help="Functional unit: inference, epoch, token."),
        click.option("--kind", type=click.Choice(_KINDS), default="train", show_default=True, help="Kind of work."),
        click.option("--name", default="", help="Name of the run; empty takes the command's."),
    ):
        function = option(function)
    return function


def job_from(options: dict[str, Any]) -> dict[str, Any]:
    """Take the job's fields out of a command's options. Raises UsageError for a tag that is not KEY=VALUE."""
    job = {name: options.pop(name) for name in ("name", "kind", "unit", "unit_count", "seed")}
    return {**job, "tags": pairs(options.pop("tags"), "--tag", "team=vision")}


def pairs(given: Iterable[str], option: str, example: str) -> dict[str, str]:
    """KEY=VALUE, as often as the option was given. Raises UsageError for what is none."""
    found: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UsageError(f"{option} wants KEY=VALUE, got {text!r}", hint=f"{option} {example}")
        found[key] = value
    return found
