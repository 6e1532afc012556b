"""NNCF without its telemetry: by default it reports each use to an analytics service, which nobody has asked for."""

from __future__ import annotations

import sys
from typing import Any


def nncf() -> Any:
    """The library, imported so that it finds no telemetry package; it then sends nothing."""
    if "nncf" not in sys.modules:
        # None means "not installed" to the import that follows
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import nncf

    return nncf
