"""A calibrated machine's runs show what they drew at the plug."""

import json
from dataclasses import asdict

import pytest

from joulewise.core.channels import ENERGY, Channel
from joulewise.measure.calibrate import fit
from joulewise.measure.reading import parse
from joulewise.measure.result import result_from
from joulewise.testing.journals import JournalBuilder

RAPL = Channel(
    key="rapl:0", component="cpu", device="cpu:0", quantity=ENERGY, scale=1e-6, method="measured", source="test"
)


@pytest.fixture
def calibration():
    counters_w = [10.0 + 5 * (step % 9) for step in range(40)]
    return fit(counters_w, [1.2 * power_w + 45 + 0.1 * (step % 3) for step, power_w in enumerate(counters_w)])


def wall_of(calibration, **channel):
    built = JournalBuilder([RAPL], calibration=calibration).tick(0, 0, 0, [0]).tick(100, 50, 100, [3_000_000_000])
    bundle = result_from([parse(built.end().content())]).bundle
    return bundle, [one for one in bundle.measurements if one.component == "wall"]


def test_the_energy_at_the_wall_stands_beside_the_counters(calibration):
    bundle, [wall] = wall_of(json.dumps(asdict(calibration)))
    assert wall.figure.value == pytest.approx(1.2 * 3000 + 45 * 100, rel=0.01)
    assert wall.figure.low < wall.figure.value < wall.figure.high
    assert (wall.boundary, wall.attribution, wall.figure.method) == ("node", "machine", "modelled")
    total = next(one for one in bundle.measurements if one.component == "total" and one.attribution == "machine")
    assert total.figure.value == pytest.approx(3000), "shown beside it, never added"


def test_a_machine_that_was_not_calibrated_has_no_such_figure():
    assert wall_of("")[1] == []


def test_a_broken_calibration_is_a_warning():
    bundle, wall = wall_of("{broken")
    assert wall == []
    assert any("calibration can't be used" in warning for warning in bundle.run.warnings)
