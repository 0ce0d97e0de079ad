"""Which provider answers which family, as a page of the docs: every cell is a test of ``tests/conformance``."""

from torana.families.listed import FAMILIES
from torana.providers.base import ANY, Declaration, declarations

_HEAD = """\
# Families and providers

What a client may ask for, and who answers it. **yes** is the family's own dialect: the request goes through as it
came, but for the model's name and what you set, and so does the answer. **translated** goes from one dialect to
another: what the other side has no words for is refused, or told in `x-torana-ignored`; what is had from it in another
way is told in `x-torana-emulated`. **estimated** is reckoned by the gateway itself. Where a type has models of several
kinds, each does what it can. Pictures are told of in [providers](providers.md).

Every `yes` and every `translated` is tested, whole and in pieces, against servers that speak as the vendors document.
"""


def families() -> str:
    """The table, families across."""
    listed = [family for family in FAMILIES if not family.operation.startswith("images.")]
    text = _HEAD + "\n| family | paths |\n|---|---|\n"
    for family in listed:
        text += f"| {family.operation} | {', '.join(f'`{family.method} {path}`' for path in family.paths)} |\n"
    text += "\n| `type` | " + " | ".join(family.operation for family in listed) + " |\n"
    text += "|---|" + "---|" * len(listed) + "\n"
    for declared in declarations().values():
        cells = [_cell(declared, family.operation) for family in listed]
        if any(cells):
            text += f"| [`{declared.type}`](providers.md#{declared.type}) | {' | '.join(cells)} |\n"
    return text


def _cell(declared: Declaration, operation: str) -> str:
    if not any(operation in declared.spoken(model) for model in (ANY, *declared.spoken_models)):
        return ""
    if operation in declared.straight:
        return "yes"
    return "estimated" if operation in declared.reckoned else "translated"
