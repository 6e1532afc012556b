"""What all tests share: a home of their own, the places of outside help, and no silent skipping in CI."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Generator, Iterator
from copy import copy
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
NO_DEVICE = ("hardware:", "needs a GPU", "needs root", "needs RAPL")
"""Reasons that CI accepts: no package can cure the want of a device."""
NO_DATA = "reference"

THOROUGH = os.environ.get("JOULEWISE_THOROUGH") == "1"
"""Property tests try as many examples as found each bug that we know of, not only as many as every change can bear."""
settings.register_profile("usual", max_examples=150 if THOROUGH else 40, deadline=None)
settings.register_profile("costly", max_examples=60 if THOROUGH else 12, deadline=None)
"""For `@settings.get_profile("costly")`, where an example takes more than 20 ms."""
settings.load_profile("usual")


@pytest.fixture(autouse=True, scope="session")
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests, and the processes that they start, off the user's ledger, settings and cache."""
    home = tmp_path_factory.mktemp("home")
    own = {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
    kept = {name: value for name, value in os.environ.items() if name.startswith(("XDG_", "JOULEWISE_"))}
    for name in kept:
        if name not in OUTSIDE:
            del os.environ[name]
    os.environ.update(own)
    yield
    for name in own:
        del os.environ[name]
    os.environ.update(kept)


OUTSIDE = tuple(f"JOULEWISE_{name}" for name in ("CI", "TEST_POSTGRES", "TEST_SLURM", "REFERENCE_DATA", "CHROMIUM"))
"""Names for the tests themselves; every other JOULEWISE_* would be a setting."""


@pytest.fixture
def counted_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where coverage is measured, count the lines of the processes that this test starts, too.

    A process counts if it ends by itself or by os._exit: one that is killed takes its counts along. Only for tests that
    ask for it, since a process that counts is slower, and has loaded more than a user's.
    """
    coverage = sys.modules.get("coverage")
    current = coverage.Coverage.current() if coverage else None
    if current is not None:
        told = copy(current.config)
        told.parallel, told.patch = True, ["_exit"]
        monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", told.serialize())


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """The folder that holds hardware/, grid/ and published/: the raw data behind our tables."""
    folder = Path(os.environ.get("JOULEWISE_REFERENCE_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "published").is_dir():
        pytest.skip("no reference data: set JOULEWISE_REFERENCE_DATA")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium that Playwright can drive."""
    found = os.environ.get("JOULEWISE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("no Chromium: apt-get install chromium")
    return found


def refusal(reason: str, environ: dict[str, str]) -> str | None:
    """Why this skip is a failure, or None: in CI only the want of a device, or of data not given, may skip a test."""
    if environ.get("JOULEWISE_CI") != "1" or any(accepted in reason for accepted in NO_DEVICE):
        return None
    if NO_DATA in reason.lower() and not environ.get("JOULEWISE_REFERENCE_DATA"):
        return None
    return f"CI skips nothing silently, and this test was skipped: {reason}"


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    refused = refusal(reason, dict(os.environ))
    if refused:
        report.outcome = "failed"
        report.longrepr = refused


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report
