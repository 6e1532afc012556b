"""The bound on what a model of energy can't see comes from published measurements, and from nowhere else."""

from __future__ import annotations

import csv
from itertools import combinations
from math import log
from pathlib import Path

import numpy as np
import pytest

from joulewise.compare.paired import MIX_LOG_RATIO


def test_the_mix_of_instructions_is_bounded_by_27_languages(reference_data: Path):
    with (reference_data / "published" / "pereira2017_languages.csv").open(encoding="utf-8") as file:
        powers = [log(float(row["energy_norm"]) / float(row["time_norm"])) for row in csv.DictReader(file)]
    apart = [abs(one - other) for one, other in combinations(powers, 2)]
    assert len(powers) == 27
    assert np.quantile(apart, 0.95) == pytest.approx(MIX_LOG_RATIO, abs=0.005)
