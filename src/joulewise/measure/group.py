"""Ranks of one job on a node: one of them reads the machine's meters, all of them count their own CPU time.

The reader is elected by flock on a file in shared memory; the kernel frees it when the reader dies, and another rank
takes over at its next tick. Ranks belong together if their launcher (torchrun, srun, mpirun) is the same process.
"""

from __future__ import annotations

import fcntl
import os
from zlib import crc32

from joulewise.core.ulid import is_ulid, new_ulid
from joulewise.measure.facts import boot_id, start_ticks
from joulewise.measure.meters.sysfs import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_LAUNCHERS = (
    ("torchrun", "TORCHELASTIC_RUN_ID", "LOCAL_WORLD_SIZE"),
    ("slurm", "SLURM_JOB_ID", "SLURM_NTASKS"),
    ("openmpi", "OMPI_MCA_ess_base_jobid", "OMPI_COMM_WORLD_SIZE"),
    ("mpi", "PMIX_NAMESPACE", "PMI_SIZE"),
)


def group_key(setting: str, environ: Mapping[str, str]) -> str:
    """What joins the ranks of one job over all its nodes; "" for a process on its own."""
    if setting:
        return setting
    for launcher, job, size in _LAUNCHERS:
        if environ.get(job) and environ.get(size, "1") != "1":
            step = environ.get("SLURM_STEP_ID", "") if launcher == "slurm" else environ.get("MASTER_PORT", "")
            return f"{launcher}:{environ[job]}:{step}"
    return ""


class Group:
    """The ranks of a job on this node, in session number `ordinal` of each.

    `folder` takes the journals of all of them, `run_id` is the same for all.
    """

    def __init__(
        self, key: str, ordinal: int, spool: str, lock_folder: str = "/dev/shm", setting: bool = False
    ) -> None:
        parent = os.getppid()
        launcher = "" if setting else f"{parent}:{start_ticks(parent)}"
        token = f"{key}|{launcher}|{ordinal}|{boot_id()}|{os.getuid()}".encode()
        self.key = key
        self.token = f"{crc32(token):08x}{crc32(token[::-1]):08x}"
        self.folder = os.path.join(spool, f"group-{self.token}")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.run_id = self._agree_on_run_id()
        place = lock_folder if os.access(lock_folder, os.W_OK) else self.folder
        self._lock_path = os.path.join(place, f"joulewise-{self.token}.lock")
        self._lock_fd: int | None = None

    @property
    def leads(self) -> bool:
        """True if this process reads the machine's meters."""
        return self._lock_fd is not None

    def try_to_lead(self) -> bool:
        """Take the lead if nobody has it. Never waits."""
        if self._lock_fd is None:
            try:
                fd = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:  # shared memory is full, or the file is not ours: nobody leads, and the run says so
                return False
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # another rank has it
                os.close(fd)
                return False
            self._lock_fd = fd
        return True

    def leave(self) -> None:
        """Give up the lead. The lock file stays: removing it would let two ranks hold locks on two files."""
        if self._lock_fd is not None:
            fd, self._lock_fd = self._lock_fd, None
            os.close(fd)

    def _agree_on_run_id(self) -> str:
        path = os.path.join(self.folder, "run_id")
        scratch = f"{path}.{os.getpid()}"
        with open(scratch, "w", encoding="ascii") as file:
            file.write(new_ulid())
        try:
            os.link(scratch, path)  # atomic, and refused if another rank was first
        except FileExistsError:
            agreed = text_of(path)
        else:
            agreed = text_of(scratch)
        finally:
            os.unlink(scratch)
        return agreed if is_ulid(agreed) else new_ulid()
