"""``torana explain``: why a call was let in or refused, or would be."""

import click
import msgspec

from torana.cli.admin.front import Front, office_command
from torana.cli.admin.showing import show_one


@click.command
@click.argument("request_id", required=False)
@click.option("--subject", metavar="SUBJECT", help="Who might call: `user:NAME` or `service_account:NAME`.")
@click.option("--key", metavar="ID", help="With which virtual key.")
@click.option("--model", metavar="MODEL", help="For which model.")
@click.option("--operation", metavar="NAME", help="Which operation. Default: what most of its targets can do.")
@click.option("--metadata", multiple=True, metavar="NAME=VALUE", help="What the call says of itself. Repeatable.")
@office_command
def explain(
    front: Front,
    *,
    request_id: str | None,
    subject: str | None,
    key: str | None,
    metadata: tuple[str, ...],
    **call: str | None,
) -> int:
    """Say why a call was let in or refused, or would be.

    For one that was made, give its request id: every reply has it, as `x-request-id`. For one that might be made, give
    --subject and --model.
    """
    pairs = dict(_pair(each) for each in metadata)
    told = msgspec.json.encode(pairs).decode() if pairs else None
    query = {"request_id": request_id, "subject": subject, "key": key, "metadata": told, **call}
    answer = front.ask("GET", "explain", query=query)
    if front.as_json:
        show_one(answer, as_json=True)
        return 0
    click.echo("\n".join(answer["sentences"]))
    return 0


def _pair(written: str) -> tuple[str, str]:
    name, separator, value = written.partition("=")
    if not name or not separator:
        raise click.BadParameter(f"{written!r} is not NAME=VALUE, such as team=blue.")
    return name, value
