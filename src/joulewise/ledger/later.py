"""A run together with all that was filed about it afterwards."""

from __future__ import annotations

import sqlalchemy as sa

from joulewise.core.records import Bundle
from joulewise.ledger.document import Later
from joulewise.ledger.plan_store import read_decisions
from joulewise.ledger.reading import factors_named, read_as_filed, read_factors
from joulewise.ledger.variant_store import read_comparison


def read_part(connection: sa.Connection, run_id: str) -> tuple[Bundle, Later]:
    """The run exactly as it was filed first, and what came later, superseded rows included. Raises NotFound."""
    bundle, calculations = read_as_filed(connection, run_id)
    compared = read_comparison(connection, run_id)
    return bundle, Later(
        calculations=calculations,
        factors=read_factors(connection, factors_named(calculations)),
        decisions=read_decisions(connection, run_id, include_superseded=True),
        comparison=compared if compared.variants or compared.savings else None,
    )
