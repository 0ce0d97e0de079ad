"""Every table, as the newest migration leaves it. Times are seconds since the epoch, money is in nano-dollars."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)


class Names(TypeDecorator[tuple[str, ...]]):
    """Some names in their order, kept as a JSON array."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_result_value(self, value: list[str] | None, _dialect: Dialect) -> tuple[str, ...] | None:
        """As the rest of the house has them."""
        return None if value is None else tuple(value)


METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    },
)

_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its code points, as SQLite has it: the order is the same everywhere, and no new version of an
operating system changes it under an index."""

_COUNT = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts a column up by itself only where it is called INTEGER."""

revision = Table(
    "revision",
    METADATA,
    Column("one", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("number", BigInteger, nullable=False, comment="counts the changes of all that gateways know"),
    Column("generation", BigInteger, nullable=False, comment="counts how often counters were opened anew"),
)

keys = Table(
    "keys",
    METADATA,
    Column("id", _TEXT, primary_key=True),
    Column("digest", _TEXT, nullable=False, unique=True),
    Column("kind", _TEXT, nullable=False),
    Column("owner", _TEXT, nullable=False),
    Column("name", _TEXT, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double),
    Column("revoked", Double),
    Column("models", Names),
    Column("successor", _TEXT),
    Index("ix_keys_kind_owner", "kind", "owner"),
)

subjects = Table(
    "subjects",
    METADATA,
    Column("kind", _TEXT, primary_key=True),
    Column("name", _TEXT, primary_key=True),
    Column("teams", Names, nullable=False),
    Column("roles", Names, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created", Double, nullable=False),
)

teams = Table(
    "teams",
    METADATA,
    Column("name", _TEXT, primary_key=True),
    Column("description", _TEXT, nullable=False),
    Column("created", Double, nullable=False),
)

rules = Table(
    "rules",
    METADATA,
    Column("kind", _TEXT, primary_key=True, comment="grant, limit or budget"),
    Column("name", _TEXT, primary_key=True),
    Column("document", JSON, nullable=False, comment="as the configuration would have it"),
)

audit = Table(
    "audit",
    METADATA,
    Column("id", _COUNT, primary_key=True),
    Column("at", Double, nullable=False),
    Column("actor", _TEXT, nullable=False, comment="who: user:anna, service_account:deploy, local:root"),
    Column("origin", _TEXT, nullable=False, comment="from where: an address, or the command line"),
    Column("action", _TEXT, nullable=False, comment="create, change, rotate, revoke, delete"),
    Column("kind", _TEXT, nullable=False, comment="key, user, service_account, team, grant, limit, budget"),
    Column("name", _TEXT, nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Index("ix_audit_kind_name", "kind", "name"),
)

ledger = Table(
    "ledger",
    METADATA,
    Column("id", _TEXT, primary_key=True),
    Column("request_id", _TEXT, nullable=False, index=True),
    Column("started", Double, nullable=False, index=True),
    Column("ended", Double, nullable=False),
    Column("subject", _TEXT, nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("issuer", _TEXT, nullable=False),
    Column("key", _TEXT),
    Column("teams", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("operation", _TEXT, nullable=False),
    Column("model", _TEXT),
    Column("target", _TEXT),
    Column("status", Integer, nullable=False),
    Column("error", _TEXT),
    Column("rule", _TEXT),
    Column("images", Integer),
    Column("tokens", JSON, nullable=False),
    Column("cost", BigInteger, comment="null is unknown"),
    Column("price", _TEXT),
    Column("reserved", BigInteger, nullable=False),
    Column("charged", BigInteger, nullable=False),
    Column("charges", JSON, nullable=False, comment="the budgets it was charged to"),
    Column("replayed", Boolean, nullable=False),
    Index("ix_ledger_subject_started", "subject", "started"),
)

spend = Table(
    "spend",
    METADATA,
    Column("budget", _TEXT, primary_key=True),
    Column("share", _TEXT, primary_key=True),
    Column("period", _TEXT, primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("changed", Double, nullable=False),
)

alerts = Table(
    "alerts",
    METADATA,
    Column("budget", _TEXT, primary_key=True),
    Column("share", _TEXT, primary_key=True),
    Column("period", _TEXT, primary_key=True),
    Column("threshold", Double, primary_key=True),
    Column("at", Double, nullable=False),
    Column("document", JSON, nullable=False, comment="what is told"),
    Column("delivered", Double, comment="null while it is not"),
    Column("tries", Integer, nullable=False),
    Column("next_try", Double, nullable=False),
)

offices = Table(
    "offices",
    METADATA,
    Column("id", _TEXT, primary_key=True, comment="of a data directory, kept in it"),
    Column("seen", Double, nullable=False),
    Column("generation", BigInteger, nullable=False, comment="the last for which it has handed in everything"),
)
