"""The outermost edge: errors become a message, a cure and an exit code; Ctrl-C ends quietly."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

import click

from joulewise.core.errors import JoulewiseError

INTERRUPTED, BUG = 130, 1
"""As shells count: 128 and the number of the signal."""


def run_guarded(arguments: Sequence[str], command: click.Command | None = None) -> int:
    """Run the command line (or another command); the exit code. A traceback is shown with JOULEWISE_LOG=debug only."""
    from joulewise.app.cli.root import cli

    try:
        code = (command or cli).main(args=list(arguments), prog_name="joulewise", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        _say_usage(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("joulewise: stopped", err=True)
        return INTERRUPTED
    except JoulewiseError as error:
        _log_traceback()
        _say_error(error)
        return error.exit_code
    except OSError as error:
        _log_traceback()
        _say_error(_of_the_disk(error))
        return BUG
    except Exception as error:  # noqa: BLE001 - the app's edge
        _log_traceback()
        hint = "the same with JOULEWISE_LOG=debug, and report what it says"
        _say_error(JoulewiseError(f"internal error: {type(error).__name__}: {error}", hint=hint))
        return BUG
    return code if isinstance(code, int) else 0


def _of_the_disk(error: OSError) -> JoulewiseError:
    """A full or read-only disk is no bug of ours, and its owner knows the cure."""
    where = f": {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "make room on that disk; TMPDIR says where temporary files go"
        return JoulewiseError(f"the disk is full{where}", hint=hint)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        told = os.strerror(error.errno).lower()
        return JoulewiseError(f"{told}{where}", hint="work in a folder that is yours to write to")
    hint = "the same with JOULEWISE_LOG=debug, and report what it says"
    return JoulewiseError(f"internal error: {type(error).__name__}: {error}", hint=hint)


def _log_traceback() -> None:
    import logging  # here: --help answers sooner without it

    logging.getLogger("joulewise.cli").debug("in detail:", exc_info=True)


def _say_error(error: JoulewiseError) -> None:
    from joulewise.report.escape import plain

    click.echo(f"joulewise: {plain(error.message)}", err=True)
    if error.hint:
        click.echo(f"Try: {plain(error.hint)}", err=True)


def _say_usage(error: click.ClickException) -> None:
    from joulewise.report.escape import plain

    context = getattr(error, "ctx", None)
    if context is not None:
        click.echo(context.get_usage(), err=True)
    click.echo(f"joulewise: {plain(error.format_message())}", err=True)
    if context is not None:
        click.echo(f"Try: {context.command_path} --help", err=True)
