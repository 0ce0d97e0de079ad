"""``torana models``: what a configuration lets callers ask for."""

import json
from pathlib import Path

import click

from torana.assembly.providers import offered
from torana.assembly.settings import load
from torana.cli.complaints import complained
from torana.cli.options import config_option


@click.command
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@complained
def models(config: Path | None, *, as_json: bool) -> int:
    """List the models that callers may ask for.

    Each name that they may send as `model`, and the targets behind it as written; `torana route` shows their order.
    """
    plans = offered(load(config).settings)
    if as_json:
        click.echo(json.dumps([{"model": plan.model, "targets": [*map(str, plan.targets)]} for plan in plans]))
        return 0
    width = max(len(plan.model) for plan in plans)
    for plan in plans:
        click.echo(f"{plan.model:{width}}  {', '.join(map(str, plan.targets))}")
    return 0
