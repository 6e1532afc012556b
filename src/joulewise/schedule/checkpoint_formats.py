"""How the state of PyTorch and scikit-learn becomes a checkpoint.

    torch:    state = TorchState(model=model, optimizer=optimizer, scheduler=scheduler)
              checkpoint = joulewise.checkpointing("train.ckpt", format=TorchFormat())
              first = state.restore(checkpoint.resume())             # 0 if there is none
              for epoch in range(first, 100):
                  ...
                  checkpoint.step(lambda: state.at(epoch + 1))

    sklearn:  checkpoint = joulewise.checkpointing("fit.ckpt", format=JoblibFormat())
              batch, model = checkpoint.resume((0, SGDClassifier()))
              for batch in range(batch, len(batches)):
                  model.partial_fit(*batches[batch], classes=classes)
                  checkpoint.step((batch + 1, model))

The frameworks are imported when they are needed, never before.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from joulewise.core.errors import PluginMissing


class TorchFormat:
    """torch.save and torch.load. Loads to the CPU, and only plain data: a checkpoint can't run code."""

    def write(self, state: Any, path: str) -> None:
        """Save."""
        _framework("torch").save(state, path)

    def read(self, path: str) -> Any:
        """Load; `load_state_dict` moves the tensors to where the model is."""
        return _framework("torch").load(path, map_location="cpu", weights_only=True)


class JoblibFormat:
    """joblib.dump and joblib.load, for scikit-learn's estimators. Load only what you saved yourself."""

    def write(self, state: Any, path: str) -> None:
        """Save."""
        _framework("joblib").dump(state, path)

    def read(self, path: str) -> Any:
        """Load."""
        return _framework("joblib").load(path)


class TorchState:
    """All that training depends on: the parts (anything with `state_dict`), how far it is, and the random numbers.

    With the generators of Python, NumPy, torch and CUDA restored, a run that was paused goes on as if it had not been.
    """

    def __init__(self, **parts: Any) -> None:
        self._parts = parts

    def at(self, done: int, **more: Any) -> dict[str, Any]:
        """The state after `done` epochs or steps; `more` are plain values of your own."""
        return {
            "done": done,
            "more": more,
            "parts": {name: part.state_dict() for name, part in self._parts.items()},
            "random": _random_state(),
        }

    def restore(self, state: Mapping[str, Any] | None) -> int:
        """Put a state back; how far it was. None leaves all as it is: 0."""
        if state is None:
            return 0
        for name, part in self._parts.items():
            part.load_state_dict(state["parts"][name])
        _restore_random(state["random"])
        return int(state["done"])


def torch_agreement() -> Callable[[bool], bool]:
    """For `checkpointing(agree=...)`: all ranks stop as soon as one is asked to. One small all_reduce a step."""
    torch = _framework("torch")

    def agree(asked: bool) -> bool:
        distributed = torch.distributed
        if not (distributed.is_available() and distributed.is_initialized()):
            return asked
        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        flag = torch.tensor([int(asked)], device=device)
        distributed.all_reduce(flag, op=distributed.ReduceOp.MAX)
        return bool(flag.item())

    return agree


def _random_state() -> dict[str, Any]:
    """The generators of what is loaded; as plain values and tensors, which torch loads without running code."""
    torch = _framework("torch")
    version, numbers, gauss = random.getstate()
    found: dict[str, Any] = {"python": [version, list(numbers), gauss], "torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.get_rng_state_all()
    if "numpy" in sys.modules:
        name, keys, position, has_gauss, cached = sys.modules["numpy"].random.get_state()
        found["numpy"] = [name, keys.tolist(), position, has_gauss, cached]
    return found


def _restore_random(found: Mapping[str, Any]) -> None:
    torch = _framework("torch")
    version, numbers, gauss = found["python"]
    random.setstate((version, tuple(numbers), gauss))
    torch.set_rng_state(found["torch"])
    if "cuda" in found and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(found["cuda"])
    if "numpy" in found:
        import_module("numpy").random.set_state(tuple(found["numpy"]))


def _framework(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise PluginMissing(f"this checkpoint needs {name}", hint=f"pip install {name}") from error
