"""Where an account's API starts."""

import re
from collections.abc import Mapping

_IN_ADDRESS = re.compile(r"[A-Za-z0-9_-]+")


def address(written: str, options: Mapping[str, str]) -> str:
    """Where an API starts, with the account's options in place; ValueError for one that would lead elsewhere."""
    for name, value in options.items():
        place = f"{{{name}}}"
        if place in written and not _IN_ADDRESS.fullmatch(value):
            raise ValueError(f"options.{name} must be of letters, digits, - and _, because it is part of the address")
        written = written.replace(place, value)
    return written
