"""`%load_ext joulewise`, then `%%joules NAME` at the top of a notebook cell, or `%joules statement` in a line.

The cell runs in the notebook's own namespace and its exceptions pass unchanged; below it stands one line with energy,
emissions and their bounds. Options: --zone DE, --unit image, --kind train|tune|eval|infer|serve|data, --tag k=v.
"""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, NoReturn

from IPython.core.magic import Magics, line_cell_magic, magics_class

from joulewise import api
from joulewise.core.errors import UsageError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from joulewise.measure import Result


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%%joules: {message}", hint=self.format_usage().strip())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="%%joules", add_help=False)
    parser.add_argument("name", nargs="?", default="cell")
    parser.add_argument("--zone")
    parser.add_argument("--unit")
    parser.add_argument("--kind", default="train")
    parser.add_argument("--tag", action="append", default=[], metavar="K=V")
    return parser


@magics_class
class JoulesMagics(Magics):
    """The magic; `joules.last` is the result of the last cell."""

    last: Result | None = None

    @line_cell_magic
    def joules(self, line: str, cell: str | None = None) -> None:
        """Measure a cell: %%joules [NAME] [--zone Z] [--unit U] [--kind K] [--tag K=V]."""
        words = ["statement"] if cell is None else shlex.split(line)
        given = _parser().parse_args(words)
        tags = dict(tag.partition("=")[::2] for tag in given.tag)
        shell = self.shell
        if shell is None:
            raise UsageError("%%joules needs a running IPython")
        with api.measure(given.name, kind=given.kind, unit=given.unit, zone=given.zone, tags=tags) as session:
            outcome = shell.run_cell(line if cell is None else cell)  # type: ignore[no-untyped-call]
            if outcome.error_in_exec is not None:
                session.fail()
        JoulesMagics.last = session.result
        print(session.result.summary())  # noqa: T201 - the one line that the user asked for


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Called by `%load_ext joulewise`."""
    shell.register_magics(JoulesMagics)
