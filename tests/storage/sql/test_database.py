import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.storage.sql.servers import PASSWORD, postgresql
from torana.storage.sql.database import Database, DatabaseUnavailable, sqlite_url


def asked(database, statement):
    with database.begin() as connection:
        return connection.scalar(text(statement))


@pytest.mark.parametrize(
    "url",
    [
        "mysql://anna:sesame@host/db",
        "anna:sesame@host/db",
        "postgresql://anna:sesame@host:port/db",
        "sqlite://",
        "sqlite:///:memory:",
        "",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url):
    with pytest.raises(ValueError, match=r"^The database's URL") as refused:
        Database(url)
    assert "sesame" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_file_lies_in_the_data(tmp_path, opened):
    database = opened(sqlite_url(tmp_path))
    assert asked(database, "SELECT 1") == 1
    assert database.dialect == "sqlite"
    # A database that was being made leaves nothing behind.
    assert {path.name.removesuffix("-wal").removesuffix("-shm") for path in tmp_path.iterdir()} == {"torana.db"}


def test_a_file_is_its_owners_alone(tmp_path, opened):
    database = opened(sqlite_url(tmp_path))
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"torana.db": 0o600, "torana.db-wal": 0o600, "torana.db-shm": 0o600}


def test_a_file_is_set_up(tmp_path, opened):
    with closing(sqlite3.connect(tmp_path / "torana.db")) as restored:
        restored.execute("CREATE TABLE t (n INTEGER)")
    database = opened(sqlite_url(tmp_path), timeout=1.5)
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    assert [asked(database, f"PRAGMA {name}") for name in pragmas] == ["wal", 2, 1, 1500]


def test_a_transaction_is_done_wholly_or_not_at_all(database):
    def fail():
        with database.begin() as connection:
            connection.execute(text("CREATE TABLE t (n INTEGER)"))
            connection.execute(text("INSERT INTO t VALUES (1)"))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO t VALUES (7)"))
    assert asked(database, "SELECT n FROM t") == 7


def test_what_is_asked_wrongly_shows(database):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO t VALUES (7)"))
    with pytest.raises(IntegrityError):
        asked(database, "INSERT INTO t VALUES (7)")
    for statement in ("SELECT * FROM nothing", "SELECT FROM WHERE"):
        with pytest.raises(DBAPIError):
            asked(database, statement)


def test_who_reads_waits_for_nobody_and_sees_one_moment(database, opened, url):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
    other = opened(url, timeout=0.1)
    with database.begin() as writing:
        writing.execute(text("INSERT INTO t VALUES (1)"))
        with other.reading() as connection:
            assert connection.scalar(text("SELECT count(*) FROM t")) == 0
    with other.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM t")) == 1
        asked(database, "INSERT INTO t VALUES (2) RETURNING n")
        assert connection.scalar(text("SELECT count(*) FROM t")) == 1


def test_writers_wait_for_each_other(database):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (0)"))

    def count_on(_):
        with database.begin() as connection:
            # Both read before they write: on SQLite the second could not, had it not waited.
            update = "" if database.dialect == "sqlite" else " FOR UPDATE"
            found = connection.scalar(text(f"SELECT n FROM t{update}"))
            connection.execute(text(f"UPDATE t SET n = {found} + 1"))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count_on, range(24)))
    assert asked(database, "SELECT n FROM t") == 24


def test_nobody_waits_for_long(database, url, opened):
    hasty = opened(url, timeout=0.1)
    with database.begin() as connection:
        connection.execute(text("INSERT INTO teams VALUES ('web', '', 0)"))
        with pytest.raises(DatabaseUnavailable, match=r"not available: .*(locked|timeout)"):
            asked(hasty, "INSERT INTO teams VALUES ('web', '', 0)")


def test_connections_are_counted(url, opened):
    database = opened(url, connections=1, timeout=0.05)
    with database.reading(), pytest.raises(DatabaseUnavailable, match="every connection was in use"):
        asked(database, "SELECT 1")
    assert asked(database, "SELECT 1") == 1


