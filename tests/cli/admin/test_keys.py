from tests.cli.admin.kit import done, failed, told
from tests.cli.command import run
from torana.auth.virtual_keys import is_virtual_key


def test_a_key_from_its_beginning_to_its_end() -> None:
    done("users", "set", "anna")
    made = run("keys", "create", "--owner", "user:anna", "--name", "laptop", "--ttl", "30d", "--model", "house")
    text = made.stdout.strip()
    assert is_virtual_key(text)
    assert made.stderr == "This key is shown now and never again: put it where it is needed.\n"
    (shown,) = told("keys", "list", "--owner", "user:anna")
    assert text.startswith(shown["id"])
    assert (shown["name"], shown["models"], shown["state"]) == ("laptop", ["house"], "active")
    assert text not in done("keys", "list") + done("keys", "show", shown["id"])
    new = done("keys", "rotate", shown["id"], "--grace", "1h").strip()
    assert is_virtual_key(new)
    assert told("keys", "show", shown["id"])["successor"] == new.rpartition("_")[0]
    assert done("keys", "revoke", shown["id"]) == f"The key {shown['id']} of user:anna is revoked.\n"
    states = {key["id"]: key["state"] for key in told("keys", "list")}
    assert states == {shown["id"]: "revoked", new.rpartition("_")[0]: "active"}


def test_as_json() -> None:
    done("service-accounts", "set", "nightly")
    key = told("keys", "create", "--owner", "service_account:nightly")
    assert is_virtual_key(key["key"])


def test_mistakes() -> None:
    assert failed("keys", "create", "--owner", "user:ben") == (
        2,
        "There is no user:ben. Make that entry first: `torana users set ben`.",
    )
    assert failed("keys", "show", "tor_x") == (2, "There is no key tor_x.")
    code, says = failed("keys", "create")
    assert (code, "--owner" in says) == (2, True)
