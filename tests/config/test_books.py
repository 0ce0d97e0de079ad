from decimal import Decimal

import pytest

from torana.config.books import Budget
from torana.config.load import ConfigError, from_document, load_text


def budget(rest: str) -> Budget:
    return load_text(f"budgets: [{{name: a, {rest}}}]").settings.budgets[0]


@pytest.mark.parametrize(("written", "exact"), [('"0.10"', "0.10"), ("0.1", "0.1"), ("500", "500"), ("0", "0")])
def test_money_is_what_is_written(written, exact):
    assert budget(f"limit: {written}").limit == Decimal(exact)


@pytest.mark.parametrize("written", ["-1", "9000001", '"NaN"', '"Infinity"', '"1e-999999999"', "lots", "null"])
def test_money_that_is_none(written):
    with pytest.raises(ConfigError, match=r"budgets\[0\]"):
        budget(f"limit: {written}")


def test_who_says_nothing_gets_the_careful_choice():
    usual = budget("limit: 5")
    assert (usual.every, usual.mode, usual.unknown, usual.unavailable) == ("month", "hard", "refuse", "closed")
    assert usual.alerts == (0.75, 0.9, 1.0)


@pytest.mark.parametrize("rest", ["every: fortnight", "mode: harsh", "alerts: [0]", "alerts: [11]", "alerts: 1"])
def test_mistakes_are_told(rest):
    with pytest.raises(ConfigError, match=r"budgets\[0\]\.(every|mode|alerts)"):
        budget(f"limit: 5, {rest}")


def test_the_same_from_a_document():
    assert from_document({"name": "a", "limit": "5.5", "every": "week"}, Budget) == budget("limit: 5.5, every: week")


def test_the_ledger_the_database_and_the_admin_api_have_bounds():
    settings = load_text("ledger: {keep: 30d, sync: 0}\ndatabase: {timeout: 3s}\nadmin: {port: 9}").settings
    told = [float(each) for each in (settings.ledger.keep, settings.ledger.sync, settings.database.timeout)]
    assert told == [30 * 86400, 0, 3]
    with pytest.raises(ConfigError, match=r"database\.timeout"):
        load_text("database: {timeout: 0}")
    with pytest.raises(ConfigError, match=r"admin\.port"):
        load_text("admin: {port: 70000}")


def test_a_journal_has_room_for_an_outage():
    assert load_text("ledger: {journal_max: 1MiB}").settings.ledger.journal_max == 1024**2
    with pytest.raises(ConfigError, match="`journal_max` is 1MiB or more"):
        load_text("ledger: {journal_max: 1000KiB}")
