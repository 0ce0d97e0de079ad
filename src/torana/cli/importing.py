"""``torana import litellm``: another gateway's configuration as one of ours."""

import os
from pathlib import Path

import click

from torana.assembly.importing.litellm.document import import_file
from torana.cli.complaints import FAILED, complained


@click.command
@click.argument("file", metavar="CONFIG", type=click.Path(path_type=Path, dir_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file, not to stdout.")
@click.option("--strict", is_flag=True, help="Exit with 1 when anything was left out.")
@complained
def litellm(file: Path, output: Path | None, *, strict: bool) -> int:
    """Turn the configuration of a LiteLLM proxy into one of Torana's.

    What became of each setting is told on stderr. Secrets are not copied: the report says which environment variables
    take their place. Addresses and the like that LiteLLM reads from the environment are read from it here. Exits with 1
    when what comes out cannot be served, such as when no model could be taken over.
    """
    imported = import_file(file, os.environ)
    for line in imported.report:
        click.echo(str(line), err=True)
    click.echo(imported.summary, err=True)
    if output is None:
        click.echo(imported.text, nl=False)
    else:
        output.write_text(imported.text)
    if imported.mistakes:
        click.echo("This cannot be served yet:", err=True)
    for mistake in imported.mistakes:
        click.echo(str(mistake), err=True)
    return FAILED if imported.mistakes or (strict and not imported.complete) else 0
