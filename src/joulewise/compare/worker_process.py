"""The process that runs one deployment: `python -m joulewise.compare.worker_process REPLY_FD LIFE_FD PARENT_PID`.

Requests come on standard input, replies go to REPLY_FD. What libraries print goes to standard error, be it meant for
standard output. The process ends with its parent: LIFE_FD is a pipe whose other end only the parent holds.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from joulewise.compare.worker_model import LoadedModel

_SIGKILL, _PR_SET_PDEATHSIG = 9, 1


def main(arguments: list[str]) -> None:
    """Answer requests until the pipe ends."""
    reply_fd, life_fd, parent_pid, by_signal = (int(argument) for argument in arguments)
    _end_with_parent(life_fd, parent_pid, by_signal=bool(by_signal))
    request_fd = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    for fd in (reply_fd, life_fd):
        os.set_inheritable(fd, False)

    from joulewise.compare.worker_frames import packed, read_blocking, write

    loaded: LoadedModel | None = None
    idle_from, idle_cpu_from = time.perf_counter_ns(), time.process_time_ns()
    while (request := read_blocking(request_fd)) is not None:
        idle = {
            "idle_wall_s": (time.perf_counter_ns() - idle_from) / 1e9,
            "idle_cpu_s": (time.process_time_ns() - idle_cpu_from) / 1e9,
        }
        arrays: dict[str, Any] = {}
        try:
            if loaded is None:
                from joulewise.compare.worker_model import LoadedModel

                loaded, head = LoadedModel.open(request[0])
            else:
                head, arrays = loaded.answer(request[0])
            frame = packed({**head, **idle}, arrays)
        except Exception as error:  # noqa: BLE001 - foreign code ran: whatever it raised is the answer, and logged
            frame = packed(_fault(error))
        write(reply_fd, frame)
        del frame, arrays, request
        idle_from, idle_cpu_from = time.perf_counter_ns(), time.process_time_ns()
    os._exit(0)  # some runtimes hang or crash in their own clean-up


def _fault(error: Exception) -> dict[str, Any]:
    import traceback

    traceback.print_exc()
    ours = getattr(error, "code", None) if hasattr(error, "hint") else None
    message = getattr(error, "message", None) if ours else f"{type(error).__name__}: {error}"
    return {"error": {"code": ours, "message": str(message)[:4000], "hint": str(getattr(error, "hint", "") or "")}}


def _end_with_parent(life_fd: int, parent_pid: int, *, by_signal: bool) -> None:
    """A thread waits for the end of the pipe. The kernel's signal helps where code holds Python's lock for long."""
    from _thread import start_new_thread

    def wait() -> None:
        os.read(life_fd, 1)
        os.killpg(0, _SIGKILL)

    start_new_thread(wait, ())
    if by_signal:  # it goes by the parent's thread, so only its main thread will do
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
