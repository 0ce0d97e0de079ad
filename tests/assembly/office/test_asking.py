from torana.assembly.office.asking import Request


def test_steps_are_quoted_each_for_itself() -> None:
    request = Request("GET", ("users", "ou=a/cn=b ü"), {"limit": "5", "owner": "user:a&b"})
    assert request.path == "/admin/users/ou=a/cn=b ü"
    assert request.target == "/admin/users/ou%3Da%2Fcn%3Db%20%C3%BC?limit=5&owner=user%3Aa%26b"


def test_without_a_query() -> None:
    assert Request("GET", ("keys",)).target == "/admin/keys"
