"""Idle power, learned from quiet moments and kept for the machine: a later run can tell idle from dynamic joules.

File: <state>/idle.tsv, a line a channel: host, channel key, watts. Written by the command that takes journals in,
read by the measured process. Source: the 5th percentile of power while less than 5 % of the CPUs' time was busy.
"""

from __future__ import annotations

import itertools
import os

from joulewise.core.channels import ENERGY, POWER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from joulewise.measure.fold import Folded

QUIET = 0.05
LEAST_INTERVALS = 5
SOURCE = "learned on this machine: 5th percentile of power below 5 % load"


def path_in(state_folder: str) -> str:
    """Where the learned powers lie."""
    return os.path.join(state_folder, "idle.tsv")


def known(path: str, host: str) -> dict[str, float]:
    """Learned idle power in W by channel key; {} where nothing was learned or the file is broken."""
    powers: dict[str, float] = {}
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError):  # nothing learned that could be read: the fold then widens its bounds
        return powers
    for line in lines:
        fields = line.split("\t")
        try:
            if len(fields) == 3 and fields[0] == host and 0 <= float(fields[2]) < 1e5:
                powers[fields[1]] = float(fields[2])
        except ValueError:  # a broken line teaches nothing
            continue
    return powers


def learn(path: str, host: str, folded: Folded) -> dict[str, float]:
    """Add what this run saw of the machine at rest; the lower of the known and the new power stays."""
    powers = {**known(path, host)}
    seen = quiet_powers(folded)
    for key, watts in seen.items():
        powers[key] = min(watts, powers.get(key, watts))
    if seen:
        scratch = f"{path}.{os.getpid()}"
        others = [line for line in _lines(path) if not line.startswith(f"{host}\t")]
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(scratch, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in others)
            file.writelines(f"{host}\t{key}\t{watts!r}\n" for key, watts in sorted(powers.items()))
        os.replace(scratch, path)
    return seen


def quiet_powers(folded: Folded) -> dict[str, float]:
    """W by channel key, for counters that were read through enough quiet seconds."""
    cpus = float(folded.main.header["cpus"] or 1)
    found: dict[str, float] = {}
    for energy in folded.energies:
        if energy.channel.quantity not in (ENERGY, POWER) or energy.channel.component == "gpu":
            continue
        points = energy.curves["machine"].points
        powers = []
        for (start_us, before), (end_us, after) in itertools.pairwise(points):
            duration_s = (end_us - start_us) / 1e6
            covered_s = energy.part("covered_s", start_us, end_us)
            load = folded.busy.between(start_us, end_us) / 1e6 / (duration_s * cpus) if duration_s > 0 else 1.0
            if duration_s >= 0.9 and covered_s > 0.99 * duration_s and load < QUIET:
                powers.append((after - before) / duration_s)
        if len(powers) >= LEAST_INTERVALS:
            found[energy.channel.key] = sorted(powers)[len(powers) // 20]
    return found


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except (OSError, UnicodeDecodeError):  # absent or broken: made anew
        return []
