import pytest
from alembic import command
from sqlalchemy import inspect

from torana.storage.sql.schema import _config


def test_a_migration_is_part_of_the_transaction_that_asks_for_it(empty_url, opened):
    database = opened(empty_url)

    def fail():
        with database.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            assert "ledger" in inspect(connection).get_table_names()
            raise RuntimeError("at the end")

    with pytest.raises(RuntimeError, match="at the end"):
        fail()
    with database.begin() as connection:
        assert inspect(connection).get_table_names() == []
