"""The folder of one search: what was made there is taken over by the same search when it runs again."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from joulewise.compare import Rows
from joulewise.compare.digests import digest_of
from joulewise.core.errors import UsageError
from joulewise.core.runtimes import Artifact
from joulewise.shrink.dealing import Dealt

_LOCK = "lock"


@contextmanager
def workplace(root: Path, artifact: Artifact, dealt: Dealt, training: Rows | None, seed: int) -> Iterator[Path]:
    """A folder for the same model and task, calibration and training rows, and seed; locked, as two searches would
    tear it.

    The rows that calibrate are part of its name: a candidate that was calibrated on other rows could have seen those
    that judge now. Raises UsageError where another search works in it.
    """
    learnt = training.sha256 if training is not None else ""
    task = artifact.facts.get("task", "")
    words = f"{content_of(artifact)} {task} {dealt.calibration.sha256} {learnt} {seed}"
    folder = (root / hashlib.sha256(words.encode()).hexdigest()[:16]).resolve()
    lock = None
    while lock is None:  # it may have been cleared away between the making and the locking
        lock = _locked(folder)
        if lock is None:
            raise UsageError(f"another search for the same model works in {folder}", hint="wait for it, or end it")
        if not _is_at(lock, folder / _LOCK):
            lock.close()
            lock = None
    with lock:
        yield folder


def clear(folder: Path) -> None:
    """Remove the folder of a search that has ended, unless another one works in it by now."""
    lock = _locked(folder)
    if lock is not None:
        with lock:
            shutil.rmtree(folder, ignore_errors=True)


def _locked(folder: Path) -> IO[str] | None:
    """The lock file, held until it is closed; None while another search holds it. Raises UsageError for a place where
    no file can be written, or none be locked."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("w")
    except OSError as error:
        raise UsageError(
            f"what is made can't be kept in {folder}: {error.strerror}", hint="work in a folder that can be written to"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        if isinstance(error, BlockingIOError):
            return None
        raise UsageError(f"no file can be locked in {folder}: {error.strerror}", hint="work on a local disk") from error
    return lock


def _is_at(lock: IO[str], path: Path) -> bool:
    """Is the file that is locked still the one of that name?"""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    except OSError:
        return False


def content_of(artifact: Artifact) -> str:
    """Hash of the model; of one that Python code builds also of the numbers that it was trained to, wherever they lie.

    Raises ModelError if the code does not build it.
    """
    digest = digest_of(artifact)[0]
    if artifact.format != "torch-module":
        return digest
    import torch

    from joulewise.compare.facts.programs import build

    facts = artifact.facts
    whole = hashlib.sha256(digest.encode())
    for name, tensor in build(str(facts["factory"]), str(facts["import_from"]))["model"].state_dict().items():
        whole.update(name.encode())
        whole.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()
