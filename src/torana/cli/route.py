"""``torana route``: which targets a call would go to, in which order, and why."""

from collections.abc import Mapping
from pathlib import Path

import click

from torana.assembly.providers import OPERATIONS, explained
from torana.assembly.settings import load
from torana.cli.complaints import FAILED, complained
from torana.cli.options import config_option
from torana.core.exchange import Plan

_ORDERS: Mapping[str, str] = {
    "priority": "by priority, then as written",
    "weight": "by weight; where chance decides, the likeliest order is shown",
    "latency": "the fastest first, which only a running gateway knows",
}


def _pairs(_context: click.Context, _option: click.Parameter, written: tuple[str, ...]) -> dict[str, str]:
    """The values that were written as ``NAME=VALUE``."""
    pairs = [each.partition("=") for each in written]
    for name, separator, value in pairs:
        if not name or not separator:
            raise click.BadParameter(f"{name + separator + value!r} is not NAME=VALUE, such as team=blue.")
    return {name: value for name, _, value in pairs}


@click.command
@config_option
@click.argument("model")
@click.option(
    "--operation",
    type=click.Choice(OPERATIONS),
    metavar="NAME",
    help="What is asked for, such as `chat.completions`; else it is what most of its targets can do.",
)
@click.option(
    "--metadata",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_pairs,
    help="What the call says of itself in `x-torana-metadata`. Repeatable.",
)
@click.option(
    "--subject", default="", metavar="NAME", help="Who calls: the `sub` claim of a token of the first issuer."
)
@click.option("--explain", is_flag=True, help="Say why, and show the targets that are not for such a call.")
@complained
def route(
    config: Path | None, model: str, operation: str | None, *, metadata: dict[str, str], subject: str, explain: bool
) -> int:
    """Show the targets of a call for MODEL, in the order they are tried.

    It is the order of a gateway just started: no target has failed yet, and which of them is fast is not known.
    """
    settings = load(config).settings
    plan, rows = explained(settings, model, operation, subject=subject, metadata=metadata)
    width = max(len(str(row.target)) for row in rows)
    if explain:
        click.echo(_told(plan))
    for row in rows:
        if explain:
            click.echo(f"{row.place or '-':>2}  {row.target!s:{width}}  {', '.join(row.reasons)}")
        elif row.place:
            click.echo(row.target)
    if not any(row.place for row in rows):
        click.echo(f"No target of the model '{model}' is for a call with this metadata.", err=True)
        return FAILED
    return 0


def _told(plan: Plan) -> str:
    routing = plan.routing
    statuses = ", ".join(map(str, sorted(routing.fallback_on)))
    hedge = f" A second is asked too after {routing.hedge_after:g} s." if routing.hedge_after else ""
    return f"Tried {_ORDERS[routing.order]}. The next one is tried after {statuses}.{hedge}"
