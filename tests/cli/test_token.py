import re
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.cli.command import CONFIG, SECRET, run


def claims(printed: str, secret: str | bytes = SECRET, issuer: str = "https://tokens.example") -> dict[str, Any]:
    return jwt.decode(printed.strip(), secret, algorithms=["HS256"], audience="torana", issuer=issuer)


def test_a_token_and_nothing_else(config: Path) -> None:
    done = run("token", "mint", "--config", config, "--subject", "ada")
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", done.stdout)
    found = claims(done.stdout)
    assert found["sub"] == "ada"
    assert found["exp"] - found["iat"] == 3600


def test_without_a_configuration_the_key_is_made(here: Path) -> None:
    first, second = (run("token", "mint", "--subject", "ada").stdout for _ in range(2))
    key = here.joinpath("torana-data", "token.key").read_bytes()
    assert claims(first, key, "torana")["sub"] == claims(second, key, "torana")["sub"] == "ada"


@pytest.mark.parametrize(("ttl", "seconds"), [("90s", 90), ("15m", 900), ("7d", 604_800), ("60", 60)])
def test_how_long_it_works(config: Path, ttl: str, seconds: int) -> None:
    found = claims(run("token", "mint", "-c", config, "--subject", "ada", "--ttl", ttl).stdout)
    assert found["exp"] - found["iat"] == seconds


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("team=blue", "blue"), ("team=", ""), ('team=["blue","red"]', ["blue", "red"]), ("team=7", 7),
        ('team={"a": 1}', {"a": 1}), ("team=a=b", "a=b"), ("team=true", True),
    ],
)  # fmt: skip
def test_further_claims(config: Path, written: str, value: object) -> None:
    done = run("token", "mint", "-c", config, "--subject", "ada", "--claim", written, "--claim", "more=1")
    found = claims(done.stdout)
    assert (found["team"], found["more"]) == (value, 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--subject", "ada", "--ttl", "1y"], "expected a duration such as 30s, 5m or 1h, got '1y'"),
        (["--subject", "ada", "--ttl", "0"], "a token lives for"),
        (["--subject", "ada", "--ttl", "-1h"], "expected a duration"),
        (["--subject", "ada", "--claim", "team"], "--claim takes NAME=VALUE, not 'team'"),
        (["--subject", "ada", "--claim", "=blue"], "--claim takes NAME=VALUE, not '=blue'"),
        (["--subject", "ada", "--claim", "exp=9"], "claims that only the gateway sets: exp"),
        (["--subject", ""], "1 to 256 printable characters"),
        ([], "Missing option '--subject'"),
    ],
)
def test_mistakes(config: Path, arguments: list[str], says: str) -> None:
    done = run("token", "mint", "-c", config, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr


def test_a_secret_that_is_not_there(config: Path) -> None:
    done = run("token", "mint", "-c", config, "--subject", "ada", CLI_SECRET="")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "environment variable CLI_SECRET is not set\n"


def test_a_secret_that_is_too_short(config: Path) -> None:
    done = run("token", "mint", "-c", config, "--subject", "ada", CLI_SECRET="short")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "5 bytes; HS256 needs at least 32" in done.stderr


def test_no_issuer_of_our_own(here: Path) -> None:
    foreign = CONFIG.replace("[HS256], secret: {env: CLI_SECRET}", "[RS256], jwks_url: https://tokens.example/keys")
    here.joinpath("foreign.yaml").write_text(foreign)
    done = run("token", "mint", "-c", "foreign.yaml", "--subject", "ada")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "only its own server can make its tokens" in done.stderr


def test_a_folder_that_cannot_be_used(here: Path) -> None:
    here.joinpath("torana-data").touch()
    done = run("token", "mint", "--subject", "ada")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "torana-data/token.key: Not a directory\n"
