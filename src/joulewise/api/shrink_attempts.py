"""What earlier attempts at a search took: they were killed, yet what they made is used, so their energy counts."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from joulewise.api import filing
from joulewise.core.errors import JoulewiseError
from joulewise.core.figures import Figure, total
from joulewise.core.records import Bundle
from joulewise.core.settings import Settings
from joulewise.report.energy_rows import find_energy
from joulewise.report.measures import with_interval

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """The runs of earlier attempts, and what each took, J; None where nobody knows."""

    energies: dict[str, Figure | None]

    def all_told(self, own: Figure | None) -> Figure | None:
        """The search's energy with that of earlier attempts, as far as it is known; None where its own is not."""
        known = [one for one in self.energies.values() if one is not None]
        return total([own, *known]) if own is not None else None

    def notices(self) -> Iterator[str]:
        """What was counted, what could not be."""
        known = [one for one in self.energies.values() if one is not None]
        if known:
            runs = ", ".join(id for id, one in self.energies.items() if one is not None)
            what = "an earlier attempt was" if len(known) == 1 else f"{len(known)} earlier attempts were"
            yield f"{what} stopped; the energy of the search counts {with_interval(total(known))} of {runs}"
        unknown = [id for id, one in self.energies.items() if one is None]
        if unknown:
            yield f"the energy of earlier attempts is not known, and not counted: {', '.join(unknown)}"


def attempts_of(runs: Sequence[str], settings: Settings) -> Attempts:
    """Look them up in the ledger, once what dead processes left is taken in."""
    if not runs:
        return Attempts(energies={})
    try:
        with filing.current(settings) as ledger:
            return Attempts(energies={one: _energy(filing.filed(ledger, one)) for one in runs})
    except JoulewiseError as error:
        _log.warning("the energy of earlier attempts could not be read: %s", error.message)
        return Attempts(energies=dict.fromkeys(runs))


def _energy(bundle: Bundle | None) -> Figure | None:
    found = find_energy(bundle, "with_idle_share") if bundle is not None else None
    return found.figure if found is not None else None
