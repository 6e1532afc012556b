"""The cheapest deployment of a model above a quality floor: search, measure, prove, export."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from joulewise.core.errors import PluginMissing

if TYPE_CHECKING:
    from joulewise.shrink.folder import deployment_of, load_folder, read_folder, write_folder
    from joulewise.shrink.found import Search
    from joulewise.shrink.proof import Proof, prove
    from joulewise.shrink.request import Request
    from joulewise.shrink.search import prepare, shrink
    from joulewise.shrink.verify import Where, verify_folder

_HOME = {
    "Proof": "proof",
    "Request": "request",
    "Search": "found",
    "Where": "verify",
    "deployment_of": "folder",
    "load_folder": "folder",
    "prepare": "search",
    "prove": "proof",
    "read_folder": "folder",
    "shrink": "search",
    "verify_folder": "verify",
    "write_folder": "folder",
}

__all__ = [
    "Proof",
    "Request",
    "Search",
    "Where",
    "deployment_of",
    "load_folder",
    "prepare",
    "prove",
    "read_folder",
    "shrink",
    "verify_folder",
    "write_folder",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"joulewise.shrink.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name not in ("numpy", "sklearn", "scipy"):
            raise
        raise PluginMissing(f"shrink needs {error.name}", hint="pip install 'joulewise[compare]'") from error
