"""A folder of examples: one sub-folder a class, in it images or .npy arrays of one shape.

Images give (height, width, channels) in 0..255 as they are: scaling is the model's business, or the user's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulewise.compare.row_files import stacked
from joulewise.core.errors import DataError, PluginMissing

Array = NDArray[Any]
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})


def read_folder(folder: Path) -> tuple[Array, NDArray[Any] | None]:
    """All examples in order of their path, and their classes (the names of the sub-folders), None without them.

    Raises DataError for no examples, a mixture of shapes, or files that can't be read.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    examples = [path for path in files if path.suffix.lower() in PICTURES or path.suffix.lower() == ".npy"]
    if not examples:
        raise DataError(f"no images or .npy files in {folder}", hint="one sub-folder a class: data/cat/1.png ...")
    inside = [path.relative_to(folder).parts for path in examples]
    depths = {len(parts) > 1 for parts in inside}
    if len(depths) > 1:
        raise DataError(f"{folder} has examples both with and without a class", hint="put each into a class's folder")
    if all(len(parts) > 2 for parts in inside):
        raise DataError(
            f"{folder} has folders of folders, such as {'/'.join(inside[0][:2])}",
            hint=f"name the folder that holds a sub-folder a class: {folder / inside[0][0]}",
        )
    features = stacked(str(folder), [_read(path) for path in examples])
    return features, np.array([parts[0] for parts in inside], dtype=object) if depths == {True} else None


def _read(path: Path) -> Array:
    if path.suffix.lower() == ".npy":
        try:
            return np.asarray(np.load(path, allow_pickle=False))
        except (ValueError, OSError, EOFError) as error:
            raise DataError(f"{path} is not a plain .npy array: {error}", hint="np.save(path, array)") from error
    return _picture(path)


def _picture(path: Path) -> Array:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise PluginMissing(
            "images need Pillow", hint="pip install pillow, or 'joulewise[images]'; or save the examples as .npy"
        ) from error
    try:
        with Image.open(path) as image:
            mode = image.mode if image.mode in ("L", "RGB", "RGBA") else "RGB"
            array = np.asarray(image.convert(mode))
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(f"{path} is not an image that can be read: {error}", hint="remove or replace it") from error
    return array[:, :, None] if array.ndim == 2 else array
