"""What goes before quantization: symbolic shape inference and graph optimisation on standard operators."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from joulewise.core.runtimes import Artifact

_log = logging.getLogger(__name__)


@contextmanager
def prepared(artifact: Artifact, *, optimise: bool = True) -> Iterator[Path]:
    """The path of a copy that is ready to quantize; it goes when the block ends."""
    with tempfile.TemporaryDirectory(prefix="joulewise-") as folder:
        yield _prepare(artifact.path, Path(folder) / "prepared.onnx", optimise)


def _prepare(source: Path, target: Path, optimise: bool) -> Path:
    from onnxruntime.quantization.shape_inference import quant_pre_process

    large = source.stat().st_size > 1 << 30
    for skip_symbolic in (False, True):
        try:
            quant_pre_process(
                str(source),
                str(target),
                skip_optimization=not optimise,
                skip_symbolic_shape=skip_symbolic,
                save_as_external_data=large,
            )
            return target
        except Exception:  # noqa: BLE001 - Symbolic inference gives up on some exports; plain inference often is enough.
            _log.info("preparing %s failed, symbolic shapes %s", source, not skip_symbolic, exc_info=True)
    return source
