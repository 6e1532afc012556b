"""`joulewise shrink`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.progress import progress_bar
from joulewise.app.cli.quantities import DURATION
from joulewise.app.cli.terminal import Terminal

if TYPE_CHECKING:
    from joulewise.api.shrinking import Shrunk

NO_WINNER = 1


@click.command(
    epilog="Example: `joulewise shrink model.onnx --data eval.npz --floor 'accuracy>=-0.5pt'`, or "
    "`joulewise shrink forest.joblib --trust --data eval.csv --target y --train train.csv --latency-p99 10ms`"
)
@click.argument("model")
@click.option("--data", required=True, metavar="FILE", help="Rows that judge: .npz, .parquet, .csv or a folder.")
@click.option("--target", metavar="NAME", help="The column to be told; `y` of an .npz by default.")
@click.option("--train", metavar="FILE", help="Training rows: they calibrate, and let it prune and distil.")
@click.option(
    "--floor", "floors", multiple=True, metavar="TEXT", help='Like "accuracy>=-0.5pt", "f1>=0.9"; repeatable.'
)
@click.option("--latency-p99", metavar="TIME", help="The same as --floor latency_p99<=TIME.")
@click.option("--memory", metavar="SIZE", help="The same as --floor memory<=SIZE: 64MB.")
@click.option("--budget", type=DURATION, default="10m", show_default=True, metavar="TIME", help="For the whole search.")
@click.option("--metric", default="", metavar="NAME", help="accuracy, f1_macro, r2, cosine, module:function, ...")
@click.option("--batch", default="1", show_default=True, metavar="N[,N]", help="The first decides, all are measured.")
@click.option("--threads", default="1", show_default=True, metavar="N", help="Threads of each candidate.")
@click.option("--transform", "transforms", multiple=True, metavar="NAME", help="Only these transforms; repeatable.")
@click.option("--runtime", "runtimes", multiple=True, metavar="NAME", help="Only these runtimes; repeatable.")
@click.option("--out", metavar="FOLDER", help="Where to export to; MODEL-shrunk by default.")
@click.option("--trust", is_flag=True, help="MODEL may run code that it brings (pickles, factories).")
@click.option("--seed", type=int, default=0, show_default=True)
@output_option()
@setting_options("ledger", "zone", "project", "meters")
@click.pass_obj
def shrink(terminal: Terminal, /, model: str, data: str, output: str, **options: Any) -> None:
    """Find the deployment of MODEL that costs least above the floors; prove it; export it.

    Candidates are graph optimisation, runtimes, precision, pruning, distillation and trimming, as far as they are
    installed. What wins is measured against MODEL on rows that the search has not seen. Exit code 1: nothing won.
    """
    from joulewise import api

    settings = settings_from(options)
    floors = list(options.pop("floors"))
    for name, option in (("latency_p99", "latency_p99"), ("memory", "memory")):
        limit = options.pop(option)
        floors += [f"{name}<={limit}"] if limit else []
    with progress_bar(terminal) as report:
        found = api.shrink_model(
            model,
            data,
            floors=floors,
            files=api.ShrinkFiles(**{name: options.pop(name) for name in ("target", "train", "out", "trust")}),
            settings=settings,
            progress=lambda told: report(told.share, _words(told.stage, told.best, told.text)),
            **_wanted(options),
        )
    _tell(terminal, found, output)
    if found.view is None:
        raise click.exceptions.Exit(NO_WINNER)


def _wanted(options: dict[str, Any]) -> dict[str, Any]:
    from joulewise.app.cli.counts import counts_of

    return {
        "metric": options["metric"],
        "batches": counts_of("--batch", options["batch"]),
        "threads": counts_of("--threads", options["threads"]),
        "time_budget_s": options["budget"],
        "transforms": options["transforms"] or None,
        "runtimes": options["runtimes"] or None,
        "seed": options["seed"],
    }


def _words(stage: str, best: float | None, text: str) -> str:
    so_far = f"best {best:.3f} of the CPU time; " if best is not None and best < 1 else ""
    return f"{stage}: {so_far}{text}"


def _tell(terminal: Terminal, found: Shrunk, output: str) -> None:
    from joulewise import api

    for notice in found.notices:
        terminal.say(f"Notice: {notice}")
    if found.view is not None:
        terminal.put(api.draw_shrink(found.view, output, terminal.style()))
        terminal.say(f"Exported to {found.folder}/. Next: joulewise verify {found.folder}")
        return
    terminal.say("No candidate keeps the floors and costs less. What came closest:")
    for name, reason in found.losers or (("(none was measured to the end)", "see joulewise show last"),):
        terminal.say(f"  {name}: {reason}")
    told = ", ".join(f"{count} {what}" for what, count in found.counts.items())
    terminal.say(f"{told}. Try: a wider --floor, more rows, --train FILE, or a longer --budget")
