"""What Alembic runs to migrate: over a connection, and in a transaction, of whoever asks it to."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
