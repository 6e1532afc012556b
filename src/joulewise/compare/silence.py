"""Libraries that report their use to their makers are told not to: importing this module sets the variables they heed.

ONNX Runtime (1.32 on Linux writes events to ~/.cache/Microsoft and uploads them), the Hugging Face hub, and whoever
heeds DO_NOT_TRACK. What the user has set himself stays. It must be imported before the libraries are.
"""

from __future__ import annotations

import os

SILENT = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}

for _name, _value in SILENT.items():
    os.environ.setdefault(_name, _value)
