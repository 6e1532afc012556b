"""Executors keep the contract, each in its fake place."""

from __future__ import annotations

from pathlib import Path

import pytest

from joulewise.schedule.executors.local import LocalExecutor
from joulewise.testing.executors import ExecutorContract, FakePlace, scripts, starts_in


class TestLocal(ExecutorContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> FakePlace:
        folder = str(tmp_path / "tasks")
        return FakePlace(
            executor=LocalExecutor(folder),
            reopen=lambda: LocalExecutor(folder),
            commands=scripts(tmp_path),
            starts=starts_in(tmp_path),
            folder=str(tmp_path),
            stops=("checkpoint", "freeze"),
        )
