"""Five lines that load an exported model, for each runtime; they stand in the folder as loader.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joulewise.compare.compiled_trees import this_machine

_ONNX = '''"""Load with ONNX Runtime alone: from loader import predict; predict({feeds})"""
import os, pathlib; os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import numpy as np, onnxruntime
options, dtypes = onnxruntime.SessionOptions(), {dtypes!r}
options.intra_op_num_threads, options.inter_op_num_threads = {threads}, 1
options.add_session_config_entry("session.intra_op.allow_spinning", "{spinning}")
session = onnxruntime.InferenceSession(str(pathlib.Path(__file__).resolve().with_name({file!r})), options)
outputs = [output.name for output in session.get_outputs()]
def predict(feeds):
    return dict(zip(outputs, session.run(None, {{n: np.asarray(rows, dtypes.get(n)) for n, rows in feeds.items()}})))
'''
_OPENVINO = '''"""Load with OpenVINO alone: from loader import predict; predict({feeds})"""
import numpy as np, openvino, pathlib
hints, dtypes = {hints!r}, {dtypes!r}
model = openvino.Core().compile_model(str(pathlib.Path(__file__).resolve().with_name({file!r})), "CPU", hints)
request, outputs = model.create_infer_request(), {outputs!r}
def predict(feeds):
    request.infer({{n: np.asarray(rows, dtypes.get(n)) for n, rows in feeds.items()}})
    return {{name: request.get_output_tensor(at).data.copy() for at, name in enumerate(outputs)}}
'''
_TREES = '''"""Load the compiled trees alone, on {machine}: from loader import predict; predict({feeds})"""
import ctypes, json, pathlib, numpy as np
folder = pathlib.Path(__file__).resolve().with_name({file!r})
about = json.loads((folder / "trees.json").read_text())
shape, classes = about["shape"], about["facts"].get("classes")
trees = ctypes.CDLL(folder / "trees.so").joulewise_predict
trees.argtypes, trees.restype = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p], None
def predict(feeds):
    rows = np.ascontiguousarray(feeds["x"], shape["rows"]).reshape(-1, shape["width"])
    found, best = np.empty((len(rows), shape["columns"]), shape["answers"]), np.empty(len(rows), np.int64)
    trees(rows.ctypes.data, len(rows), found.ctypes.data, best.ctypes.data)
    if classes: return {{"labels": np.array(classes)[best], "scores": found}}
    return {{"values": found[:, 0] if found.shape[1] == 1 else found}}
'''
_OURS = '''"""Load with joulewise: from loader import predict; predict({feeds})"""
import pathlib
import joulewise
model = joulewise.load_folder(pathlib.Path(__file__).resolve().parent, trust=True)  # as you trust this file
def predict(feeds): return model.predict(feeds)
'''


def loader_text(runtime: str, file: str, options: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The source of loader.py. `options` has threads, spinning, more; `facts` the inputs. `predict` takes arrays by
    input name and gives arrays by output name."""
    inputs = facts.get("inputs", ())
    feeds = ", ".join(f"'{one['name']}': {one['dtype']} {list(one['shape'])}" for one in inputs) or "..."
    more = dict(options.get("more", {}))
    own = {"onnxruntime": _ONNX if not more else _OURS, "openvino": _OPENVINO, "compiled-trees": _TREES}
    threads = int(options.get("threads", 1))
    return own.get(runtime, _OURS).format(
        feeds=f"{{{feeds}}}",
        threads=threads,
        spinning=int(bool(options.get("spinning", False))),
        hints={
            "INFERENCE_PRECISION_HINT": more.get("precision", "f32"),
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
        },
        dtypes={one["name"]: one["dtype"] for one in inputs if one["dtype"] not in ("object", "str")},
        outputs=[one["name"] for one in facts.get("outputs", ())],
        file=file,
        machine=this_machine(),
    )
