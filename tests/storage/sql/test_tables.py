from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, select

from torana.storage.sql.tables import METADATA, keys


def test_the_migrations_leave_these_tables(database):
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_names_come_back_as_they_were(database):
    row = {"digest": "d", "kind": "user", "owner": "anna", "name": "", "created": 0.0}
    for names in (("b", "é'\"", "a"), (), None):
        with database.begin() as connection:
            connection.execute(insert(keys), row | {"id": str(names), "digest": str(names), "models": names})
            assert connection.scalar(select(keys.c.models).where(keys.c.id == str(names))) == names
            unknown = connection.scalars(select(keys.c.id).where(keys.c.models.is_(None))).all()
            assert unknown == ([str(names)] if names is None else [])
