"""Models made once for all the processes of one test run."""

from __future__ import annotations

import fcntl
import pickle
from pathlib import Path

from joulewise.testing.made import MadeModel, Maker


def made_once(name: str, maker: Maker, folder: Path) -> MadeModel:
    """What the maker makes in `folder`/`name`, by whichever process comes first; the others wait, then read it.

    `folder` belongs to one run of the tests. A maker that fails leaves nothing, and is tried again.
    """
    kept = folder / f"{name}.pickle"
    with open(folder / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            (folder / name).mkdir(exist_ok=True)
            kept.write_bytes(pickle.dumps(maker(folder / name)))
        model: MadeModel = pickle.loads(kept.read_bytes())
    return model
