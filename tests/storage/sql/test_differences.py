import pytest
from sqlalchemy import Double, cast, literal, select, true
from sqlalchemy.exc import DBAPIError, OperationalError

from torana.storage.sql import differences
from torana.storage.sql.tables import alerts, offices


def test_an_insert_that_meets_its_like_does_nothing(database):
    office = {"id": "a", "seen": 1.0, "generation": 1}
    with database.begin() as connection:
        statement = differences.insert(connection, offices).on_conflict_do_nothing().returning(offices.c.id)
        assert [connection.execute(statement, office).all() for _ in range(2)] == [[("a",)], []]


def test_many_rows_are_inserted_in_one_go(database):
    rows = [{"id": f"ü {n}", "seen": n / 3, "generation": 2**62 + n} for n in range(3)]
    with database.begin() as connection:
        statement = differences.insert(connection, offices).on_conflict_do_nothing()
        for given, written in ((rows[:2], ["ü 0", "ü 1"]), (rows, ["ü 2"])):
            found = differences.write(connection, statement, given, returning=[offices.c.id])
            assert sorted(found.scalars()) == written
        kept = connection.execute(select(offices).order_by(offices.c.id)).mappings().all()
    assert [dict(each) for each in kept] == rows


def test_rows_that_are_there_are_not_counted_among_those_added(database):
    with database.begin() as connection:
        if not differences.takes_many(connection):
            pytest.skip("PostgreSQL says which were new in one go")
        added = [
            differences.add_unknown(connection, offices, rows)
            for rows in ([("a", 1.0, 1), ("b", 1.0, 1)], [("b", 2.0, 2), ("c", 2.0, 2)], [("a", 3.0, 3)])
        ]
        kept = connection.execute(select(offices).order_by(offices.c.id)).all()
    assert added == [2, 1, 0]
    assert [tuple(each) for each in kept] == [("a", 1.0, 1), ("b", 1.0, 1), ("c", 2.0, 2)]


def test_json_is_looked_into(database):
    document = {'a "quoted" key': "1", "$.b": "ü", "c": "3"}
    noted = {"budget": "b", "share": "", "period": "ever", "threshold": 1.0, "at": 0.0, "tries": 0, "next_try": 0.0}
    with database.begin() as connection:
        connection.execute(alerts.insert(), {**noted, "document": document})
        pairs = differences.members(connection, alerts.c.document)
        found = connection.execute(select(pairs.c.key, pairs.c.value).select_from(alerts.join(pairs, true())))
        assert dict(found.all()) == document
        connection.execute(alerts.update().values(document=["x", 'y"', "ü"]))
        names = differences.elements(connection, alerts.c.document)
        assert list(connection.scalars(select(names.c.value).select_from(alerts.join(names, true())))) == [
            "x",
            'y"',
            "ü",
        ]


def test_days_begin_at_midnight(database):
    expected = {0.0: 0, 86399.9999: 0, 86400.0: 1, 1_800_000_000.0: 20833}
    with database.reading() as connection:
        for moment, day in expected.items():
            assert connection.scalar(select(differences.day(connection, cast(literal(moment), Double)))) == day


def test_only_transactions_in_each_others_way_clash():
    class Refused(Exception):
        def __init__(self, sqlstate):
            self.sqlstate = sqlstate

    def error(state) -> DBAPIError:
        return OperationalError("x", None, Refused(state))

    assert [differences.clashed(error(state)) for state in ("40001", "40P01", "57014")] == [True, True, False]
    assert not differences.clashed(None)
    assert not differences.clashed(OperationalError("x", None, Exception("database is locked")))
