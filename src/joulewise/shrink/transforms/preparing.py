"""What goes before quantization: symbolic shape inference and graph optimisation on standard operators."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from joulewise.core.runtimes import Artifact

_log = logging.getLogger(__name__)
UNTOLD = 1
"""onnx.TensorProto.FLOAT: what the quantizers take for tensors whose type shape inference can't tell, as behind the
operators of classical machine learning."""


@contextmanager
def prepared(artifact: Artifact, *, optimise: bool = True) -> Iterator[Path]:
    """The path of a copy that is ready to quantize; it goes when the block ends."""
    with tempfile.TemporaryDirectory(prefix="joulewise-") as folder:
        path = _prepare(artifact.path.resolve(), Path(folder) / "prepared.onnx", optimise)
        if path.parent == Path(folder):
            _flatten_biases(path)
        yield path


def _prepare(source: Path, target: Path, optimise: bool) -> Path:
    from onnxruntime.quantization.shape_inference import quant_pre_process

    large = source.stat().st_size > 1 << 30
    for skip_symbolic in (False, True):
        try:
            with chdir(target.parent):  # giving up, symbolic inference leaves the model in the working directory
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


def _flatten_biases(path: Path) -> None:
    """Biases of Gemm as (n,) where they are (1, n), as skl2onnx writes them: the quantizer counts on one dimension."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    names = {node.input[2] for node in model.graph.node if node.op_type == "Gemm" and len(node.input) > 2}
    elsewhere = {name for node in model.graph.node for name in node.input if node.op_type != "Gemm"}
    flat = [
        tensor
        for tensor in model.graph.initializer
        if tensor.name in names - elsewhere and len(tensor.dims) == 2 and tensor.dims[0] == 1
    ]
    for tensor in flat:
        del tensor.dims[0]
    if not flat:
        return
    stale = [value for value in model.graph.value_info if value.name in {tensor.name for tensor in flat}]
    for value in stale:
        model.graph.value_info.remove(value)
    path.write_bytes(model.SerializeToString())
