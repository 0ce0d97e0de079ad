from tests.cli.admin.kit import done, failed, told


def test_a_call_that_might_be_made() -> None:
    done("limits", "set", "busy", "--set", "of=requests", "--set", "limit=5", "--set", "when={metadata: {team: blue}}")
    done("users", "set", "anna")
    asked = ("explain", "--subject", "user:anna", "--model", "patchwork", "--metadata", "team=blue")
    assert done(*asked).splitlines() == [
        "user:anna is in no team.",
        "No grant is needed: `access.default` is `all`.",
        "The limit 'busy' counts it: 5 requests every 1m.",
    ]
    assert told(*asked)["verdict"] == "admitted"


def test_mistakes() -> None:
    assert failed("explain", "req_1") == (2, "The ledger has no call with the request id req_1.")
    assert failed("explain") == (2, "Give `request_id`, or `subject` and `model`.")
    written = "The parameter `subject` is wrong. It is written like `user:anna` or `service_account:nightly`."
    for nobody in ("anna", "team:design", "user:"):
        assert failed("explain", "--subject", nobody, "--model", "patchwork") == (2, written)
    code, says = failed("explain", "--subject", "user:anna", "--model", "m", "--metadata", "blue")
    assert (code, "'blue' is not NAME=VALUE, such as team=blue." in says) == (2, True)
