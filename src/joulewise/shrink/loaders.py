"""Five lines that load an exported model, for each runtime; they stand in the folder as loader.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ONNX = '''"""Load with ONNX Runtime alone: from loader import predict; predict({feeds})"""
import numpy as np, onnxruntime, pathlib
options = onnxruntime.SessionOptions(); options.intra_op_num_threads = {threads}
options.add_session_config_entry("session.intra_op.allow_spinning", "{spinning}")
session = onnxruntime.InferenceSession(str(pathlib.Path(__file__).with_name({file!r})), options)
def predict(feeds): return session.run(None, {{name: np.asarray(array) for name, array in feeds.items()}})
'''
_OPENVINO = '''"""Load with OpenVINO alone: from loader import predict; predict({feeds})"""
import openvino, pathlib
hints = {{"INFERENCE_NUM_THREADS": {threads}, "PERFORMANCE_HINT": "LATENCY", **{more!r}}}
model = openvino.Core().compile_model(str(pathlib.Path(__file__).with_name({file!r})), "CPU", hints)
request = model.create_infer_request()
def predict(feeds): return [request.infer(feeds)[output] for output in model.outputs]
'''
_OURS = '''"""Load with joulewise: from loader import predict; predict({feeds})"""
import pathlib
import joulewise
model = joulewise.load_folder(pathlib.Path(__file__).parent)
def predict(feeds): return model.predict(feeds)
'''


def loader_text(runtime: str, file: str, options: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The source of loader.py. `options` has threads, spinning, more; `facts` the inputs."""
    feeds = ", ".join(f'"{one["name"]}": {one["dtype"]} {one["shape"]}' for one in facts.get("inputs", ())) or "..."
    template = {"onnxruntime": _ONNX, "openvino": _OPENVINO}.get(runtime, _OURS)
    return template.format(
        feeds=f"{{{feeds}}}",
        threads=int(options.get("threads", 1)),
        spinning=int(bool(options.get("spinning", False))),
        more=dict(options.get("more", {})),
        file=file,
    )
