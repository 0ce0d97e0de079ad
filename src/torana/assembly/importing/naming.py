"""Names that our configuration takes, made of names that others take."""

import re

_OTHER = re.compile(r"[^A-Za-z0-9._-]+")
_MOST = 64


class Names:
    """Hands out names, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def fresh(self, wanted: str) -> str:
        """A name as near to the wanted one as can be."""
        base = _OTHER.sub("-", wanted).strip("-._") or "unnamed"
        name, number = base[:_MOST], 2
        while name in self._taken:
            ending = f"-{number}"
            name, number = base[: _MOST - len(ending)] + ending, number + 1
        self._taken.add(name)
        return name
