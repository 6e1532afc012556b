"""A played kind of model with transforms that misbehave, installed as a plug-in is."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

collect_ignore_glob = [] if all(find_spec(name) for name in ("numpy", "sklearn", "scipy")) else ["test_*.py"]


@pytest.fixture
def played(tmp_path, monkeypatch):
    """The plug-in on the import path; the folder for the test's own files."""
    from joulewise.shrink import kept
    from joulewise.testing.played_shrink import install

    kept.installed.cache_clear()
    monkeypatch.delitem(sys.modules, "played_shrink", raising=False)
    monkeypatch.syspath_prepend(str(install(tmp_path / "installed")))
    monkeypatch.setenv("PLAYED_LOG", str(tmp_path / "log"))
    return tmp_path
