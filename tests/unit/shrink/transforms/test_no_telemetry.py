"""Nothing that we use calls home."""

from __future__ import annotations

import os
import subprocess
import sys

from joulewise.compare.silence import SILENT
from joulewise.compare.worker_watch import environment
from joulewise.core.runtimes import RunOptions

PROGRAM = """
import sys
from joulewise.shrink.transforms.quiet_nncf import nncf
nncf()
from nncf.telemetry import wrapper
print(type(wrapper.telemetry).__name__, sys.modules.get("openvino_telemetry"))
"""


def test_nncf_finds_no_telemetry_package():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1].endswith(" None")
    assert "NNCFTelemetry " not in done.stdout


RUNTIME = """
from joulewise.compare.opening import runtime_of
runtime_of("onnxruntime")
import onnx, onnxruntime
from onnx import TensorProto, helper
x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [x], [y])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
"""


def test_onnx_runtime_keeps_no_events(tmp_path):
    told = {name: value for name, value in os.environ.items() if name not in SILENT and not name.startswith("XDG")}
    subprocess.run([sys.executable, "-c", RUNTIME], env={**told, "HOME": str(tmp_path)}, check=True)

    assert [one.name for one in tmp_path.rglob("*") if "onnxruntime" in one.name] == []


def test_workers_are_told_to_stay_silent():
    found = environment(RunOptions(), {})

    assert (found["HF_HUB_OFFLINE"], found["HF_HUB_DISABLE_TELEMETRY"], found["DO_NOT_TRACK"]) == ("1", "1", "1")
