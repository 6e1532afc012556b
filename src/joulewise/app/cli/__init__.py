"""`joulewise`, the command. This file alone is loaded for `--version`: people type it to see whether anything works."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from joulewise.app.cli.root import cli

__all__ = ["cli", "main"]


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] == ["--version"]:
        from joulewise.core.version import VERSION

        sys.stdout.write(f"joulewise {VERSION}\n")
        return
    from joulewise.app.cli.edge import run_guarded

    sys.exit(run_guarded(sys.argv[1:]))


def __getattr__(name: str) -> object:
    if name != "cli":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from joulewise.app.cli.root import cli

    return cli
