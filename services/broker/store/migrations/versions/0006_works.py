"""Processes on the roll that only answer, beside those that do the work of runs."""

from alembic import op
from sqlalchemy import Boolean, Column, true

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("workers", Column("works", Boolean, nullable=False, server_default=true()))


def downgrade() -> None:
    op.drop_column("workers", "works")
