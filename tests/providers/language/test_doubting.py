from decimal import Decimal

import pytest

from torana.core.errors import InvalidRequest
from torana.dialects.ways import Consumption
from torana.providers.language.doubting import credible, discreet

KEY = "sk-operator-0123456789"


def test_what_can_be_true_is_believed() -> None:
    used = Consumption({"text_in": 3}, Decimal("0.0000125"), characters=4, seconds=Decimal("1.5"), units=2)
    assert credible(used) == used


@pytest.mark.parametrize("charged", ["NaN", "sNaN", "Infinity", "-1", "-1e300", "1e999999", "1000001"])
def test_a_charge_that_cannot_be_true_is_unknown(charged: str) -> None:
    assert credible(Consumption(charged=Decimal(charged))).charged is None


@pytest.mark.parametrize("charged", ["1e-999999", f"0.{'3' * 5000}"])
def test_a_charge_is_no_longer_than_money_is(charged: str) -> None:
    assert len(f"{credible(Consumption(charged=Decimal(charged))).charged:f}") <= 14


def test_counts_beyond_all_measure() -> None:
    used = credible(Consumption({"text_in": 10**400, "text_out": -5}, seconds=Decimal(-1), units=-3))
    assert used == Consumption({"text_in": 10**9}, units=0)
    assert credible(Consumption(seconds=Decimal("NaN"), units=10**30)) == Consumption(units=10**9)


def test_what_opens_the_door_is_not_repeated() -> None:
    error = InvalidRequest(f"No such key: {KEY}.", param=f"headers.{KEY}", code=KEY)
    error = discreet(error, KEY)  # type: ignore[assignment]  # the very same
    assert (error.message, error.param, error.code) == ("No such key: [hidden].", "headers.[hidden]", "invalid_value")
    assert discreet(InvalidRequest("Got 'Bearer eyJhbGciOi.J9.x-y_z'."), None).message == "Got 'Bearer [hidden]'."


def test_what_is_no_secret_stays() -> None:
    error = discreet(InvalidRequest("The key of bearer bonds is odd.", param="tools[0].key", code="a.b-c_D"), "key")
    assert (error.message, error.param, error.code) == (
        "The key of bearer bonds is odd.",
        "tools[0].key",
        "a.b-c_D",
    )


@pytest.mark.parametrize("code", ["two words", "line\nbreak", "x" * 65, ""])
def test_a_code_that_is_none(code: str) -> None:
    error = InvalidRequest("No.")
    error.code = code
    assert discreet(error, None).code == "invalid_value"
