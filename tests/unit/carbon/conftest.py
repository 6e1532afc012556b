"""The stand-in for the providers of grid data."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from joulewise.testing.grid_server import GridServer, grid_server


@pytest.fixture
def server() -> Iterator[GridServer]:
    with grid_server() as found:
        yield found
