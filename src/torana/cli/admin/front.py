"""The way from a command to the admin API: which one is meant, what is asked, and what it says when it refuses."""

import asyncio
import functools
import os
import pwd
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
import msgspec

from torana.assembly.office.asking import Request, Take
from torana.assembly.office.local import OfficeClosed, local_office
from torana.assembly.office.remote import remote_office
from torana.assembly.settings import load
from torana.cli.complaints import FAILED, MISTAKEN, complained
from torana.cli.options import config_option
from torana.config.units import URL
from torana.core.errors import CallerError, ToranaError, UpstreamCut, UpstreamUnreachable

KEY = "TORANA_KEY"
Method = Literal["GET", "PUT", "POST", "DELETE"]
_GOOD = 300
_WRONG = 400
_MISTAKES = frozenset({400, 404, 409, 413})
_AT_ONCE = "1000"


class Refusal(Exception):
    """What the API refused, in its own words, and the exit code for it."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Front:
    """An admin API to ask, and how its answers are to be printed."""

    send: Callable[[Request, Take], None]
    as_json: bool

    def ask(
        self, method: Method, *steps: str, body: object = None, query: Mapping[str, str | None] | None = None
    ) -> Any:  # noqa: ANN401 - any JSON
        """The answer to one request; Refusal when it is no good."""
        pieces: list[bytes] = []
        self.download(_request(method, steps, body, query or {}), pieces.append)
        return msgspec.json.decode(b"".join(pieces))

    def every(self, *steps: str, query: Mapping[str, str | None] | None = None) -> Iterator[dict[str, Any]]:
        """All of a list, page after page."""
        asked = {"limit": _AT_ONCE, **(query or {})}
        while True:
            page = self.ask("GET", *steps, query=asked)
            yield from page["data"]
            if page["next"] is None:
                return
            asked["after"] = page["next"]

    def download(self, request: Request, write: Callable[[bytes], object]) -> None:
        """Writes a reply on as it comes; Refusal when it is no good."""
        refused: list[bytes] = []
        statuses: set[int] = set()

        def take(status: int, piece: bytes) -> None:
            statuses.add(status)
            if status < _GOOD:
                write(piece)
            else:
                refused.append(piece)

        self.send(request, take)
        status = max(statuses)
        if status >= _GOOD:
            raise _refusal(status, b"".join(refused))


def office_command(command: Callable[..., int]) -> Callable[..., None]:
    """A command that takes a Front first; its options say which API is meant, and whether JSON is printed."""

    @config_option
    @click.option(
        "--url",
        metavar="URL",
        envvar="TORANA_URL",
        show_envvar=True,
        callback=_url,
        help=f"Ask the gateway at this URL, with the key in {KEY}, instead of the configuration's own database.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
    @complained
    @functools.wraps(command)
    def wrapped(config: Path | None, url: str | None, *, as_json: bool, **given: Any) -> int:  # noqa: ANN401 - what the command takes
        try:
            with _sending(config, url) as send:
                return command(Front(send, as_json), **given)
        except Refusal as refusal:
            click.echo(refusal, err=True)
            return refusal.code
        except OfficeClosed as closed:
            click.echo(closed, err=True)
            return FAILED
        except CallerError:
            raise
        except ToranaError as error:
            click.echo(_failure(error, url), err=True)
            return FAILED

    return wrapped  # fmt: skip


@contextmanager
def _sending(config: Path | None, url: str | None) -> Iterator[Callable[[Request, Take], None]]:
    if url is not None:
        key = os.environ.get(KEY)
        if not key:
            raise Refusal(f"Put the key that opens {url} into the environment variable {KEY}.", MISTAKEN)
        yield lambda request, take: asyncio.run(_ask_elsewhere(url, key, request, take))
        return
    with local_office(load(config).settings, _user()) as office:
        yield lambda request, take: asyncio.run(office.ask(request, take))


def _user() -> str:
    """Who runs this command, whatever the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


async def _ask_elsewhere(url: str, key: str, request: Request, take: Take) -> None:
    async with remote_office(url, key) as office:
        await office.ask(request, take)


def _request(method: Method, steps: tuple[str, ...], body: object, query: Mapping[str, str | None]) -> Request:
    said = {name: value for name, value in query.items() if value is not None}
    try:
        "".join((*steps, *said.values())).encode()
        return Request(method, steps, said, b"" if body is None else msgspec.json.encode(body))
    except UnicodeEncodeError as error:
        # Python takes in arguments of any bytes, and no name is made of those.
        raise Refusal("What was given is not UTF-8 text.", MISTAKEN) from error


def _failure(error: ToranaError, url: str | None) -> str:
    """What went wrong on the way to a gateway, which the client knows as an upstream."""
    if isinstance(error, UpstreamUnreachable) and not isinstance(error, UpstreamCut):
        return f"{url} could not be reached."
    return f"{url}: {error.message}"


def _refusal(status: int, body: bytes) -> Refusal:
    try:
        problem = msgspec.json.decode(body)["error"]
        message, param = str(problem["message"]), problem.get("param")
    except (msgspec.DecodeError, KeyError, TypeError):
        return Refusal(f"There is no admin API: the answer has the status {status} and is none of its own.", FAILED)
    # Whatever else is wrong is told in a sentence that needs no field beside it.
    named = status != _WRONG or param is None or param in message
    told = message if named else f"{param}: {message}"
    return Refusal(told, MISTAKEN if status in _MISTAKES else FAILED)


def _url(_context: click.Context, _option: click.Parameter, written: str | None) -> str | None:
    if written is not None and not re.fullmatch(URL, written):
        raise click.BadParameter(f"{written!r} is not a URL such as https://gateway.example.")
    return written
