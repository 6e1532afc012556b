"""The deployment inside the worker's process: load it, feed it fresh rows, time it, count its CPU time."""

from __future__ import annotations

import gc
import random
import statistics
import sys
import time
import zipfile
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from joulewise.compare.pacing import Loop, due_moments
from joulewise.measure.cputime import TreeClock

PREPARED_BYTES = 512 << 20
"""At most so much is held ready as batches: more rows than that come around again earlier."""
SPARE = 4
"""Room for latencies: so many times the calls that the last median lets expect."""


class LoadedModel:
    """A model that answers, its rows, and the batches that are ready."""

    def __init__(self, predictor: Any, told: Mapping[str, Any]) -> None:
        self.predictor = predictor
        self.path = Path(told["feeds"])
        self.seed = int(told.get("seed", 0))
        self._columns: Sequence[str] | None = told["deployment"]["facts"].get("columns")
        self.peak_bytes = _peak_bytes()
        self.held_bytes = 0
        self.last_s = 0.01
        self._features: dict[str, Any] | None = None
        self._rows = 0
        self._loops: dict[int, Loop] = {}
        self._below = TreeClock(count_root=False)

    @classmethod
    def open(cls, told: Mapping[str, Any]) -> tuple[LoadedModel, dict[str, Any]]:
        """Load the deployment and let it answer one row: the cold start."""
        for folder in told.get("sys_path", ()):
            if folder not in sys.path:
                sys.path.append(folder)
        begun = time.perf_counter_ns()
        predictor = opened(told["deployment"])
        load_s = (time.perf_counter_ns() - begun) / 1e9
        columns = told["deployment"]["facts"].get("columns")
        feeds = _feeds(first_rows(Path(told["feeds"])), columns, predictor.inputs, 1, _fixed(predictor) or 1)
        predictor.predict(feeds)
        answered_ns = time.monotonic_ns()
        loaded = cls(predictor, told)
        return loaded, {
            "load_s": load_s,
            "answered_ns": answered_ns,
            "memory_bytes_peak": loaded.peak_bytes,
            "inputs": [[one.name, one.dtype, list(one.shape)] for one in predictor.inputs],
            "outputs": [[one.name, one.dtype, list(one.shape)] for one in predictor.outputs],
        }

    def answer(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Do what is asked: prepare, block or predict."""
        arrays: dict[str, Any] = {}
        head: dict[str, Any] = {}
        if request["do"] == "block":
            head, arrays = self._block(request)
        elif request["do"] == "prepare":
            head = self._prepare(int(request["batch"]))
        elif request["do"] == "predict":
            arrays = self._predict(int(request["start"]), int(request["stop"]), int(request["batch"]))
        # the rows are the harness's; what the process had at its peak without them is the model's
        self.peak_bytes = max(self.peak_bytes, _peak_bytes() - self.held_bytes)
        return {**head, "memory_bytes_peak": self.peak_bytes}, arrays

    # --- rows ---

    def _all(self) -> dict[str, Any]:
        """All rows as the model takes them."""
        if self._features is None:
            import numpy as np

            with np.load(self.path, allow_pickle=False) as file:
                features = {name: file[name] for name in file.files if name != "y"}
            count = len(next(iter(features.values())))
            feeds = _feeds(features, self._columns, self.predictor.inputs, count)
            self._features, self._rows = feeds, count
            self.held_bytes += _bytes(feeds)
            del features
            gc.collect()
            _forget_peak()
        return self._features

    def _prepare(self, batch: int) -> dict[str, Any]:
        """Batches of rows in seeded order, each array ready to be fed; says what one call moves."""
        fixed = _fixed(self.predictor)
        if fixed is not None and fixed != batch:
            raise _refusal(fixed, batch)
        feeds = self._all()
        if batch not in self._loops:
            for loop in self._loops.values():
                self.held_bytes -= sum(_bytes(one) for one in loop.feeds)
            self._loops.clear()
            prepared = _batches(feeds, self._rows, batch, self.seed)
            self.held_bytes += sum(_bytes(one) for one in prepared)
            self._loops[batch] = Loop(self.predictor.predict, prepared)
        loop = self._loops[batch]
        outputs = self.predictor.predict(loop.feeds[0])
        return {
            "rows": self._rows,
            "batches": len(loop.feeds),
            "bytes_moved": _bytes(loop.feeds[0]) + _bytes(outputs),
        }

    def _block(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        batch = int(request["batch"])
        if batch not in self._loops:
            self._prepare(batch)
        loop = self._loops[batch]
        duration_s, calls, rate = float(request["duration_s"] or 0), request["calls"], request["rate_per_s"]
        due = due_moments(rate, duration_s, request["arrivals"], request["seed"]) if rate else []
        room = int(calls) if calls is not None else int(SPARE * duration_s / self.last_s) + 1000
        gc.collect()
        gc.freeze()  # what is loaded stays: its collection is no cost of the calls
        below_us = self._below.read_us()  # a model that works in processes of its own pays for them, too
        begun_cpu, begun = time.process_time_ns(), time.perf_counter_ns()
        latencies = loop.paced(due, duration_s) if rate else loop.saturated(room, duration_s or None)
        wall_ns, cpu_ns = time.perf_counter_ns() - begun, time.process_time_ns() - begun_cpu
        below_us = self._below.read_us() - below_us
        if latencies and not rate:
            self.last_s = max(statistics.median(latencies[-1000:]) / 1e9, 1e-7)
        head = {
            "calls": len(latencies),
            "rows": len(latencies) * batch,
            "wall_s": wall_ns / 1e9,
            "cpu_s": cpu_ns / 1e9 + below_us / 1e6,
            "unserved": len(due) - len(latencies) if rate else 0,
        }
        return head, {"latencies_ns": _as_numbers(latencies)}

    def _predict(self, start: int, stop: int, batch: int) -> dict[str, Any]:
        """Answers for rows [start, stop) in their own order."""
        import numpy as np

        feeds = self._all()
        batch = _fixed(self.predictor) or batch
        found: dict[str, list[Any]] = {}
        for first in range(start, stop, batch):
            last = min(first + batch, stop)
            part = _filled({name: rows[first:last] for name, rows in feeds.items()}, _fixed(self.predictor))
            for name, rows in self.predictor.predict(part).items():
                found.setdefault(name, []).append(np.array(rows)[: last - first])
        return {name: np.concatenate(parts) for name, parts in found.items()}


def opened(told: Mapping[str, Any]) -> Any:
    """The predictor of a deployment that came as JSON."""
    from joulewise.compare.opening import open_model
    from joulewise.core.runtimes import Artifact, RunOptions

    artifact = Artifact(path=Path(told["path"]), format=told["format"], facts=told["facts"])
    options = RunOptions(threads=told["threads"], spinning=told["spinning"], more=told["more"])
    return open_model(artifact, told["runtime"], options)


def first_rows(path: Path, count: int = 1) -> dict[str, Any]:
    """The first rows of each array of an uncompressed .npz, without reading the rest."""
    import numpy as np

    found = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            name = entry.removesuffix(".npy")
            with archive.open(entry) as file:
                version = np.lib.format.read_magic(file)
                header = (
                    np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                )
                shape, by_column, dtype = header(file)
                if by_column:
                    with np.load(path, allow_pickle=False) as whole:
                        found[name] = whole[name][:count]
                    continue
                rows = min(count, shape[0])
                row_bytes = dtype.itemsize
                for size in shape[1:]:
                    row_bytes *= size
                content = file.read(rows * row_bytes)
            found[name] = np.frombuffer(content, dtype=dtype).reshape(rows, *shape[1:])
    found.pop("y", None)
    return found


def _feeds(
    features: Mapping[str, Any], columns: Sequence[str] | None, inputs: Any, stop: int, batch: int | None = None
) -> dict[str, Any]:
    from joulewise.compare.row_columns import arranged
    from joulewise.compare.row_feeds import feeds_of

    chosen = arranged(features, columns)
    texts = {name: rows.astype(object) if rows.dtype.kind == "U" else rows for name, rows in chosen.items()}
    return _filled(feeds_of(texts, inputs, 0, stop), batch)


def _batches(feeds: Mapping[str, Any], rows: int, batch: int, seed: int) -> list[dict[str, Any]]:
    """Every row once, in seeded order, then from the start to fill the last batch; fewer if they would not fit."""
    import numpy as np

    order = list(range(rows))
    random.Random(seed).shuffle(order)
    count = -(-rows // batch)
    affordable = max(1, PREPARED_BYTES // max(1, batch * _bytes(feeds) // rows))
    found = []
    for index in range(min(count, affordable)):
        chosen = np.array([order[(index * batch + at) % rows] for at in range(batch)])
        found.append({name: np.ascontiguousarray(one[chosen]) for name, one in feeds.items()})
    return found


def _filled(feeds: dict[str, Any], batch: int | None) -> dict[str, Any]:
    """Rows up to a fixed batch, the last one again and again: its answers are dropped."""
    import numpy as np

    count = len(next(iter(feeds.values())))
    if batch is None or count >= batch:
        return feeds
    return {name: np.concatenate([rows, np.repeat(rows[-1:], batch - count, axis=0)]) for name, rows in feeds.items()}


def _fixed(predictor: Any) -> int | None:
    """The batch that the model insists on."""
    sizes = {
        one.shape[0] for one in predictor.inputs if one.shape and isinstance(one.shape[0], int) and one.shape[0] > 0
    }
    return sizes.pop() if len(sizes) == 1 else None


def _refusal(fixed: int, batch: int) -> Exception:
    from joulewise.core.errors import ModelError

    return ModelError(
        f"the model takes {fixed} rows a call, no more and no less: no batch of {batch}",
        hint="export it with a free first dimension (dynamic axes)",
    )


def _bytes(arrays: Any) -> int:
    values = arrays.values() if isinstance(arrays, Mapping) else arrays
    return sum(int(getattr(one, "nbytes", 0)) for one in values)


def _as_numbers(latencies: array[int]) -> Any:
    import numpy as np

    return np.frombuffer(latencies, dtype=np.int64) if len(latencies) else np.empty(0, np.int64)


def _peak_bytes() -> int:
    """The most memory that this process has held since the mark was last lowered."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def _forget_peak() -> None:
    """Lower the mark to what is held now, where the kernel lets us."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:  # then the rows' loading counts as the model's: too much rather than too little
        return
