"""The beginning: keys, subjects, teams, rules, the audit log, the ledger, spending, alerts, offices."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON()

_APPEND_ONLY = {
    "postgresql": (
        """
        CREATE FUNCTION torana_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the table % is append-only', TG_TABLE_NAME; END $$
        """,
        """
        CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION torana_append_only()
        """,
    ),
    "sqlite": (
        """
        CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the table audit is append-only'); END
        """,
        """
        CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the table audit is append-only'); END
        """,
        # INSERT OR REPLACE deletes without asking the trigger above.
        """
        CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'the table audit is append-only'); END
        """,
    ),
}


def upgrade() -> None:
    """Makes all tables, and the one row of the first."""
    _revision()
    _keys()
    _subjects_and_teams()
    _rules()
    _audit()
    _ledger()
    _spend()
    _alerts()
    _offices()


def _revision() -> None:
    made = op.create_table(
        "revision",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False, comment="always 1"),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="counts the changes of all that gateways know"),
        sa.Column("generation", sa.BigInteger(), nullable=False, comment="counts how often counters were opened anew"),
        sa.PrimaryKeyConstraint("one", name="pk_revision"),
    )
    op.bulk_insert(made, [{"one": 1, "number": 0, "generation": 0}])


def _keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("digest", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("owner", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("expires", sa.Double()),
        sa.Column("revoked", sa.Double()),
        sa.Column("models", _JSON),
        sa.Column("successor", _TEXT),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.UniqueConstraint("digest", name="uq_keys_digest"),
    )
    op.create_index("ix_keys_kind_owner", "keys", ["kind", "owner"])


def _subjects_and_teams() -> None:
    op.create_table(
        "subjects",
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("teams", _JSON, nullable=False),
        sa.Column("roles", _JSON, nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_subjects"),
    )
    op.create_table(
        "teams",
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("description", _TEXT, nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_teams"),
    )


def _rules() -> None:
    op.create_table(
        "rules",
        sa.Column("kind", _TEXT, nullable=False, comment="grant, limit or budget"),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("document", _JSON, nullable=False, comment="as the configuration would have it"),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_rules"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _COUNT, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("actor", _TEXT, nullable=False, comment="who: user:anna, service_account:deploy, local:root"),
        sa.Column("origin", _TEXT, nullable=False, comment="from where: an address, or the command line"),
        sa.Column("action", _TEXT, nullable=False, comment="create, change, rotate, revoke, delete"),
        sa.Column("kind", _TEXT, nullable=False, comment="key, user, service_account, team, grant, limit, budget"),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("before", _JSON),
        sa.Column("after", _JSON),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_kind_name", "audit", ["kind", "name"])
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("request_id", _TEXT, nullable=False),
        sa.Column("started", sa.Double(), nullable=False),
        sa.Column("ended", sa.Double(), nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("issuer", _TEXT, nullable=False),
        sa.Column("key", _TEXT),
        sa.Column("teams", _JSON, nullable=False),
        sa.Column("metadata", _JSON, nullable=False),
        sa.Column("operation", _TEXT, nullable=False),
        sa.Column("model", _TEXT),
        sa.Column("target", _TEXT),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("error", _TEXT),
        sa.Column("rule", _TEXT),
        sa.Column("images", sa.Integer()),
        sa.Column("tokens", _JSON, nullable=False),
        sa.Column("cost", sa.BigInteger(), comment="null is unknown"),
        sa.Column("price", _TEXT),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("charged", sa.BigInteger(), nullable=False),
        sa.Column("charges", _JSON, nullable=False, comment="the budgets it was charged to"),
        sa.Column("replayed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
    )
    op.create_index("ix_ledger_request_id", "ledger", ["request_id"])
    op.create_index("ix_ledger_started", "ledger", ["started"])
    op.create_index("ix_ledger_subject_started", "ledger", ["subject", "started"])


def _spend() -> None:
    op.create_table(
        "spend",
        sa.Column("budget", _TEXT, nullable=False),
        sa.Column("share", _TEXT, nullable=False),
        sa.Column("period", _TEXT, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("budget", "share", "period", name="pk_spend"),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("budget", _TEXT, nullable=False),
        sa.Column("share", _TEXT, nullable=False),
        sa.Column("period", _TEXT, nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("document", _JSON, nullable=False, comment="what is told"),
        sa.Column("delivered", sa.Double(), comment="null while it is not"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("budget", "share", "period", "threshold", name="pk_alerts"),
    )


def _offices() -> None:
    op.create_table(
        "offices",
        sa.Column("id", _TEXT, nullable=False, comment="of a data directory, kept in it"),
        sa.Column("seen", sa.Double(), nullable=False),
        sa.Column(
            "generation", sa.BigInteger(), nullable=False, comment="the last for which it has handed in everything"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_offices"),
    )
