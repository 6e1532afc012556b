"""What tests of checkpoints share: a place for one, and SIGTERM put back after each."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def own_sigterm() -> Iterator[None]:
    """Checkpointing answers SIGTERM: afterwards it is as before."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where a checkpoint is to lie, in a folder that is not there yet."""
    return str(tmp_path / "deep" / "train.ckpt")
