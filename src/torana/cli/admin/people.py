"""``torana users`` and ``torana service-accounts``: who is let in, in which teams and with which roles."""

from collections.abc import Sequence

import click

from torana.cli.admin.front import Front, office_command
from torana.cli.admin.showing import show_done, show_list, show_one
from torana.core.registry import ROLES

_COLUMNS = ("name", "teams", "role", "disabled", "created")


def _list(collection: str, what: str) -> click.Command:
    def listed(front: Front) -> int:
        show_list(front.every(collection), _COLUMNS, as_json=front.as_json)
        return 0

    return click.command("list", help=f"List {what}s.")(office_command(listed))


def _show(collection: str, what: str) -> click.Command:
    def shown(front: Front, *, name: str) -> int:
        show_one(front.ask("GET", collection, name), as_json=front.as_json)
        return 0

    return click.command("show", help=f"Show a {what}.")(_named(office_command(shown)))


def _set(collection: str, what: str) -> click.Command:
    def put(front: Front, *, name: str, teams: Sequence[str], roles: Sequence[str], disabled: bool | None) -> int:
        given = {"teams": teams or None, "roles": roles or None, "disabled": disabled}
        body = {field: value for field, value in given.items() if value is not None}
        show_one(front.ask("PUT", collection, name, body=body), as_json=front.as_json)
        return 0

    options = (
        click.option("--team", "teams", multiple=True, metavar="TEAM", help="One of all its teams. Repeatable."),
        click.option(
            "--role", "roles", multiple=True, type=click.Choice(ROLES), help="One of all its roles. Repeatable."
        ),
        click.option("--disable/--enable", "disabled", default=None, help="Shut out, or let in again."),
    )
    command = office_command(put)
    for option in reversed(options):
        command = option(command)
    told = f"Make a {what}, or change one: what no option speaks of stays as it is."
    return click.command("set", help=told)(_named(command))


def _delete(collection: str, what: str) -> click.Command:
    def deleted(front: Front, *, name: str) -> int:
        answer = front.ask("DELETE", collection, name)
        keys = f"{answer['keys_revoked']} keys were revoked"
        show_done(f"{answer['deleted']} is gone; {keys}.", answer, as_json=front.as_json)
        return 0

    return click.command("delete", help=f"Take a {what} away, and end all keys.")(_named(office_command(deleted)))


_named = click.argument("name")
_USERS, _ACCOUNTS = ("users", "user"), ("service-accounts", "service account")

list_users, list_accounts = _list(*_USERS), _list(*_ACCOUNTS)
show_user, show_account = _show(*_USERS), _show(*_ACCOUNTS)
set_user, set_account = _set(*_USERS), _set(*_ACCOUNTS)
delete_user, delete_account = _delete(*_USERS), _delete(*_ACCOUNTS)
