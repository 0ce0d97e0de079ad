"""Everything that can be wrong before work begins, as sentences for whoever typed the command."""

from torana.assembly.tokens import NoOwnIssuer
from torana.auth.build import KeyProblem
from torana.config.load import ConfigError
from torana.config.secrets import SecretMissing
from torana.core.errors import CallerError
from torana.storage.keys import UnsafeKey

UNSOUND = 2
"""Exit status of a process that cannot do its work before somebody mends something."""

COMPLAINTS = (ConfigError, KeyProblem, SecretMissing, UnsafeKey, NoOwnIssuer, CallerError)


def sentences(error: Exception) -> list[str]:
    """What to tell, one mistake a line."""
    match error:
        case ConfigError(mistakes=mistakes):
            return [str(mistake) for mistake in mistakes]
        case KeyProblem(messages=messages):
            return list(messages)
        case CallerError(message=message, param=param):
            named = param is None or param in message
            return [message if named else f"{param}: {message}"]
        case _:
            return [str(error)]
