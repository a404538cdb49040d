"""Alembic runs the migrations on the connection that the store hands it."""

from alembic import context

from services.broker.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table="schema_version"
)
with context.begin_transaction():
    context.run_migrations()
