"""Triggers that refuse every change and removal of a row, whoever tries it. Frozen: migrations use it."""

from __future__ import annotations

_MESSAGE = "the ledger is append-only"
POSTGRESQL_FUNCTION = f"""
CREATE OR REPLACE FUNCTION joulewise_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{_MESSAGE}'; END $$
"""


def trigger_names(dialect: str, table: str) -> list[str]:
    """The names of the triggers of a table."""
    last = "truncate" if dialect == "postgresql" else "replace"
    return [f"{table}_no_{action}" for action in ("update", "delete", last)]


def trigger_statements(dialect: str, table: str, keys: tuple[str, ...]) -> list[str]:
    """The statements that make the triggers of a table with that primary key."""
    if dialect == "postgresql":
        return [
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
            f"FOR EACH {scope} EXECUTE FUNCTION joulewise_append_only()"
            for action, scope in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT"))
        ]
    same = " AND ".join(f"{key} = NEW.{key}" for key in keys)
    taken = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
    # INSERT OR REPLACE removes a row without waking the trigger on DELETE
    actions = (("update", "UPDATE", ""), ("delete", "DELETE", ""), ("replace", "INSERT", taken))
    return [
        f"CREATE TRIGGER {table}_no_{name} BEFORE {action} ON {table} {when}"
        f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        for name, action, when in actions
    ]
