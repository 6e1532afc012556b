"""Leaves these tests out where the libraries of the transforms are not installed."""

from __future__ import annotations

from importlib.util import find_spec

NEEDED = ("numpy", "sklearn", "onnx", "onnxruntime", "skl2onnx")
collect_ignore_glob = [] if all(find_spec(name) for name in NEEDED) else ["test_*.py"]
