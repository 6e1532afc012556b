"""Counts the arithmetic of a PyTorch module by running one row through it and watching its operators.

Products and convolutions by PyTorch's own formulas (torch.utils.flop_counter), the rest as for ONNX: one FLOP an
element of an activation or element-wise operator, 4 of softmax, 7 of a normalisation, 2 of batch normalisation.
"""

# ruff: noqa: SIM905 - long tables of names read better as text

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from joulewise.compare.counting import SHORT_TEXT_TOKENS, Counted, counted
from joulewise.compare.runtimes.torch import module_of
from joulewise.core.runtimes import Artifact

_PER_OUTPUT = {
    **dict.fromkeys(
        """add sub mul div pow sqrt rsqrt relu gelu silu tanh sigmoid exp log neg abs erf clamp hardtanh hardswish
        hardsigmoid leaky_relu elu rsub reciprocal maximum minimum softplus clamp_min sin cos threshold norm
        linalg_vector_norm""".split(),
        1,
    ),
    **dict.fromkeys(["_softmax", "_log_softmax", "_safe_softmax"], 4),
    **dict.fromkeys(["native_layer_norm", "native_group_norm", "_fused_rms_norm"], 7),
    **dict.fromkeys(["native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm"], 2),
}
_PER_INPUT = frozenset("mean sum amax amin max min _adaptive_avg_pool2d avg_pool2d adaptive_avg_pool1d".split())
_MOVES = frozenset(
    """view _unsafe_view reshape transpose permute t expand slice select clone copy contiguous cat stack split
    split_with_sizes unsqueeze squeeze embedding detach _to_copy arange ones zeros full empty masked_fill where eq ne lt
    gt ge le index index_select gather argmax max_pool2d_with_indices alias scalar_tensor full_like ones_like zeros_like
    logical_not logical_and bitwise_and bitwise_or bitwise_not any all cumsum unbind flatten repeat lift_fresh_copy
    lift_fresh as_strided new_ones new_zeros dropout native_dropout tril triu constant_pad_nd sym_size item is_nonzero
    _local_scalar_dense _reshape_alias fill zero empty_like _assert_async empty_strided isinf isnan""".split()
)


class _Watch(TorchDispatchMode):  # type: ignore[misc]
    """Adds up what passes by; operators without a rule are missed, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.flop = 0
        self.known = 0
        self.missed: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        packet = func._overloadpacket
        if packet not in flop_registry and func is not torch.ops.prim.device.default:
            with self:
                opened = func.decompose(*args, **(kwargs or {}))
            if opened is not NotImplemented:
                return opened
        out = func(*args, **(kwargs or {}))
        self._count(packet, args, kwargs or {}, out)
        return out

    def _count(self, packet: Any, args: Any, kwargs: Any, out: Any) -> None:
        name = packet.__name__.removesuffix("_")
        first = out[0] if isinstance(out, (tuple, list)) and out else out
        if "scaled_dot_product" in name and "flash_attention_for_cpu" in name:  # PyTorch's table has the GPUs' alone
            self.flop += 4 * int(args[0].numel()) * int(args[1].shape[-2])
        elif packet in flop_registry:
            self.flop += int(flop_registry[packet](*args, **kwargs, out_val=out))
        elif name in _PER_OUTPUT:
            self.flop += _PER_OUTPUT[name] * int(first.numel()) if hasattr(first, "numel") else 0
        elif name in _PER_INPUT:
            self.flop += int(args[0].numel())
        elif name not in _MOVES:
            self.missed[name] += 1
            return
        self.known += 1


def count_module(artifact: Artifact) -> Counted | None:
    """FLOP of one row; None for inputs of unknown shape, and for modules that refuse the row that we make up."""
    rows = 1
    module = module_of(artifact)
    for rows in (1, 2):  # some exports want a batch above one
        feeds = _made_up(artifact, rows)
        if feeds is None:
            return None
        watch = _Watch()
        try:
            with torch.no_grad(), watch:
                module(*feeds)
        except (RuntimeError, ValueError, IndexError, AssertionError, TypeError):
            continue
        total = watch.known + sum(watch.missed.values())
        details = {"flops_not_covered": dict(watch.missed.most_common(10))} if watch.missed else {}
        return counted(watch.flop / rows, watch.known / total if total else 0.0, _source(artifact), **details)
    return None


def _source(artifact: Artifact) -> str:
    free = any(isinstance(size, str) for each in artifact.facts["inputs"] for size in each["shape"][1:])
    return "operators that PyTorch ran" + (f", free axes at {SHORT_TEXT_TOKENS}" if free else "")


def _made_up(artifact: Artifact, rows: int) -> list[Any] | None:
    made = []
    for each in artifact.facts["inputs"]:
        shape = [rows if axis == 0 else size for axis, size in enumerate(each["shape"])]
        if any(isinstance(size, str) and size not in ("length",) and not size.startswith("free_") for size in shape):
            return None
        sizes = [SHORT_TEXT_TOKENS if isinstance(size, str) else size for size in shape]
        made.append(torch.ones(sizes, dtype=getattr(torch, each["dtype"])))
    return made