def test_a_place_that_is_not_there_is_told(tmp_path, opened):
    with pytest.raises(DatabaseUnavailable, match=r"cannot be made: .*No such file"):
        asked(opened(sqlite_url(tmp_path / "nowhere")), "SELECT 1")


def test_a_file_that_is_no_database_is_told(tmp_path, opened):
    (tmp_path / "torana.db").write_bytes(b"something else altogether" * 100)
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        asked(opened(sqlite_url(tmp_path)), "SELECT 1")


def test_what_the_driver_says_in_several_lines_is_told_in_one(opened):
    with pytest.raises(DatabaseUnavailable) as told:
        asked(opened("postgresql://postgres@127.0.0.1:1/postgres", timeout=2), "SELECT 1")
    assert "refused; Is the server running" in str(told.value)
    assert str(told.value).isprintable()


def test_a_server_is_asked_as_its_url_says(server, opened):
    database = opened(server.url(), timeout=2)
    assert asked(database, "SHOW application_name") == "torana"
    assert asked(database, "SHOW statement_timeout") == "2s"
    query = "application_name=mine&options=-c%20statement_timeout%3D5s%20-c%20work_mem%3D2MB"
    theirs = opened(f"{server.url()}?{query}", timeout=2)
    assert [asked(theirs, f"SHOW {name}") for name in ("application_name", "statement_timeout", "work_mem")] == [
        "mine",
        "5s",
        "2MB",
    ]
    with pytest.raises(DatabaseUnavailable, match="does not support SSL"):
        asked(opened(f"{server.url()}?sslmode=require"), "SELECT 1")


def test_a_password_is_never_told(server, opened):
    wrong = opened(server.url().replace("sesame", "open"))
    gone = opened("postgresql://anna:sesame%26open@127.0.0.1:1/db?password=sesame%26open")
    for database in (wrong, gone):
        with pytest.raises(DatabaseUnavailable, match=r"^The database \(postgresql 127\.0\.0\.1:") as refused:
            asked(database, "SELECT 1")
        told = f"{refused.value} {refused.value.__cause__} {database!r}"
        assert not any(secret in told for secret in (PASSWORD, PASSWORD.replace("&", "%26"), "open&open"))


def test_rights_that_are_missing_are_told(server, opened):
    with opened(server.url()).begin() as connection:
        connection.execute(text("CREATE ROLE reader LOGIN PASSWORD 'sesame'"))
    reader = opened(server.url().replace("postgres:sesame%26open", "reader:sesame"))
    with pytest.raises(DatabaseUnavailable, match="permission denied for schema public"):
        asked(reader, "CREATE TABLE t (n INTEGER)")


def test_a_session_ends_with_its_connection(server, opened):
    database = opened(server.url(), connections=1)
    with database.session() as connection:
        connection.execute(text("SELECT pg_advisory_lock(7)"))
        own = connection.scalar(text("SELECT pg_backend_pid()"))
        assert asked(opened(server.url()), "SELECT pg_try_advisory_lock(7)") is False
    assert asked(database, "SELECT pg_backend_pid()") != own


def test_a_server_that_was_gone_is_found_again():
    with postgresql() as server, closing(Database(server.url(), timeout=5)) as database:
        assert asked(database, "SELECT 1") == 1
        server.restart("immediate")
        assert asked(database, "SELECT 1") == 1
        with database.begin() as connection:
            server.stop("immediate")
            with pytest.raises(DatabaseUnavailable):
                asked(database, "SELECT 1")
            del connection


@pytest.mark.parametrize("name", ["data", "50% of?all #data"])
def test_the_file_may_lie_anywhere(tmp_path, monkeypatch, opened, name):
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    url = sqlite_url(Path(name))
    monkeypatch.chdir("/")
    assert asked(opened(url), "SELECT 1") == 1
    assert (tmp_path / name / "torana.db").exists()
