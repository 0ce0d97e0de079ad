import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

ENTRY = "(id, at, actor, origin, action, kind, name) VALUES (1, 2.0, 'a', 'o', 'create', 'team', 'web')"
ATTEMPTS = {
    "sqlite": ("UPDATE audit SET actor = 'x'", "DELETE FROM audit", f"INSERT OR REPLACE INTO audit {ENTRY}"),
    "postgresql": (
        "UPDATE audit SET actor = 'x'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        f"INSERT INTO audit {ENTRY} ON CONFLICT (id) DO UPDATE SET actor = 'x'",
    ),
}


def test_the_first_row_is_there(database):
    with database.reading() as connection:
        assert connection.execute(text("SELECT one, number, generation FROM revision")).all() == [(1, 0, 0)]


def test_nobody_changes_the_log(database):
    with database.begin() as connection:
        connection.execute(text(f"INSERT INTO audit {ENTRY}"))
    for attempt in ATTEMPTS[database.dialect]:
        with pytest.raises(DBAPIError, match="audit is append-only"), database.begin() as connection:
            connection.execute(text(attempt))
    with database.reading() as connection:
        assert connection.execute(text("SELECT id, actor FROM audit")).all() == [(1, "a")]
