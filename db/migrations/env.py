"""Run by Alembic; the connection, already inside a transaction, comes from :mod:`db.migrate`."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from db.models import METADATA

connection = context.config.attributes["connection"]
assert isinstance(connection, Connection), "migrations run by `burrow migrate`"
context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
