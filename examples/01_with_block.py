"""Measure a block: `python examples/01_with_block.py`."""

from __future__ import annotations

import joulewise
from joulewise.core.units import readable

with joulewise.measure("primes", unit="prime") as session:
    with session.phase("sieve"):
        sieve = bytearray([1]) * 2_000_000
        for number in range(2, 1_415):
            if sieve[number]:
                sieve[number * number :: number] = bytes(len(sieve[number * number :: number]))
    with session.phase("count"):
        session.count("prime", sum(sieve[2:]))

energy_j = session.result.energy_j
if energy_j is None:  # absent is never zero
    print("Nothing could be measured here: joulewise doctor says why.")
else:
    energy, unit = readable(energy_j, "J")
    print(f"{sum(sieve[2:]):,} primes in {session.result.duration_s:.2f} s took {energy:.3g} {unit}")
