"""A full disk is told with its cure, and is no bug of ours."""

from __future__ import annotations

import errno
import os

import click
import pytest

from joulewise.app.cli.edge import BUG, run_guarded


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "the disk is full: /some/file\nTry: make room on that disk"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EROFS, "read-only file system: /some/file\nTry: work in a folder"),
        (errno.EACCES, "permission denied: /some/file"),
        (errno.EIO, "internal error: OSError"),
    ],
)
def test_what_a_disk_refuses(number, told, capsys):
    @click.command()
    def fails() -> None:
        raise OSError(number, os.strerror(number), "/some/file")

    assert run_guarded([], fails) == BUG
    assert told in capsys.readouterr().err
