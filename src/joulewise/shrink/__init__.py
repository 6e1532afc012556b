"""The cheapest deployment of a model above a quality floor: search, measure, prove, export."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from joulewise.core.errors import PluginMissing

if TYPE_CHECKING:
    from joulewise.shrink.folder import deployment_of, load_folder, read_folder, write_folder
    from joulewise.shrink.proof import Proof, prove
    from joulewise.shrink.request import Request
    from joulewise.shrink.search import Search, shrink
    from joulewise.shrink.verify import verify_folder

_HOME = {
    "Proof": "proof",
    "Request": "request",
    "Search": "search",
    "deployment_of": "folder",
    "load_folder": "folder",
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
    "deployment_of",
    "load_folder",
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
