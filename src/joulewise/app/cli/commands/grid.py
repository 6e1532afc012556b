"""`joulewise grid ...`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import click

from joulewise.app.cli.files import write_text
from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal
from joulewise.core.errors import UsageError

_SOURCES = ("intensity", "intensity_file")
_DAY = click.DateTime(("%Y-%m-%d",))
_MOMENT = click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"))
_LONGEST_HISTORY_H, _LONGEST_FORECAST_H = 24 * 31, 24 * 7
_ORDERS = {"average": "average", "marginal": "marginal", "pue": "adjusted", "price": "price", "egress": "egress"}
_zone = click.argument("zone", default="", metavar="[ZONE]")


def _clock(function: Callable[..., Any]) -> Callable[..., Any]:
    text = "Whose clock is shown: Europe/Berlin, UTC; by default the zone's own."
    return click.option("--timezone", "clock", default="", metavar="NAME", help=text)(function)


def _files(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--svg", metavar="FILE", help="Write the picture as SVG, too."),
        click.option("--html", metavar="FILE", help="Write a page with the picture, too."),
    ):
        function = option(function)
    return function


@click.group(epilog="Examples: `joulewise grid calendar DE`, `joulewise grid rank --provider aws`")
def grid() -> None:
    """See how clean the grid is: now, before, ahead, and where it is cleanest.

    ZONE is a country (DE), a US subregion (US-CAMX) or a cloud region (aws:eu-north-1); by default the one that is set.
    Without --intensity nothing is asked over the network: typical hours and annual averages are bundled.
    """


@grid.command(epilog="Example: `joulewise grid now DE` or `joulewise grid now GB --intensity uk`")
@_zone
@_clock
@output_option()
@setting_options("zone", *_SOURCES)
@click.pass_obj
def now(terminal: Terminal, /, zone: str, output: str, **options: Any) -> None:
    """Show the carbon intensity of ZONE now, with bounds, and how it is known."""
    from joulewise import api

    view = _asked(terminal, lambda: _place(zone, options).at())
    terminal.put(api.draw_present(view, output, terminal.style()))
    _tell(terminal, view.notices)


@grid.command(epilog="Example: `joulewise grid history GB --hours 72 --intensity uk --html history.html`")
@_zone
@click.option("--hours", type=click.IntRange(1, _LONGEST_HISTORY_H), help="How far back.  [default: 24]")
@click.option("--since", type=_MOMENT, metavar="TIME", help="From when on, by the clock shown; instead of --hours.")
@_files
@_clock
@output_option()
@setting_options("zone", *_SOURCES)
@click.pass_obj
def history(
    terminal: Terminal,
    /,
    zone: str,
    hours: int | None,
    since: datetime | None,
    output: str,
    **options: Any,
) -> None:
    """Show what the carbon intensity of ZONE has been, hour by hour."""

    if hours is not None and since is not None:
        raise click.UsageError("--hours and --since say the same: give one of them.")
    files, place = _take_files(options), _place(zone, options)
    view = _asked(terminal, lambda: place.history(hours=hours or 24, since=since))
    _show_course(terminal, view, output, files)


@grid.command(epilog="Example: `joulewise grid forecast DE --hours 48` or `... --windows --output json`")
@_zone
@click.option("--hours", type=click.IntRange(1, _LONGEST_FORECAST_H), default=48, show_default=True, help="How far.")
@click.option("--windows", is_flag=True, help="Only the cleanest 1, 3 and 6 hours.")
@_files
@_clock
@output_option()
@setting_options("zone", *_SOURCES)
@click.pass_obj
def forecast(
    terminal: Terminal,
    /,
    zone: str,
    hours: int,
    windows: bool,
    output: str,
    **options: Any,
) -> None:
    """Show what is expected of ZONE, and the best time to start something short."""
    from joulewise import api

    files, place = _take_files(options), _place(zone, options)
    view = _asked(terminal, lambda: place.forecast(hours))
    if not windows:
        _show_course(terminal, view, output, files)
        return
    terminal.put(api.draw_windows(view, output, terminal.style()))
    _tell(terminal, view.notices)


@grid.command(epilog="Example: `joulewise grid calendar DE --html calendar.html --svg calendar.svg`")
@_zone
@click.option("--start", type=_DAY, metavar="DAY", help="First day of the week shown; by default today.")
@click.option(
    "--by", type=click.Choice(("week", "month", "both")), default="both", show_default=True, help="Days or months."
)
@_files
@_clock
@output_option()
@setting_options("zone", *_SOURCES)
@click.pass_obj
def calendar(
    terminal: Terminal,
    /,
    zone: str,
    start: datetime | None,
    by: str,
    output: str,
    **options: Any,
) -> None:
    """Show the carbon calendar of ZONE: the coming week by hour, and a typical day of each month."""
    from joulewise import api

    files, place = _take_files(options), _place(zone, options)
    view, heats = _asked(terminal, lambda: place.calendar(by, start.date() if start else None))
    terminal.put(api.draw_calendar(view, heats, output, terminal.style()))
    _tell(terminal, view.notices)
    _write(terminal, files["html"], lambda: api.calendar_page(view, heats))
    _write(terminal, files["svg"], lambda: api.calendar_svg(view, heats[0]))


@grid.command(epilog="Example: `joulewise grid rank --by pue --provider aws --limit 5`")
@click.option("--by", type=click.Choice(tuple(_ORDERS)), default="average", show_default=True, help="Sorted by what.")
@click.option("--provider", type=click.Choice(("aws", "azure", "gcp")), help="Only regions of this one.")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="How many regions.")
@click.option("--all", "every", is_flag=True, help="All regions.")
@click.option("--basis", type=click.Choice(("lifecycle", "direct")), default="lifecycle", show_default=True,
              help="Of the average; regions in the US have direct figures of their own.")  # fmt: skip
@click.option("--price", "prices", multiple=True, metavar="REGION=PRICE", help="Your price per hour; repeatable.")
@output_option()
@click.pass_obj
def rank(terminal: Terminal, /, by: str, limit: int, every: bool, output: str, **options: Any) -> None:
    """Rank cloud regions by carbon intensity, average or marginal, with PUE, or by price."""
    from joulewise import api

    prices = dict(_price(text) for text in options.pop("prices"))
    wanted = {**options, "provider": options["provider"] or "", "prices": prices}
    listing = api.grid_rank(_ORDERS[by], 0 if every else limit, **wanted)
    terminal.put(api.draw(listing, output, terminal.style()))
    if output == "table":
        terminal.say(listing.footer)


@grid.command(epilog="Example: `joulewise grid zones --typical` or `joulewise grid zones --output csv`")
@click.option("--typical", is_flag=True, help="Only zones whose typical hours are known.")
@click.option("--live", is_flag=True, help="Only zones that a configured source knows.")
@output_option()
@setting_options(*_SOURCES)
@click.pass_obj
def zones(terminal: Terminal, /, typical: bool, live: bool, output: str, **options: Any) -> None:
    """List the zones: which have typical hours, live sources that are set, cloud regions."""
    from joulewise import api

    listing = api.grid_zones(settings_from(options), typical=typical, live=live)
    terminal.put(api.draw(listing, output, terminal.style()))
    if output == "table":
        terminal.say(listing.footer)


def _take_files(options: dict[str, Any]) -> dict[str, str | None]:
    return {name: options.pop(name) for name in ("html", "svg")}


def _place(zone: str, options: dict[str, Any]) -> Any:
    from joulewise import api

    clock = options.pop("clock")
    return api.grid_of(zone, settings_from(options), clock=clock)


def _price(text: str) -> tuple[str, float]:
    region, _, price = text.rpartition("=")
    try:
        return region, float(price)
    except ValueError:
        raise UsageError(f"--price wants REGION=PRICE, got {text!r}", hint="--price aws:eu-north-1=2.5") from None


def _asked(terminal: Terminal, ask: Callable[[], Any]) -> Any:
    with terminal.busy("asking the grid"):
        return ask()


def _show_course(terminal: Terminal, view: Any, output: str, files: Mapping[str, str | None]) -> None:
    from joulewise import api

    terminal.put(api.draw_course(view, output, terminal.style()))
    _tell(terminal, view.notices)
    _write(terminal, files["html"], lambda: api.course_page(view))
    _write(terminal, files["svg"], lambda: api.course_svg(view))


def _write(terminal: Terminal, path: str | None, make: Callable[[], str]) -> None:
    if path:
        write_text(path, make())
        terminal.say(f"joulewise: wrote {path}")


def _tell(terminal: Terminal, notices: tuple[str, ...]) -> None:
    for notice in notices:
        terminal.say(f"joulewise: {notice}")
