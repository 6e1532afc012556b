"""Golden files: what a program writes, word for word. JOULEWISE_UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

UPDATE = os.environ.get("JOULEWISE_UPDATE_GOLDEN") == "1"
"""Read on import: tests run without JOULEWISE_* variables, which would be settings."""


@pytest.fixture
def same_as_golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the file of that name beside the test."""

    def compare(name: str, text: str) -> None:
        path = Path(request.path).parent / "expected" / name
        if UPDATE:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{name} differs: JOULEWISE_UPDATE_GOLDEN=1 writes it anew"

    return compare
