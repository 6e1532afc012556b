"""`joulewise bench`."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from joulewise.app.cli.files import format_of, write_text
from joulewise.app.cli.numbers import BATCHES, RATES, THREADS
from joulewise.app.cli.options import output_option, pairs, setting_options, settings_from
from joulewise.app.cli.progress import progress_bar
from joulewise.app.cli.quantities import DURATION, SIZE
from joulewise.app.cli.terminal import Terminal
from joulewise.core.errors import ModelError, UntrustedModel, UsageError

if TYPE_CHECKING:
    from joulewise.api.bench_request import BenchRequest
    from joulewise.api.bench_results import BenchResult, Compared
    from joulewise.api.benching import Prepared

_EXAMPLE = (
    "Example: `joulewise bench small=net.onnx forest.joblib --data eval.csv --target y --floor 'accuracy>=0.95' "
    "--trust`, or with all runtimes and paced loads: `joulewise bench net.onnx --data eval.npz --runtime all "
    "--rate 5,20,100 --picture front.svg`"
)
TASKS = ("classification", "regression", "embedding")
MODES = ("offline", "single-stream", "ai-energy-score")


def _work_options(function: Any) -> Any:
    """What is run, how often."""
    for option in (
        click.option(
            "--budget", "time_limit_s", type=DURATION, default="1h", help="Rounds not done by then are left out."
        ),
        click.option("--memory", "memory_gb", type=SIZE, help="End a model that takes more: 4GB."),
        click.option("--cold-starts", type=click.IntRange(1), default=3, show_default=True, help="Starts to time."),
        click.option("--warm-up-s", type=float, default=5.0, show_default=True, help="At most so long to warm up."),
        click.option("--block-s", type=float, default=1.0, show_default=True, help="Seconds of a block."),
        click.option("--rounds", type=int, default=0, help="Blocks of each condition, in turns; 6, or the mode's."),
        click.option(
            "--mode", type=click.Choice(MODES), help="Tell energy as MLPerf Power or AI Energy Score do, too."
        ),
        click.option("--runtime", "runtimes", multiple=True, help="onnxruntime, openvino, ...; or all. Repeatable."),
        click.option("--rate", "rates", type=RATES, default=(), help="Also paced, requests/s: 5,20,100."),
        click.option("--threads", type=THREADS, default=(), help="Threads to try: 1,2; one if nothing is said."),
        click.option("--batch", "batches", type=BATCHES, default=(), help="Batch sizes: 1,32 (the default)."),
    ):
        function = option(function)
    return function


def _judging_options(function: Any) -> Any:
    """What is right, what is good enough."""
    for option in (
        click.option("--baseline", default="", help="The model to compare with; the first if nothing is said."),
        click.option(
            "--floor", "floors", multiple=True, help="accuracy>=0.95, accuracy>=-0.5pt, latency_p99<=10ms, ..."
        ),
        click.option(
            "--metric", "metrics", multiple=True, help="accuracy, f1_macro, r2, ...; module:function. Repeatable."
        ),
        click.option("--task", type=click.Choice(TASKS), help="What the models do, where that is only guessed."),
        click.option("--target", help="Column that holds what is right; y in .npz files."),
        click.option("--data", required=True, help="Rows that judge: .npz, .parquet, .csv, a folder by class."),
    ):
        function = option(function)
    return function


def drawing_options(function: Any) -> Any:
    """How it is shown, and which files are written."""
    for option in (
        click.option(
            "--report", "reports", multiple=True, metavar="FILE", help="Write it too: .html, .md, .json, .csv."
        ),
        click.option("--picture", metavar="FILE.svg", help="Write quality against energy as a picture."),
        click.option("--metrics", "with_metrics", is_flag=True, help="Show every efficiency metric, too."),
        output_option(),
    ):
        function = option(function)
    return function


@click.command(epilog=_EXAMPLE)
@click.argument("models", nargs=-1, required=True, metavar="[NAME=]MODEL[@RUNTIME]...")
@_judging_options
@_work_options
@click.option(
    "--training", "training", multiple=True, metavar="[MODEL=]RUN", help="The run that trained it, for efficiency."
)
@click.option("--trust", is_flag=True, help="Load files that can run code (pickles); only what you made or trust.")
@click.option("--name", default="", help="Name of the run.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag to find the run by; repeatable.")
@click.option("--seed", type=int, default=0, show_default=True, help="For arrivals and intervals.")
@drawing_options
@setting_options("meters", "zone", "project", "ledger")
@click.pass_obj
def bench(terminal: Terminal, /, models: tuple[str, ...], output: str, **options: Any) -> None:
    """Say what MODELs cost and how good they are, side by side on this machine, and rank them.

    A model is a file, a folder, or module:factory: ONNX, scikit-learn, XGBoost, LightGBM, CatBoost, PyTorch, Hugging
    Face, ... The first is the baseline. All run in turns. Energy, time and quality come with 95 % bounds and are filed.
    """
    from joulewise import api

    drawing = {name: options.pop(name) for name in ("reports", "picture", "with_metrics")}
    check_pictures(drawing["reports"], drawing["picture"])
    settings = settings_from(options)
    request = api.request_bench(models=models, **_wanted(options))
    prepared = _prepared(terminal, request)
    terminal.say(f"joulewise: {prepared.summary()}; Ctrl-C files what is done")
    with progress_bar(terminal) as progress:
        found = api.measured_bench(prepared, settings, progress)
    if found.ok or output in ("json", "csv"):  # people get the reason as an error, not as an empty board
        show(terminal, found, output, **drawing)
    _tell(terminal, found)


def _wanted(options: dict[str, Any]) -> dict[str, Any]:
    """The options as a request has them."""
    memory_gb = options.pop("memory_gb")
    training = training_runs(options.pop("training"))
    runtimes = tuple(name.strip() for text in options.pop("runtimes") for name in text.split(","))
    return {
        **options,
        "tags": pairs(options["tags"], "--tag", "team=vision"),
        "mode": options["mode"] or "",
        "task": options["task"] or "",
        "memory_bytes": None if memory_gb is None else int(memory_gb * 1e9),
        "runtimes": runtimes,
        "training": training,
    }


def training_runs(given: tuple[str, ...]) -> dict[str, str]:
    """ "MODEL=RUN", or a run for all models. Raises UsageError for no run."""
    parts = [text.rpartition("=") for text in given]
    if not all(run for _, _, run in parts):
        raise UsageError(f"--training wants [MODEL=]RUN, got {given[0]!r}", hint="--training net.onnx=train-net")
    return {model: run for model, _, run in parts}


def _prepared(terminal: Terminal, request: BenchRequest) -> Prepared:
    """The bench, ready to start. On a terminal the user is asked for each file that could run code."""
    from joulewise import api

    trusted: set[str] = set()
    while True:
        asked = request if request.trust else replace(request, trust=lambda reason: reason in trusted)
        try:
            with terminal.busy("Reading the models"):
                prepared: Prepared = api.prepare_bench(asked)
                return prepared
        except UntrustedModel as error:
            if not _confirmed(terminal, error.message):
                raise
            trusted.add(error.message)


def _confirmed(terminal: Terminal, reason: str) -> bool:
    """Ask; where nobody is there to say yes, the answer is no."""
    from joulewise.report.escape import plain

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    terminal.say(f"joulewise: {plain(reason)}", level=-2)
    return click.confirm("Did you make it, or trust who did?", default=False, err=True)


def check_pictures(reports: tuple[str, ...], picture: str | None) -> None:
    """Raises UsageError for a suffix that names no format."""
    for path in reports:
        format_of(path)
    if picture is not None and not picture.lower().endswith(".svg"):
        raise UsageError(f"pictures are written as SVG, got {picture!r}", hint="--picture front.svg")


def show(
    terminal: Terminal,
    found: BenchResult | Compared,
    output: str,
    *,
    reports: tuple[str, ...],
    picture: str | None,
    with_metrics: bool,
) -> None:
    """Put it on stdout, and into the files that were asked for."""
    from joulewise import api

    terminal.put(api.draw_bench(found, output, terminal.style(), metrics=with_metrics))
    for path in reports:
        format = format_of(path)
        text = api.bench_html(found) if format == "html" else api.draw_bench(found, format, metrics=True)
        write_text(path, text)
        terminal.say(f"joulewise: wrote {path}")
    if picture:
        write_text(picture, api.bench_svg(found))
        terminal.say(f"joulewise: wrote {picture}")


def _tell(terminal: Terminal, found: BenchResult) -> None:
    """Where it is filed, what to do next, and how it ended. Leaves with an error where no model could be measured."""
    for problem in found.problems:
        terminal.say(f"joulewise: {problem}", level=-1)
    if found.stopped:
        where = f"as a killed run: joulewise show {found.run_id}" if found.filed else "nowhere yet"
        terminal.say(f"joulewise: stopped; what was measured is filed {where}", level=-1)
        raise click.exceptions.Exit(found.exit_code)
    if not found.filed:
        terminal.say("joulewise: not in the ledger yet; joulewise ledger recover files the run", level=-1)
    if not found.ok:
        told = [f"{one.name}: {one.reason.removeprefix(one.name).lstrip(': ')}" for one in found.failed]
        raise ModelError(f"nothing could be measured. {' | '.join(told)}")
    terminal.say(f"joulewise: filed; to see it again: joulewise compare {found.run_id} --metrics")
