"""``torana``: every command, each loaded only when it is run."""

import importlib
import sys
from collections.abc import Mapping

import click

EPILOGUE = """\
`torana serve` needs no configuration, `torana vary PHOTO` needs no server.

Exit codes: 0 done, 1 the work failed, 2 a mistake in the command or the configuration.
"""


class LazyGroup(click.Group):
    """Commands by the place of their function: a command pays for its own imports alone."""

    def __init__(self, name: str, places: Mapping[str, str], *, summary: str, epilog: str | None = None) -> None:
        super().__init__(name, help=summary, epilog=epilog, no_args_is_help=True)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as the base class has it
        """Their names."""
        return sorted(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """The command, imported now."""
        place = self._places.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


token = LazyGroup("token", {"mint": "torana.cli.token:mint"}, summary="Make tokens for the gateway's own issuer.")
config = LazyGroup("config", {"check": "torana.cli.config:check"}, summary="Check a configuration file.")
torana = LazyGroup(
    "torana",
    {
        "config": "torana.cli.main:config",
        "models": "torana.cli.models:models",
        "serve": "torana.cli.serve:serve",
        "token": "torana.cli.main:token",
        "vary": "torana.cli.vary:vary",
    },
    summary="An LLM gateway: one OpenAI-compatible API in front of every model provider you use.",
    epilog=EPILOGUE,
)
torana = click.version_option(package_name="torana", message="%(prog)s %(version)s")(torana)


def main() -> None:
    """Run one command; what it returns is the exit code."""
    sys.exit(torana.main(prog_name="torana", standalone_mode=True))
