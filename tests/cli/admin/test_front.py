from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.admin.kit import database_in, house, served
from tests.cli.admin.kit import done, failed, told
from torana.config.model import Settings
from torana.storage.sql.schema import prepare


@pytest.fixture
def url(here: Path) -> Iterator[str]:
    """A gateway elsewhere, whose API takes a key for a role."""
    here.joinpath("elsewhere").mkdir()
    with closing(database_in(here / "elsewhere")) as database:
        prepare(database)
        with served(house(database, Settings()).admin) as url:
            yield url


def test_the_same_commands_elsewhere(url: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORANA_KEY", "operator")
    done("teams", "set", "design", "--url", url)
    monkeypatch.setenv("TORANA_URL", url)
    assert [team["name"] for team in told("teams", "list")] == ["design"]
    (change,) = told("audit")
    assert (change["actor"], change["origin"]) == ("user:Bearer", "127.0.0.1")
    assert done("ledger", "--csv").startswith("id,request_id,")
    assert not here.joinpath("torana-data").exists()


def test_what_is_refused_elsewhere(url: str) -> None:
    refused = failed("teams", "set", "design", "--url", url, TORANA_KEY="auditor")
    assert refused == (1, "Your role, auditor, may look and not change.")
    assert failed("teams", "show", "none", "--url", url, TORANA_KEY="auditor") == (2, "There is no team 'none'.")


def test_without_a_key() -> None:
    code, says = failed("teams", "list", "--url", "http://127.0.0.1:1")
    assert (code, "environment variable TORANA_KEY" in says) == (2, True)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("words", [("users", "set", "a\udcffb"), ("teams", "set", "a", "--description", "\udcff")])
def test_bytes_that_are_no_text(words: tuple[str, ...]) -> None:
    assert failed(*words) == (2, "What was given is not UTF-8 text.")


def test_nobody_there() -> None:
    code, says = failed("teams", "list", "--url", "http://127.0.0.1:1", TORANA_KEY="operator")
    assert (code, says) == (1, "http://127.0.0.1:1 could not be reached.")
    code, says = failed("teams", "list", "--url", "here")
    assert (code, "'here' is not a URL such as https://gateway.example." in says) == (2, True)


def test_all_of_a_list_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torana.cli.admin.front._AT_ONCE", "2")
    for name in "abcde":
        done("teams", "set", name)
    assert [team["name"] for team in told("teams", "list")] == [*"abcde"]


def test_a_configuration_without_a_database(here: Path) -> None:
    here.joinpath("gateway.yaml").write_text(
        "auth: {issuers: [{issuer: a, audience: b, algorithms: [HS256], secret: {env: CLI_SECRET}}]}\n"
        "providers: {echo: {type: echo}}\ndatabase: {enabled: false}\n"
    )
    code, says = failed("teams", "list", "-c", "gateway.yaml")
    assert (code, says) == (1, "The configuration has no database: `database.enabled` is false.")
