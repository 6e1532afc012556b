"""Four ranks on one node, as torchrun starts them: the node's energy is read once, every rank's CPU time counts.

`python examples/05_ranks.py` starts the ranks itself; under torchrun or srun only the lower half is needed.
"""

from __future__ import annotations

import os
import subprocess
import sys

import joulewise

RANKS = 4

if "RANK" not in os.environ:  # what the launcher does
    launch = {**os.environ, "WORLD_SIZE": str(RANKS), "JOULEWISE_GROUP": f"example-{os.getpid()}"}
    ranks = [
        subprocess.Popen([sys.executable, __file__], env={**launch, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(RANKS)
    ]
    sys.exit(max(rank.wait() for rank in ranks))

with joulewise.measure("ranks", unit="sample") as session:  # the same lines in every rank
    with session.phase("train"):
        loss = sum(1 / (index + 1) for index in range(1_000_000))
    session.count("sample", 1_000_000)
print(f"rank {os.environ['RANK']}: part of run {session.run_id}")
