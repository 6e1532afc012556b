"""NVML that vanishes under a real session: a gap, and the rest of the GPU's energy stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from joulewise.core.channels import MeterContext
from joulewise.core.settings import Settings
from joulewise.measure.equipment import Equipment
from joulewise.measure.job import Job
from joulewise.measure.meters import nvidia
from joulewise.measure.session import Session
from joulewise.testing.nvml_library import compiled_nvml

STEP_MJ = 2_000
GPU_LOST, UNKNOWN, UNINITIALISED, NO_DRIVER = 15, 999, 1, 9


class OneGpu(Equipment):
    """This machine's clocks, and a GPU behind a compiled library."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], library: str) -> None:
        super().__init__(settings, environ)
        self.library = library

    def discover(self, pids: Callable[[], frozenset[int]], *, thorough: bool = False) -> tuple[list[Any], list[Any]]:
        return nvidia.discover(MeterContext(root="/nowhere", pids=pids, options={"library": self.library}))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = compiled_nvml(str(tmp_path_factory.mktemp("nvml")))
    if path is None:
        pytest.skip("no C compiler to make a libnvidia-ml.so.1 with")
    return path


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the compiled library looks at: a status and millijoules."""
    path = tmp_path / "state"
    path.write_text("0 1000000")
    monkeypatch.setenv("FAKE_NVML_STATE", str(path))
    return path


@pytest.fixture
def session(library: str, state: Path, tmp_path: Path) -> Iterator[Session]:
    settings = Settings(spool=str(tmp_path / "spool"))
    environ = {"HOME": str(tmp_path)}
    made = Session(Job(name="gpu"), settings, environ, equipment=OneGpu(settings, environ, library))
    yield made
    made.stop()


@pytest.mark.parametrize("status", [GPU_LOST, UNKNOWN, UNINITIALISED, NO_DRIVER])
def test_a_gpu_that_falls_off_the_bus_and_comes_back(status, session, state):
    with session:
        with session.phase("before"):
            state.write_text(f"0 {1_000_000 + STEP_MJ}")
        with session.phase("lost"):
            state.write_text(f"{status} 0")
        with session.phase("blind"):
            pass
        with session.phase("back"):
            state.write_text("0 5000")  # the driver was loaded anew: it counts from zero
        with session.phase("after"):
            state.write_text(f"0 {5000 + STEP_MJ}")
    result = session.result
    assert result.machine_j * 1000 == pytest.approx(2 * STEP_MJ)
    assert result.coverage < 1
    assert result.figure("energy_j", "machine", phase="after").value * 1000 == pytest.approx(STEP_MJ)
    assert any("GPU-0badcafe" in warning for warning in result.warnings)


def test_a_gpu_that_never_comes_back(session, state):
    with session:
        with session.phase("before"):
            state.write_text(f"0 {1_000_000 + STEP_MJ}")
        state.write_text(f"{GPU_LOST} 0")
        for _ in range(20):
            with session.phase("blind"):
                pass
    assert session.result.machine_j * 1000 == pytest.approx(STEP_MJ)
    assert session.result.coverage < 1
    assert len(session.warnings) <= 3
