"""What killed attempts took is counted and told."""

from __future__ import annotations

import pytest

from joulewise.api.shrink_attempts import Attempts, attempts_of
from joulewise.core.settings import Settings
from joulewise.ledger import open as open_ledger
from joulewise.testing.ledgers import small_bundle
from joulewise.testing.variants import around


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Settings(ledger=f"sqlite:///{tmp_path}/ledger.db")


def test_energies_come_from_the_ledger_and_what_is_missing_is_said(settings):
    bundle = small_bundle(energy_j=50.0)
    with open_ledger(settings.ledger) as ledger:
        ledger.append(bundle)
    found = attempts_of([bundle.run.id, "01AN4Z07BY79KA1307SR9X4MV3"], settings)

    own = around(100.0, "J")
    known = found.energies[bundle.run.id]
    assert known is not None
    assert found.all_told(own).value == pytest.approx(100.0 + known.value)
    assert found.all_told(None) is None
    counted, unknown = found.notices()
    assert bundle.run.id in counted
    assert "01AN4Z07BY79KA1307SR9X4MV3" in unknown
    assert "not counted" in unknown


def test_without_earlier_attempts_nothing_is_said(settings):
    found = attempts_of([], settings)

    assert list(found.notices()) == []
    assert found.all_told(around(3.0, "J")).value == 3.0


def test_several_are_added():
    found = Attempts(energies={"A": around(1.0, "J"), "B": around(2.0, "J")})

    assert "2 earlier attempts were stopped" in next(found.notices())
    assert "of A, B" in next(found.notices())


def test_a_ledger_that_is_away_is_no_end(tmp_path, caplog):
    found = attempts_of(["A"], Settings(ledger=f"sqlite:///{tmp_path}/a/file/../../nothing/x.db?mode=ro"))

    assert found.energies == {"A": None}
