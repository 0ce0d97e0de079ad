"""``torana keys``: virtual keys."""

from typing import Any

import click

from torana.cli.admin.front import Front, office_command
from torana.cli.admin.showing import show_done, show_list, show_one

_COLUMNS = ("id", "owner", "name", "state", "created", "expires", "models")
_ONCE = "This key is shown now and never again: put it where it is needed."


@click.command("list")
@click.option("--owner", metavar="OWNER", help="Only keys of `user:NAME` or `service_account:NAME`.")
@office_command
def list_(front: Front, *, owner: str | None) -> int:
    """List keys, ended ones too."""
    show_list(front.every("keys", query={"owner": owner}), _COLUMNS, as_json=front.as_json)
    return 0


@click.command
@click.argument("id_", metavar="ID")
@office_command
def show(front: Front, *, id_: str) -> int:
    """Show a key by its id, which is its first part."""
    show_one(front.ask("GET", "keys", id_), as_json=front.as_json)
    return 0


@click.command
@click.option("--owner", required=True, metavar="OWNER", help="`user:NAME` or `service_account:NAME`.")
@click.option("--name", default="", metavar="TEXT", help="What its holder calls it.")
@click.option("--ttl", metavar="DURATION", help="How long it is good for, such as 30d. Default: until it is revoked.")
@click.option("--model", "models", multiple=True, metavar="PATTERN", help="A model it is good for. Repeatable.")
@office_command
def create(front: Front, *, owner: str, name: str, ttl: str | None, models: tuple[str, ...]) -> int:
    """Make a key and print it, and nothing else.

    Its owner must be known here: `torana users set` and `torana service-accounts set` see to that.
    """
    body = {"owner": owner, "name": name, "ttl": ttl, "models": models or None}
    _print_once(front.ask("POST", "keys", body=body), as_json=front.as_json)
    return 0


@click.command
@click.argument("id_", metavar="ID")
@click.option("--grace", default="1d", show_default=True, metavar="DURATION", help="How long the old key goes on.")
@click.option("--ttl", metavar="DURATION", help="How long the new one is good for. Default: as long as the old.")
@office_command
def rotate(front: Front, *, id_: str, grace: str, ttl: str | None) -> int:
    """Make a key in another's place, and print it.

    The old one goes on for a while, so that there is time to put the new one where it is needed. One that has leaked
    ends at once with --grace 0s.
    """
    _print_once(front.ask("POST", "keys", id_, "rotate", body={"grace": grace, "ttl": ttl}), as_json=front.as_json)
    return 0


@click.command
@click.argument("id_", metavar="ID")
@office_command
def revoke(front: Front, *, id_: str) -> int:
    """End a key at once, for good."""
    answer = front.ask("POST", "keys", id_, "revoke")
    show_done(f"The key {answer['id']} of {answer['owner']} is revoked.", answer, as_json=front.as_json)
    return 0


def _print_once(made: dict[str, Any], *, as_json: bool) -> None:
    click.echo(_ONCE, err=True)
    if as_json:
        show_one(made, as_json=True)
    else:
        click.echo(made["key"])
