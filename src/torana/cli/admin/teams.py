"""``torana teams``: teams, and who is in them."""

import click

from torana.cli.admin.front import Front, office_command
from torana.cli.admin.showing import show_done, show_list, show_one

_TEAM = click.argument("team")
_MEMBER = click.argument("member")


@click.command("list")
@office_command
def list_(front: Front) -> int:
    """List teams."""
    show_list(front.every("teams"), ("name", "description", "created"), as_json=front.as_json)
    return 0


@click.command
@_TEAM
@office_command
def show(front: Front, *, team: str) -> int:
    """Show a team and who is in it."""
    show_one(front.ask("GET", "teams", team), as_json=front.as_json)
    return 0


@click.command("set")
@_TEAM
@click.option("--description", default="", metavar="TEXT", help="What it is.")
@office_command
def set_(front: Front, *, team: str, description: str) -> int:
    """Make a team, or change what it says of itself."""
    show_one(front.ask("PUT", "teams", team, body={"description": description}), as_json=front.as_json)
    return 0


@click.command
@_TEAM
@office_command
def delete(front: Front, *, team: str) -> int:
    """Take a team away, from its members too."""
    answer = front.ask("DELETE", "teams", team)
    show_done(f"The team {answer['deleted']} is gone.", answer, as_json=front.as_json)
    return 0


@click.command
@_TEAM
@_MEMBER
@office_command
def add(front: Front, *, team: str, member: str) -> int:
    """Let MEMBER into a team: `user:NAME` or `service_account:NAME`."""
    show_one(front.ask("PUT", "teams", team, "members", member), as_json=front.as_json)
    return 0


@click.command
@_TEAM
@_MEMBER
@office_command
def remove(front: Front, *, team: str, member: str) -> int:
    """Take MEMBER out of a team: `user:NAME` or `service_account:NAME`."""
    show_one(front.ask("DELETE", "teams", team, "members", member), as_json=front.as_json)
    return 0
