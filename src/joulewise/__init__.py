"""joulewise: measure, compare, cut and report the energy and carbon of machine learning.

    import joulewise

    with joulewise.measure("train", unit="epoch", zone="DE") as session:
        ...
    print(session.result.summary())

`import joulewise` loads what a measured process needs and nothing else; all other names of `joulewise.api` are
imported when they are asked for.
"""

from __future__ import annotations

import sys

import joulewise.measure.session  # noqa: F401 - what a measured process needs is loaded now, not when it starts
from joulewise import api as _api
from joulewise.core.version import VERSION as __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from joulewise.api import (
        bench,
        bundle,
        checkpointing,
        compare_runs,
        devices,
        diagnose,
        estimate,
        explain,
        load_folder,
        load_settings,
        measure,
        recover,
        run_command,
        runs,
        show,
        shrink_model,
        submit,
        tasks,
        verify,
        verify_model,
        watch,
    )
    from joulewise.integrations.ipython import load_ipython_extension


class _Measuring(type(sys)):  # type: ignore[misc]
    """The room `joulewise.measure`, which can be called: `joulewise.measure("train")` is `joulewise.api.measure`.

    A function of that name beside the room would break `import joulewise.measure.session as ...`.
    """

    __call__ = staticmethod(_api.measure)


sys.modules["joulewise.measure"].__class__ = _Measuring

_API = (
    "bench",
    "bundle",
    "checkpointing",
    "compare_runs",
    "devices",
    "diagnose",
    "estimate",
    "explain",
    "load_folder",
    "load_settings",
    "recover",
    "run_command",
    "runs",
    "show",
    "shrink_model",
    "submit",
    "tasks",
    "verify",
    "verify_model",
    "watch",
)

__all__ = [
    "__version__",
    "bench",
    "bundle",
    "checkpointing",
    "compare_runs",
    "devices",
    "diagnose",
    "estimate",
    "explain",
    "load_folder",
    "load_ipython_extension",
    "load_settings",
    "measure",
    "recover",
    "run_command",
    "runs",
    "show",
    "shrink_model",
    "submit",
    "tasks",
    "verify",
    "verify_model",
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
