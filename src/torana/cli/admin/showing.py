"""How answers are printed: tables for people, JSON for machines."""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.\d+)?Z")
"""A time as it comes; whoever reads a table is served with its seconds."""

_WIDE = 1000
"""Columns of a page that has no width."""


def show_list(items: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """A list: some of what is known of each, or as JSON all of it."""
    if as_json:
        click.echo(_json(list(items)))
        return
    # Folded, not cut: what is shown is there to be used.
    table = Table(*(Column(name.replace("_", " "), overflow="fold") for name in columns), box=None, pad_edge=False)
    for item in items:
        table.add_row(*(Text(_told(item.get(name))) for name in columns))
    if not table.row_count:
        click.echo("There is none.", err=True)
    elif sys.stdout.isatty():
        Console().print(table)
    else:
        _print_lines(table)


def show_one(item: Mapping[str, Any], *, as_json: bool) -> None:
    """All that is known of one thing, a line each."""
    if as_json:
        click.echo(_json(item))
        return
    width = max(map(len, item))
    for name, value in item.items():
        click.echo(f"{name.replace('_', ' '):{width}}  {_told(value)}")


def show_done(sentence: str, answer: Mapping[str, Any], *, as_json: bool) -> None:
    """That it is done."""
    click.echo(_json(answer) if as_json else _plain(sentence))


def _print_lines(table: Table) -> None:
    """For a program that reads lines: each row on one, and with nothing after its end."""
    console = Console(width=_WIDE, color_system=None)
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _told(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_told, value)) or "-"
        case dict():
            return (
                ", ".join(f"{name}={_told(each)}" for name, each in value.items() if each not in ([], {}, None)) or "-"
            )
        case _:
            moment = _MOMENT.fullmatch(str(value))
            return f"{moment[1]} {moment[2]}" if moment else _plain(str(value))


def _plain(text: str) -> str:
    """Text in which nobody can steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _json(answer: object) -> str:
    return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()
