"""joulewise: measure, compare, cut and report the energy and carbon of machine learning.

    import joulewise

    with joulewise.measure("train", unit="epoch", zone="DE") as session:
        ...
    print(session.result.summary())

`import joulewise` loads what a measured process needs and nothing else; all other names of `joulewise.api` are
imported when they are asked for.
"""

from __future__ import annotations

import joulewise.measure.session  # the room of that name is loaded before the function takes its place
from joulewise.api import measure
from joulewise.core.version import VERSION as __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from joulewise.api import (
        bundle,
        diagnose,
        explain,
        load_settings,
        recover,
        run_command,
        runs,
        show,
        verify,
        watch,
    )
    from joulewise.integrations.ipython import load_ipython_extension

_API = (
    "bundle",
    "diagnose",
    "explain",
    "load_settings",
    "recover",
    "run_command",
    "runs",
    "show",
    "verify",
    "watch",
)

__all__ = [
    "__version__",
    "bundle",
    "diagnose",
    "explain",
    "load_ipython_extension",
    "load_settings",
    "measure",
    "recover",
    "run_command",
    "runs",
    "show",
    "verify",
    "watch",
]


def __getattr__(name: str) -> object:
    if name in _API:
        from joulewise import api

        return getattr(api, name)
    if name == "load_ipython_extension":
        from joulewise.integrations.ipython import load_ipython_extension

        return load_ipython_extension
    raise AttributeError(f"module 'joulewise' has no attribute {name!r}")
