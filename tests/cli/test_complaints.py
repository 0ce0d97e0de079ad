from collections.abc import Callable

import pytest

from torana.assembly.tokens import NoOwnIssuer
from torana.cli.complaints import FAILED, MISTAKEN, complained
from torana.config.load import ConfigError, Mistake
from torana.core.errors import InvalidRequest, WorkFailed


def outcome(command: Callable[[], int], capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    """The exit code of a command, and what it complains of."""
    with pytest.raises(SystemExit) as ended:
        complained(command)()
    captured = capsys.readouterr()
    assert captured.out == ""
    return ended.value.code, captured.err


def failing(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize("code", [0, FAILED, MISTAKEN])
def test_its_number_is_the_exit_code(code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(lambda: code, capsys) == (code, "")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConfigError([Mistake(3, "server.port", "is odd."), Mistake(7, "", "so is this.")]),
         "line 3: server.port: is odd.\nline 7: so is this.\n"),
        (NoOwnIssuer("Nobody is ours."), "Nobody is ours.\n"),
        (InvalidRequest("'n' is wrong."), "'n' is wrong.\n"),
    ],
)  # fmt: skip
def test_mistakes_become_sentences(error: Exception, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(failing(error), capsys) == (MISTAKEN, says)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(13, "Permission denied", "out/cup.png"), "out/cup.png: Permission denied\n"),
        (OSError(28, "No space left on device"), "No space left on device\n"),
        (OSError("something else"), "something else\n"),
    ],
)
def test_what_the_system_refuses_is_a_failure(error: OSError, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(failing(error), capsys) == (FAILED, says)


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), WorkFailed("no"), KeyError("bug")])
def test_everything_else_is_not_its_business(error: Exception) -> None:
    with pytest.raises(type(error)):
        complained(failing(error))()


def test_the_command_keeps_its_name_and_its_words() -> None:
    def dig() -> int:
        """Dig a hole."""
        return 0

    assert (complained(dig).__name__, complained(dig).__doc__) == ("dig", "Dig a hole.")
