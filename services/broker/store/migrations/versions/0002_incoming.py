"""Uploads that come in parts."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String, UniqueConstraint

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "incoming",
        Column("id", String(32), primary_key=True),
        Column("agreement", String(64), nullable=False, index=True),
        Column("holder", String(64), nullable=False),
        Column("sha256", String(64), nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("part_size", Integer, nullable=False),
        Column("touched_at", String(32), nullable=False),
        UniqueConstraint("agreement", "holder", "sha256"),
    )


def downgrade() -> None:
    op.drop_table("incoming")
