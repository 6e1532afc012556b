"""Folders of images as rows: pictures of one shape, classes by folder, torn ones told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from joulewise.compare.rows import read_rows
from joulewise.core.errors import DataError
from joulewise.core.runtimes import Tensor

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place, value in (("cat", 10), ("dog", 200)):
        (tmp_path / place).mkdir()
        for name in ("1.png", "2.PNG"):
            Image.fromarray(np.full((4, 4, 3), value, np.uint8)).save(tmp_path / place / name)
    (tmp_path / "cat" / "notes.txt").write_text("not a picture")
    return tmp_path


def test_pictures_are_rows_in_the_models_layout(folder: Path) -> None:
    rows = read_rows(folder)
    assert rows.target is not None
    assert rows.target.tolist() == ["cat", "cat", "dog", "dog"]
    channels_first = Tensor(name="image", dtype="uint8", shape=("n", 3, 4, 4))
    feeds = rows.feeds([channels_first])
    assert feeds["image"].shape == (4, 3, 4, 4)
    assert feeds["image"][:, 0, 0, 0].tolist() == [10, 10, 200, 200]


def test_pictures_of_other_shapes_and_torn_ones_are_told(folder: Path) -> None:
    with pytest.raises(DataError, match="takes rows of shape"):
        read_rows(folder).feeds([Tensor(name="image", dtype="uint8", shape=("n", 1, 4, 4))])
    torn = folder / "dog" / "2.PNG"
    torn.write_bytes(torn.read_bytes()[:40])
    with pytest.raises(DataError, match="not an image that can be read"):
        read_rows(folder)
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(torn)
    with pytest.raises(DataError, match="different shapes"):
        read_rows(folder)
