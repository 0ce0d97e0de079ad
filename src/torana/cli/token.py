"""``torana token mint``: makes a token for the gateway's own issuer."""

import json
import os
from pathlib import Path

import click

from torana.assembly.settings import load
from torana.assembly.tokens import own_token
from torana.cli.complaints import MISTAKEN, complained
from torana.cli.options import config_option
from torana.config.model import Server
from torana.config.units import Seconds
from torana.core.clock import SystemClock


@click.command
@config_option
@click.option("--subject", required=True, metavar="NAME", help="Who the token is for: its `sub` claim.")
@click.option("--ttl", default="1h", metavar="DURATION", show_default=True, help="How long it works: 90s, 15m, 1h, 7d.")
@click.option("--claim", multiple=True, metavar="NAME=VALUE", help="A further claim; VALUE may be JSON. Repeatable.")
@complained
def mint(config: Path | None, subject: str, ttl: str, claim: tuple[str, ...]) -> int:
    """Make a token and print it, and nothing else.

    It is signed with the `secret` of the first issuer that has one; without a configuration, with a key that is made
    in ./torana-data at the first call.
    """
    new = config is None and not Path(Server().data_dir).exists()
    try:
        claims = dict(map(_claim, claim))
        token = own_token(
            load(config).settings,
            os.environ,
            subject=subject,
            ttl=Seconds.parse(ttl),
            claims=claims,
            clock=SystemClock(),
        )
    except ValueError as error:
        click.echo(f"No token was made: {error}.", err=True)
        return MISTAKEN
    if new:
        click.echo(f"Made a new key in {Server().data_dir}: only a gateway started here takes this token.", err=True)
    click.echo(token)
    return 0


def _claim(written: str) -> tuple[str, object]:
    name, separator, value = written.partition("=")
    if not separator or not name:
        raise ValueError(f"--claim takes NAME=VALUE, not {written!r}")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
