"""The process that runs one deployment, below a guard (joulewise.compare.guard): its one argument is REPLY_FD.

Requests come on standard input, replies go to REPLY_FD. What libraries print goes to standard error, be it meant for
standard output.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from joulewise.compare.worker_model import LoadedModel


def main(arguments: list[str]) -> None:
    """Answer requests until the pipe ends."""
    reply_fd = int(arguments[0])
    request_fd = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    os.set_inheritable(reply_fd, False)

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
