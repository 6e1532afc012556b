"""`joulewise estimate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from joulewise.app.cli.commands.bench import check_pictures
from joulewise.app.cli.files import format_of, write_text
from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal
from joulewise.core.errors import UsageError

if TYPE_CHECKING:
    from joulewise.api.estimating import Estimated

_EXAMPLE = (
    "Example: `joulewise estimate --hardware A100:8 --hours 24 --region eu-north-1`, or before a training run "
    "`joulewise estimate --hardware H100:64 --parameters 7B --tokens 1T --region us-east-1 --what-if 'model=0.5 "
    "region=SE pue=1.1' --picture what-if.svg`"
)


def _model_options(function: Any) -> Any:
    """What the model does."""
    for option in (
        click.option("--model-spec", default="", metavar="LINE|FILE", help="'parameters=7B tokens=1T stage=training'."),
        click.option("--precision", default="", help="Whose peak counts: fp32, tf32, fp16, fp8, int8."),
        click.option("--stage", type=click.Choice(("training", "inference")), help="What it does; training if unsaid."),
        click.option("--tokens", metavar="COUNT", help="Tokens that it sees or answers: 1T, 2e12."),
        click.option("--parameters", metavar="COUNT", help="Parameters of the model: 7B, 1.3e9."),
    ):
        function = option(function)
    return function


@click.command(epilog=_EXAMPLE)
@click.option("--hardware", default="", metavar="NAME[:COUNT]", help="A100:8; list names all.")
@click.option("--hours", type=float, help="Hours by the clock, all devices together.")
@click.option("--region", default="", help="Cloud region or grid zone: eu-north-1, DE.")
@_model_options
@click.option("--drawn", type=float, help="Mean share of the rated power, if you know it: 0.7.")
@click.option("--mfu", type=float, help="Share of the peak that the model reaches, if you know it: 0.4.")
@click.option(
    "--what-if", "what_ifs", multiple=True, metavar="M=VALUE", help="model=0.5 machine=H100 region=SE pue=1.1."
)
@click.option("--picture", metavar="FILE.svg", help="Write the what-if as a picture.")
@click.option("--report", "reports", multiple=True, metavar="FILE", help="Write it to a file: .html, .md, .json, .csv.")
@output_option()
@setting_options("zone", "pue", "wue", "price_per_kwh", "currency")
@click.pass_obj
def estimate(terminal: Terminal, /, output: str, reports: tuple[str, ...], **options: Any) -> None:
    """Estimate a job that nobody measured: energy, carbon, water, money, each with its band.

    Hardware times hours, or what a model does (parameters times tokens) on hardware. --what-if says what the four Ms
    (model, machine, mechanization, map) would change.
    """
    from joulewise import api

    if options["hardware"] == "list":
        terminal.put(api.draw(api.hardware_list(), output, terminal.style()))
        return
    picture, what_ifs = options.pop("picture"), options.pop("what_ifs")
    check_pictures(reports, picture)
    if picture and not what_ifs:
        raise UsageError("the picture is of a what-if, and there is none", hint="--what-if 'region=SE pue=1.1'")
    settings = settings_from(options)
    options["stage"] = options["stage"] or ""
    found = api.estimate(settings=settings, what_if=api.what_if_words(what_ifs) or None, **options)
    terminal.put(_drawn(found, output, terminal.style()))
    for path in reports:
        format = format_of(path)
        write_text(
            path,
            api.estimate_page(found.estimate, found.waterfall) if format == "html" else _drawn(found, format, None),
        )
        terminal.say(f"joulewise: wrote {path}")
    if picture and found.waterfall:
        write_text(picture, api.waterfall_svg(found.waterfall))
        terminal.say(f"joulewise: wrote {picture}")


def _drawn(found: Estimated, format: str, style: Any) -> str:
    from joulewise import api

    if format == "json":
        return found.to_json()
    text: str = api.draw_estimate(found.estimate, format, style)
    if found.waterfall is None:
        return text
    return f"{text}\n{api.draw_waterfall(found.waterfall, format, style)}" if format != "csv" else text
