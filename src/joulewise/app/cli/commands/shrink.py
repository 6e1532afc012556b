"""`joulewise shrink`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from joulewise.app.cli.commands.bench import TASKS
from joulewise.app.cli.edge import INTERRUPTED
from joulewise.app.cli.numbers import BATCHES, THREADS
from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.progress import progress_bar
from joulewise.app.cli.quantities import DURATION
from joulewise.app.cli.terminal import Terminal

if TYPE_CHECKING:
    from joulewise.api.shrinking import Shrunk

NO_WINNER = 1
_FILES = ("target", "train", "out", "trust", "keep", "task")


@click.command(
    epilog="Example: `joulewise shrink model.onnx --data eval.npz --floor 'accuracy>=-0.5pt'`, or "
    "`joulewise shrink forest.joblib --trust --data eval.csv --target y --train train.csv --latency-p99 10ms`"
)
@click.argument("model")
@click.option("--data", required=True, metavar="FILE", help="Rows that judge: .npz, .parquet, .csv or a folder.")
@click.option("--target", metavar="NAME", help="The column to be told; `y` of an .npz by default.")
@click.option("--task", type=click.Choice(TASKS), help="What MODEL does, where that is only guessed.")
@click.option("--train", metavar="FILE", help="Training rows: they calibrate, and let it prune and distil.")
@click.option(
    "--floor",
    "floors",
    multiple=True,
    metavar="TEXT",
    help='Like "accuracy>=-0.5pt", "f1>=0.9", "rmse<=+2%"; repeatable. Half a point may be lost if none is named.',
)
@click.option("--latency-p99", metavar="TIME", help="The same as --floor latency_p99<=TIME.")
@click.option("--memory", metavar="SIZE", help="The same as --floor memory<=SIZE: 64MB.")
@click.option("--budget", type=DURATION, default="10m", show_default=True, metavar="TIME", help="For the whole search.")
@click.option("--metric", default="", metavar="NAME", help="accuracy, f1_macro, r2, cosine, module:function, ...")
@click.option(
    "--batch",
    type=BATCHES,
    default="1",
    show_default=True,
    metavar="N[,N]",
    help="The search keeps the best of each; the first decides who wins.",
)
@click.option(
    "--threads", type=THREADS, default="1", show_default=True, metavar="N[,N]", help="More only for a latency floor."
)
@click.option("--transform", "transforms", multiple=True, metavar="NAME", help="Only these transforms; repeatable.")
@click.option("--runtime", "runtimes", multiple=True, metavar="NAME", help="Only these runtimes; repeatable.")
@click.option("--out", metavar="FOLDER", help="Where to export to; MODEL-shrunk by default.")
@click.option("--trust", is_flag=True, help="MODEL may run code that it brings (pickles, factories).")
@click.option("--block-s", type=float, default=1.0, show_default=True, help="A candidate runs so long at a stretch.")
@click.option("--keep", is_flag=True, help="Keep what was made in .joulewise/shrink after success, too.")
@click.option("--all", "every", is_flag=True, help="Show every candidate with what became of it.")
@click.option("--seed", type=int, default=0, show_default=True, help="How rows are dealt.")
@output_option()
@setting_options("ledger", "zone", "project", "meters")
@click.pass_obj
def shrink(terminal: Terminal, /, model: str, data: str, output: str, every: bool, **options: Any) -> None:
    """Find the deployment of MODEL that costs least above the floors; prove it; export it.

    Candidates are graph optimisation, runtimes, precision, pruning, distillation and trimming, as far as they are
    installed. What wins is measured against MODEL on rows that the search has not seen. A search that was stopped goes
    on where it was when the same command runs again. Exit code 1: nothing won.
    """
    from joulewise import api

    settings = settings_from(options)
    floors = list(options.pop("floors"))
    for name in ("latency_p99", "memory"):
        limit = options.pop(name)
        floors += [f"{name}<={limit}"] if limit else []
    files = api.ShrinkFiles(**{name: options.pop(name) for name in _FILES})
    try:
        with progress_bar(terminal) as report:
            found = api.shrink_model(
                model,
                data,
                floors=floors,
                files=files,
                settings=settings,
                progress=lambda told: report(told.share, _words(told.stage, told.best_ratio, told.text)),
                **_wanted(options),
            )
    except (KeyboardInterrupt, SystemExit) as error:  # Ctrl-C; SIGTERM and a closed terminal, with a shell's exit code
        terminal.say("joulewise: stopped. What was made is kept in .joulewise/shrink: the same command goes on there.")
        code = error.code if isinstance(error, SystemExit) else INTERRUPTED
        raise click.exceptions.Exit(code if isinstance(code, int) else INTERRUPTED) from None
    _tell(terminal, found, output, every=every, trust=files.trust)
    if found.view is None:
        raise click.exceptions.Exit(NO_WINNER)


def _wanted(options: dict[str, Any]) -> dict[str, Any]:
    return {
        "metric": options["metric"],
        "batches": options["batch"],
        "threads": options["threads"],
        "time_budget_s": options["budget"],
        "transforms": options["transforms"] or None,
        "runtimes": options["runtimes"] or None,
        "block_s": options["block_s"],
        "seed": options["seed"],
    }


def _words(stage: str, best: float | None, text: str) -> str:
    so_far = f"best {best:.3f} of the CPU time; " if best is not None and best < 1 else ""
    return f"{stage}: {so_far}{text}"


def _tell(terminal: Terminal, found: Shrunk, output: str, *, every: bool, trust: bool) -> None:
    from joulewise import api

    style = terminal.style()
    if found.view is not None:
        terminal.put(api.draw_shrink(found.view, output, style))
    if every or found.view is None:
        listing = api.candidate_list(found.candidates if every else closest(found))
        terminal.put(("\n" if found.view is not None else "") + api.draw(listing, output, style).rstrip() + "\n")
    for notice in (*found.notices, *found.problems):
        terminal.say(f"Notice: {notice}")
    if found.view is not None:
        trusted, or_else = " --trust" if trust else "", "" if every else ", or joulewise show last"
        terminal.say(f"Next: joulewise verify {found.folder}{trusted}{or_else}")
        return
    told = ", ".join(f"{count} {what}" for what, count in found.counts.items() if count)
    terminal.say(f"No candidate keeps the floors and surely costs less ({told}).")
    terminal.say("Try: a wider --floor, more rows, --train FILE, or a longer --budget; --all shows every candidate")


def closest(found: Shrunk) -> list[Any]:
    """What was measured to the end; everything where nothing was."""
    names = {name for name, _ in found.losers}
    return [one for one in found.candidates if one.name in names] or list(found.candidates)
