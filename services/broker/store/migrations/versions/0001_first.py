"""The first tables."""

from alembic import op
from sqlalchemy import JSON, Column, Integer, LargeBinary, String, Text, UniqueConstraint

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "agreements",
        Column("id", String(64), primary_key=True),
        Column("document", JSON, nullable=False),
        Column("receiving", JSON, nullable=False),
        Column("received_at", String(32), nullable=False),
        Column("destroyed", JSON, nullable=True),
    )
    op.create_table(
        "nonces",
        Column("signer", String(64), primary_key=True),
        Column("nonce", String(64), primary_key=True),
        Column("expires_at", String(32), nullable=False, index=True),
    )
    op.create_table(
        "contributions",
        Column("agreement", String(64), primary_key=True),
        Column("sender", String(64), primary_key=True),
        Column("receiver", String(64), primary_key=True),
        Column("sealed", LargeBinary, nullable=False),
    )
    op.create_table(
        "uploads",
        Column("id", String(32), primary_key=True),
        Column("agreement", String(64), nullable=False, index=True),
        Column("holder", String(64), nullable=False),
        Column("content_digest", String(60), nullable=False),
        Column("rows", Integer, nullable=False),
        Column("key_check", String(64), nullable=False),
        Column("conformance", String(64), nullable=False),
        Column("receipt", JSON, nullable=False),
        Column("received_at", String(32), nullable=False),
        UniqueConstraint("agreement", "holder", "content_digest"),
    )
    op.create_table(
        "runs",
        Column("id", String(32), primary_key=True),
        Column("agreement", String(64), nullable=False, index=True),
        Column("state", String(16), nullable=False),
        Column("uploads", JSON, nullable=False),
        Column("pairs_total", Integer, nullable=False),
        Column("pairs_compared", Integer, nullable=False),
        Column("outcome", JSON, nullable=True),
        Column("problem", JSON, nullable=True),
        Column("started_at", String(32), nullable=False),
        Column("changed_at", String(32), nullable=False),
    )
    op.create_table(
        "approvals",
        Column("run", String(32), primary_key=True),
        Column("holder", String(40), primary_key=True),
        Column("statement", JSON, nullable=False),
    )
    op.create_table(
        "events",
        Column("agreement", String(64), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("leaf", LargeBinary, nullable=False),
        Column("checkpoint", Text, nullable=False),
    )
    op.create_table(
        "countersignatures",
        Column("agreement", String(64), primary_key=True),
        Column("signer", String(64), primary_key=True),
        Column("size", Integer, primary_key=True, autoincrement=False),
        Column("note", Text, nullable=False),
    )


def downgrade() -> None:
    for table in (
        "countersignatures",
        "events",
        "approvals",
        "runs",
        "uploads",
        "contributions",
        "nonces",
        "agreements",
    ):
        op.drop_table(table)
