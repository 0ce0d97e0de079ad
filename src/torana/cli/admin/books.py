"""``torana usage``, ``torana ledger`` and ``torana audit``: what was used, by which calls, and who changed what."""

import re
import sys
from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

import click

from torana.assembly.office.asking import Request
from torana.cli.admin.front import Front, office_command
from torana.cli.admin.showing import show_list

C = TypeVar("C", bound=Callable[..., Any])
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SUMS = ("requests", "errors", "images", "tokens", "cost", "unknown")
_CALLS = ("at", "subject", "operation", "model", "target", "status", "rule", "images", "cost", "request_id")
_CHANGES = ("id", "at", "actor", "origin", "action", "kind", "name")


def _moment(_context: click.Context, _option: click.Parameter, written: str | None) -> str | None:
    return f"{written}T00:00:00Z" if written and _DATE.fullmatch(written) else written


def _filtered(command: C) -> C:
    """The options that say which calls are meant."""
    for option in reversed(
        (
            click.option("--since", metavar="TIME", callback=_moment, help="Calls from then on: a date, or RFC 3339."),
            click.option("--until", metavar="TIME", callback=_moment, help="Calls before then."),
            click.option("--subject", metavar="SUBJECT", help="Calls of `user:NAME` or `service_account:NAME`."),
            click.option("--key", metavar="ID", help="Calls with this virtual key."),
            click.option("--team", metavar="TEAM", help="Calls of this team."),
            click.option("--model", metavar="MODEL", help="Calls for this model."),
            click.option("--operation", metavar="NAME", help="Calls of this kind, such as images.variations."),
            click.option("--csv", "as_csv", is_flag=True, help="Print CSV, all of it."),
        )
    ):
        command = option(command)
    return command


@click.command
@click.option(
    "--by",
    default="day",
    metavar="GROUPS",
    show_default=True,
    help="day, subject, kind, key, team, model, operation, target, status, metadata.KEY, separated by commas.",
)
@_filtered
@office_command
def usage(front: Front, *, by: str, as_csv: bool, **wanted: str | None) -> int:
    """Sum up what was used, in groups."""
    query = {"by": by, **wanted}
    if as_csv:
        return _export(front, "usage", query)
    lines = front.ask("GET", "usage", query=query)["data"]
    if front.as_json:
        show_list(lines, (), as_json=True)
        return 0
    groups = tuple(lines[0]["group"]) if lines else ()
    show_list(({**line, **line["group"]} for line in lines), (*groups, *_SUMS), as_json=False)
    return 0


@click.command
@_filtered
@click.option("--request-id", metavar="ID", help="Calls with this request id.")
@click.option("--status-from", metavar="NUMBER", help="Calls with this status or a higher one; 400 is what failed.")
@click.option(
    "--last", type=click.IntRange(1), default=50, metavar="NUMBER", show_default=True, help="So many at most."
)
@office_command
def ledger(front: Front, *, last: int, as_csv: bool, **wanted: str | None) -> int:
    """List calls, the newest first."""
    if as_csv:
        return _export(front, "ledger", wanted)
    found = islice(front.every("ledger", query={**wanted, "limit": str(min(last, 1000))}), last)
    show_list(found, _CALLS, as_json=front.as_json)
    return 0


@click.command
@click.option("--kind", metavar="KIND", help="Changes of a key, user, service_account, team, grant, limit or budget.")
@click.option("--name", metavar="NAME", help="Changes of what has this name, or id.")
@click.option(
    "--last", type=click.IntRange(1), default=50, metavar="NUMBER", show_default=True, help="So many at most."
)
@office_command
def audit(front: Front, *, kind: str | None, name: str | None, last: int) -> int:
    """List who changed what, the newest first; with --json, what was before and after."""
    query = {"kind": kind, "name": name, "limit": str(min(last, 1000))}
    show_list(islice(front.every("audit", query=query), last), _CHANGES, as_json=front.as_json)
    return 0


def _export(front: Front, what: str, query: dict[str, str | None]) -> int:
    said = {name: value for name, value in query.items() if value is not None}
    front.download(Request("GET", (what,), {**said, "format": "csv"}), sys.stdout.buffer.write)
    sys.stdout.buffer.flush()
    return 0
