from tests.cli.admin.kit import done, failed, told


def test_a_team_and_who_is_in_it() -> None:
    assert told("teams", "set", "design", "--description", "Those who draw.")["description"] == "Those who draw."
    done("users", "set", "anna")
    assert told("teams", "add", "design", "user:anna")["members"] == ["user:anna"]
    assert "user:anna" in done("teams", "show", "design")
    assert told("teams", "remove", "design", "user:anna")["members"] == []
    assert "Those who draw." in done("teams", "list")
    assert done("teams", "delete", "design") == "The team design is gone.\n"
    assert told("teams", "list") == []


def test_mistakes() -> None:
    assert failed("teams", "show", "design") == (2, "There is no team 'design'.")
    assert failed("teams", "list") == (0, "There is none.")
