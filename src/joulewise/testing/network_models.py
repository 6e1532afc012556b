"""Makers of small neural networks, trained for a moment on digits; see `testing.models`."""

from __future__ import annotations

import warnings
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from joulewise.testing.made import MadeModel, real_rows


@lru_cache(maxsize=1)
def _digits_module() -> tuple[Any, Any, Any]:
    """A small convolutional network, trained for a moment on digits, and 50 images."""
    import torch

    torch.manual_seed(0)
    x, y, rows, _ = real_rows("digits")
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(128, 10),
    )
    images = torch.from_numpy((x / 16).astype(np.float32)).reshape(-1, 1, 8, 8)
    labels = torch.from_numpy(y)
    optimiser = torch.optim.Adam(module.parameters(), 0.02)
    for at in range(0, len(images), 64):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(images[at : at + 64]), labels[at : at + 64]).backward()
        optimiser.step()
    module.eval()
    judged = (rows / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    with torch.inference_mode():
        answer = module(torch.from_numpy(judged)).numpy()
    return module, judged, answer


def network(
    path: Path | str, images: Any, answer: Any, name: str, out: str, runtimes: tuple[str, ...], **more: Any
) -> MadeModel:
    known: dict[str, Any] = {"task": "classification", "tolerance": 1e-4, "nan": "answered"}
    return MadeModel(
        text=str(path), feeds={name: images}, answers={out: answer}, runtimes=runtimes, **{**known, **more}
    )


def onnx_network(folder: Path) -> MadeModel:
    """A network exported by PyTorch with a free batch; ONNX Runtime and OpenVINO both run it."""
    module, images, answer = _digits_module()
    export_network(module, images, folder / "network.onnx")
    return network(folder / "network.onnx", images, answer, "image", "logits", ("onnxruntime", "openvino"))


def onnx_external(folder: Path) -> MadeModel:
    """The same with its weights in a second file."""
    import onnx

    made = onnx_network(folder)
    model = onnx.load(made.text)
    path = folder / "outside.onnx"
    onnx.save(model, str(path), save_as_external_data=True, location="outside.bin", size_threshold=1024)
    images, answer = made.feeds["image"], made.answers["logits"]
    return network(path, images, answer, "image", "logits", ("onnxruntime", "openvino"))


def export_network(module: Any, images: Any, path: Path) -> None:
    """ONNX with a free batch, by the exporter that PyTorch recommends."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch = torch.export.Dim("batch")
        torch.onnx.export(
            module,
            (torch.from_numpy(images[:2]),),
            str(path),
            input_names=["image"],
            output_names=["logits"],
            dynamic_shapes=({0: batch},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def torch_export(folder: Path) -> MadeModel:
    """A torch.export archive with a free batch."""
    import torch

    module, images, answer = _digits_module()
    batch = torch.export.Dim("batch")
    program = torch.export.export(module, (torch.from_numpy(images[:2]),), dynamic_shapes=({0: batch},))
    torch.export.save(program, str(folder / "digits.pt2"))
    return network(folder / "digits.pt2", images, answer, "input", "output", ("torch",))


def torchscript(folder: Path) -> MadeModel:
    """A traced module."""
    import torch

    module, images, answer = _digits_module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(module, torch.from_numpy(images[:2])).save(str(folder / "digits.pt"))
    return network(folder / "digits.pt", images, answer, "input", "output", ("torch",))


def openvino_ir(folder: Path) -> MadeModel:
    """The network converted to OpenVINO's own files."""
    import openvino

    made = onnx_network(folder)
    path = folder / "network.xml"
    openvino.save_model(openvino.Core().read_model(made.text), str(path), compress_to_fp16=False)
    return network(path, made.feeds["image"], made.answers["logits"], "image", "logits", ("openvino",))


def torch_module(folder: Path) -> MadeModel:
    """A function that builds the module of weights beside it."""
    import torch

    module, images, answer = _digits_module()
    name = f"digits_{sha256(str(folder).encode()).hexdigest()[:12]}"
    torch.save(module.state_dict(), folder / "weights.pt")
    (folder / f"{name}.py").write_text(_FACTORY.format(weights=str(folder / "weights.pt")), encoding="utf-8")
    text = f"{folder / name}.py:make"
    classes = tuple(range(10))
    return network(text, images, answer, "image", "logits", ("torch", "torch-compile"), trust=True, classes=classes)


_FACTORY = """import torch

class Digits(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
            torch.nn.Flatten(), torch.nn.Linear(128, 10))

    def forward(self, image):
        return {{"logits": self.layers(image)}}

def make():
    model = Digits()
    model.layers.load_state_dict(torch.load({weights!r}, weights_only=True))
    return {{"model": model, "example": torch.zeros(2, 1, 8, 8), "task": "classification", "classes": list(range(10)),
            "roles": {{"scores": "logits"}}}}
"""
