"""What alembic runs around migrations: they work in the transaction that the store has opened."""

from alembic import context

from aliquot.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # The caller's transaction is the only one: all migrations together, or none.
    transactional_ddl=False,
    render_as_batch=True,
)
context.run_migrations()
