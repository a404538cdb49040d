"""Control rows: bound to uploads, committed to with the links, opened by holders."""

from alembic import op
from sqlalchemy import JSON, Column, String

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "openings",
        Column("run", String(32), primary_key=True),
        Column("holder", String(40), primary_key=True),
        Column("statement", JSON, nullable=False),
    )
    op.add_column("uploads", Column("control_rows", String(64), nullable=True))
    op.add_column("runs", Column("links", String(64), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "links")
    op.drop_column("uploads", "control_rows")
    op.drop_table("openings")
