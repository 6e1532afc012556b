"""The four Ms: what changes is split, what does not is left out, what makes no sense is refused."""

from __future__ import annotations

import pytest

from joulewise.compare.four_ms import Changes, Situation, what_if
from joulewise.compare.metric_formulas import part_of_change
from joulewise.core.errors import OutOfRange, UndefinedFigure, UsageError
from joulewise.core.figures import MODELLED, Figure, exact

TODAY = Situation(energy=exact(3.6e9, "J"), pue=exact(1.5, "1"), intensity=exact(400.0, "g/kWh"))


def test_one_change_is_the_whole_change():
    found = what_if(TODAY, Changes(intensity=exact(100.0, "g/kWh")))
    (part,) = found.parts

    assert (part.name, part.factor.value) == ("map", 0.25)
    assert found.quantity == "emissions_g"
    assert found.before.value == pytest.approx(1_000 * 1.5 * 400)
    assert part.change.value == pytest.approx(-0.75 * found.before.value)


def test_equal_factors_have_equal_parts_whatever_comes_first():
    found = what_if(TODAY, Changes(model=exact(0.5, "1"), machine=exact(0.5, "1")))

    assert [part.name for part in found.parts] == ["model", "machine"]
    assert found.parts[0].change.value == pytest.approx(found.parts[1].change.value)


def test_without_an_intensity_it_is_energy():
    found = what_if(Situation(energy=TODAY.energy, pue=TODAY.pue), Changes(pue=exact(1.2, "1")))

    assert found.quantity == "energy_j"
    assert found.after.value == pytest.approx(3.6e9 * 1.2)


def test_doubt_of_a_change_is_in_its_part_and_not_in_the_others():
    unsure = Figure(value=0.5, low=0.3, high=0.8, unit="1", method=MODELLED)
    found = what_if(TODAY, Changes(model=unsure, pue=exact(1.2, "1")))
    model, building = found.parts

    assert model.change.high - model.change.low > building.change.high - building.change.low > 0
    assert found.after.low < found.after.value < found.after.high


def test_a_factor_of_one_has_no_part():
    (part,) = what_if(TODAY, Changes(model=exact(1.0, "1"))).parts

    assert part.change.value == 0


def test_what_is_beyond_best_practice_is_told():
    found = what_if(TODAY, Changes(model=exact(0.01, "1")))

    assert "beyond the 10 times" in found.notices[0]


@pytest.mark.parametrize(
    ("base", "changes", "why"),
    [
        (TODAY, Changes(), "nothing changes"),
        (Situation(energy=TODAY.energy, pue=TODAY.pue), Changes(intensity=exact(1, "g/kWh")), "not known"),
        (TODAY, Changes(pue=exact(0.9, "1")), "pue >= 1"),
        (TODAY, Changes(model=exact(0.0, "1")), "above 0"),
        (Situation(energy=TODAY.energy, pue=TODAY.pue, intensity=exact(0.0, "g/kWh")),
         Changes(intensity=exact(1.0, "g/kWh")), "above 0"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(base, changes, why):
    with pytest.raises((UsageError, OutOfRange), match=why):
        what_if(base, changes)


def test_the_part_of_a_vanishing_factor_is_refused():
    with pytest.raises(UndefinedFigure):
        part_of_change(baseline_amount=1.0, own_factor=0.0, other_factor=1.0)


def test_near_one_the_logarithmic_mean_is_steady():
    for spread in (1e-3, 1e-5, 1e-7, 1e-9):
        whole = part_of_change(baseline_amount=1.0, own_factor=1 + spread, other_factor=1.0)
        assert whole == pytest.approx(spread, rel=1e-3)
