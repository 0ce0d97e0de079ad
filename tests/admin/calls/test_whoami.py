from tests.admin.kit import House


async def test_who_is_asking(office: House) -> None:
    assert (await office.ask("GET", "whoami", role="auditor", who="mia")).json == {
        "name": "user:mia", "role": "auditor", "teams": [], "issuer": "https://tokens.example", "key": None,
        "origin": "unknown",
    }  # fmt: skip
