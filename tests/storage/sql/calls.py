"""Rows of the ledger, for tests that only mind some of what is in them."""

from typing import Any

from torana.core.ledger import Charge, Closed, Opened, Row

MONTH = Charge("all", "", "2027-01")


def call(id_: str, *, at: float = 1_800_000_000.0, charged: int = 0, **given: Any) -> Row:
    """A row whose other fields are as given."""
    known = {
        "request_id": f"request-{id_}",
        "subject": "anna",
        "kind": "user",
        "issuer": "torana",
        "operation": "images",
    }
    opened = {name: value for name, value in given.items() if name in Opened.__struct_fields__}
    closed = {name: value for name, value in given.items() if name not in opened}
    return Row(
        Opened(id=id_, at=at, **{**known, **opened}),
        Closed(id=id_, at=at + 2, charged=charged, **{"status": 200, **closed}),
    )
