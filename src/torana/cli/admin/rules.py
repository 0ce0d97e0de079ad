"""``torana grants``, ``torana limits`` and ``torana budgets``: the rules, written as in the configuration file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
import yaml

from torana.cli.admin.front import Front, office_command
from torana.cli.admin.showing import show_done, show_list, show_one

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "grants": ("name", "source", "to", "models", "accounts", "operations"),
    "limits": ("name", "source", "of", "limit", "every", "per", "when"),
    "budgets": ("name", "source", "limit", "every", "per", "when", "mode"),
}
_EXAMPLES = {
    "grants": "torana grants set design-team --set 'to=[team:design]' --set 'models=[house]'",
    "limits": "torana limits set pictures --set of=images --set limit=100 --set every=1h",
    "budgets": "torana budgets set design --set limit=500 --set 'when={teams: [design]}'",
}


def _list(collection: str) -> click.Command:
    def listed(front: Front) -> int:
        show_list(_flat(front.every(collection)), _COLUMNS[collection], as_json=front.as_json)
        return 0

    return click.command("list", help=f"List {collection}, of the file and of the database.")(office_command(listed))


def _show(collection: str) -> click.Command:
    def shown(front: Front, *, name: str) -> int:
        (rule,) = _flat([front.ask("GET", collection, name)])
        show_one(rule, as_json=front.as_json)
        return 0

    return click.command("show", help=f"Show a {collection[:-1]}.")(_named(office_command(shown)))


def _set(collection: str) -> click.Command:
    def put(front: Front, *, name: str, file: Path | None, fields: dict[str, Any]) -> int:
        document = {**(_read(file) if file else {}), **fields}
        (rule,) = _flat([front.ask("PUT", collection, name, body=document)])
        show_one(rule, as_json=front.as_json)
        return 0

    options = (
        click.option(
            "--file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="YAML or JSON with the rule."
        ),
        click.option(
            "--set", "fields", multiple=True, metavar="FIELD=VALUE", callback=_fields,
            help="A field of it; VALUE may be YAML. Goes before the file's. Repeatable.",
        ),
    )  # fmt: skip
    command = office_command(put)
    for option in reversed(options):
        command = option(command)
    told = (
        f"Make a {collection[:-1]}, or write it anew.\n\n"
        f"Its fields are those of the configuration file:\n\n\b\n{_folded(_EXAMPLES[collection])}"
    )
    return click.command("set", help=told)(_named(command))


def _delete(collection: str) -> click.Command:
    def deleted(front: Front, *, name: str) -> int:
        answer = front.ask("DELETE", collection, name)
        show_done(f"The {collection[:-1]} {answer['deleted']} is gone.", answer, as_json=front.as_json)
        return 0

    told = f"Take a {collection[:-1]} of the database away."
    return click.command("delete", help=told)(_named(office_command(deleted)))


@click.command
@click.argument("name")
@click.option("--period", metavar="PERIOD", help="Such as 2026-01 or 2026-W07. Default: the current one.")
@office_command
def spend(front: Front, *, name: str, period: str | None) -> int:
    """Show what a budget has been charged, and what is left of it."""
    columns = ("share", "period", "spent", "limit", "remaining", "ends")
    show_list(front.every("budgets", name, "spend", query={"period": period}), columns, as_json=front.as_json)
    return 0


def _flat(rules: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return ({"name": rule["name"], "source": rule["source"], **rule["rule"]} for rule in rules)


def _folded(command: str) -> str:
    return command.replace(" --set", " \\\n  --set")


def _read(file: Path) -> dict[str, Any]:
    try:
        document = _yaml(file.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{file} is not YAML.") from error
    if not isinstance(document, dict):
        raise click.BadParameter(f"{file} does not hold a rule, which has fields.")
    return document


def _fields(_context: click.Context, _option: click.Parameter, written: tuple[str, ...]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for each in written:
        name, separator, value = each.partition("=")
        if not name or not separator:
            raise click.BadParameter(f"{each!r} is not FIELD=VALUE, such as limit=100.")
        try:
            fields[name] = _yaml(value)
        except yaml.YAMLError as error:
            raise click.BadParameter(f"the value of {name} is not YAML: put it in quotes.") from error
    return fields


def _yaml(text: str) -> Any:  # noqa: ANN401 - whatever is written
    # What YAML takes for a date is text in every rule.
    return msgspec.to_builtins(yaml.safe_load(text))


_named = click.argument("name")

list_grants, list_limits, list_budgets = _list("grants"), _list("limits"), _list("budgets")
show_grant, show_limit, show_budget = _show("grants"), _show("limits"), _show("budgets")
set_grant, set_limit, set_budget = _set("grants"), _set("limits"), _set("budgets")
delete_grant, delete_limit, delete_budget = _delete("grants"), _delete("limits"), _delete("budgets")
