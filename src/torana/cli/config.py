"""``torana config check``: reports every mistake in a configuration file."""

import os
from pathlib import Path

import click

from torana.assembly.settings import load, missing_secrets, unpriced
from torana.cli.complaints import complained


@click.command
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@complained
def check(file: Path) -> int:
    """Report every mistake in a configuration file, each with its line."""
    settings = load(file).settings
    for absent in dict.fromkeys(missing_secrets(settings, os.environ)):
        click.echo(f"Note: here, {absent}; it must be where the gateway runs.", err=True)
    if without := unpriced(settings):
        told = f"budgets refuse calls of {', '.join(without)}: nobody knows their price"
        click.echo(f"Note: {told}, unless `providers.NAME.prices` tells.", err=True)
    click.echo(f"{file} is sound. Models: {len(settings.models)}, accounts: {len(settings.providers)}.")
    return 0
