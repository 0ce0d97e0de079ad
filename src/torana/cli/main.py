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
    """Commands by the place of their function, and a line of help: a command pays for its own imports alone."""

    def __init__(
        self, name: str, commands: Mapping[str, tuple[str, str]], *, summary: str, epilog: str | None = None
    ) -> None:
        super().__init__(name, help=summary, epilog=epilog, no_args_is_help=True)
        self._places = {each: place for each, (place, _) in commands.items()}
        self._summaries = {each: told for each, (_, told) in commands.items()}

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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of them, with none imported."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._summaries[name]) for name in self.list_commands(ctx)])


token = LazyGroup(
    "token", {"mint": ("torana.cli.token:mint", "Make a token and print it.")}, summary="Make tokens of our own."
)
config = LazyGroup(
    "config",
    {"check": ("torana.cli.config:check", "Report every mistake in a file.")},
    summary="Check a configuration file.",
)
engine = LazyGroup(
    "engine",
    {"warm": ("torana.cli.engine:warm", "Compile the embedded engine.")},
    summary="Prepare the embedded engine.",
)
importing = LazyGroup(
    "import",
    {"litellm": ("torana.cli.importing:litellm", "Take over a LiteLLM proxy's configuration.")},
    summary="Take over another gateway's configuration.",
)
torana = LazyGroup(
    "torana",
    {
        "audit": ("torana.cli.admin.books:audit", "List who changed what."),
        "budgets": ("torana.cli.admin.groups:budgets", "How much money may be spent."),
        "config": ("torana.cli.main:config", "Check a configuration file."),
        "engine": ("torana.cli.main:engine", "Prepare the embedded engine."),
        "explain": ("torana.cli.admin.explain:explain", "Explain why a call was refused."),
        "grants": ("torana.cli.admin.groups:grants", "Who may use which models."),
        "import": ("torana.cli.main:importing", "Take over another gateway's configuration."),
        "keys": ("torana.cli.admin.groups:keys", "Virtual keys."),
        "ledger": ("torana.cli.admin.books:ledger", "List calls."),
        "limits": ("torana.cli.admin.groups:limits", "How much is let through in a while."),
        "models": ("torana.cli.models:models", "List the models that callers may use."),
        "route": ("torana.cli.route:route", "Show which targets a call goes to."),
        "serve": ("torana.cli.serve:serve", "Run the gateway."),
        "service-accounts": ("torana.cli.admin.groups:service_accounts", "Programs that call in their own name."),
        "teams": ("torana.cli.admin.groups:teams", "Teams, and who is in them."),
        "token": ("torana.cli.main:token", "Make tokens for the gateway's own issuer."),
        "usage": ("torana.cli.admin.books:usage", "Sum up what was used."),
        "users": ("torana.cli.admin.groups:users", "Users, their teams and their roles."),
        "vary": ("torana.cli.vary:vary", "Make variations of photographs."),
    },
    summary="An LLM gateway: one OpenAI-compatible API in front of every model provider you use.",
    epilog=EPILOGUE,
)
torana = click.version_option(package_name="torana", message="%(prog)s %(version)s")(torana)


def main() -> None:
    """Run one command; what it returns is the exit code."""
    sys.exit(torana.main(prog_name="torana", standalone_mode=True))
