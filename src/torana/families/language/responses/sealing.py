"""The seals of other upstreams on their reasoning, in the one member that these words have for it.

OpenAI's own seal stands there as it is; any other is marked, so that each goes back to where it came from as it came.
"""

_SIGNATURE = "signature:"
_SEALED = "sealed:"


def sealing(signature: str | None, sealed: str | None) -> str | None:
    """``encrypted_content``; None where there is no seal."""
    if sealed is not None:
        return sealed if _bare(sealed) else f"{_SEALED}{sealed}"
    return None if signature is None else f"{_SIGNATURE}{signature}"


def unsealed(content: str | None) -> tuple[str | None, str | None]:
    """The signature, and what is sealed, of an ``encrypted_content``."""
    if content is None:
        return None, None
    if content.startswith(_SIGNATURE):
        return content.removeprefix(_SIGNATURE), None
    return None, content.removeprefix(_SEALED)


def _bare(sealed: str) -> bool:
    return not sealed.startswith((_SIGNATURE, _SEALED))
