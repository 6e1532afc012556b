"""The example run, as a bundle and as a view."""

from __future__ import annotations

import pytest

from joulewise.report import RunView, view
from joulewise.testing.bundles import example_bundle, example_trace


@pytest.fixture
def run_view() -> RunView:
    """The example run with its power trace."""
    return view(example_bundle(), trace=example_trace())
