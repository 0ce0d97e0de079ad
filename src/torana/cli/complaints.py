"""How commands complain: what is wrong, on stderr, and an exit code that scripts can use."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

import click

from torana.assembly.complaints import COMPLAINTS, sentences

P = ParamSpec("P")
FAILED = 1
MISTAKEN = 2


def complained(command: Callable[P, int]) -> Callable[P, None]:
    """A command whose number is its exit code.

    Foreseen mistakes become sentences and exit code 2; what the operating system refuses becomes one and exit code 1.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            sys.exit(command(*args, **kwargs))
        except COMPLAINTS as error:
            for sentence in sentences(error):
                click.echo(sentence, err=True)
            sys.exit(MISTAKEN)
        except BrokenPipeError:
            raise  # click knows how to end quietly when nobody reads on
        except OSError as error:
            click.echo(_refusal(error), err=True)
            sys.exit(FAILED)

    return wrapped


def _refusal(error: OSError) -> str:
    return ": ".join(str(part) for part in (error.filename, error.strerror) if part) or str(error)
