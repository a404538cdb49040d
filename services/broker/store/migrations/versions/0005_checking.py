"""Uploads that are checked after they have come, and what was found wrong with them."""

from alembic import op
from sqlalchemy import JSON, Column, String

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("incoming", Column("state", String(16), nullable=False, server_default="coming"))
    op.add_column("incoming", Column("problem", JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("incoming", "problem")
    op.drop_column("incoming", "state")
