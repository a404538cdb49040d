"""Tasks of runs, taken by any number of workers."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "tasks",
        Column("run", String(32), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("pairs", BigInteger, nullable=False),
        Column("worker", String(64), nullable=False),
        Column("done_at", String(32), nullable=False),
    )
    op.create_table(
        "workers",
        Column("name", String(64), primary_key=True),
        Column("boot", String(32), nullable=False),
        Column("beat", BigInteger, nullable=False),
    )
    op.add_column("runs", Column("task_pairs", BigInteger, nullable=False, server_default="8000000000"))
    op.add_column("runs", Column("begun_at", String(32), nullable=True))
    op.drop_column("runs", "pairs_total")
    op.drop_column("runs", "pairs_compared")


def downgrade() -> None:
    for name in ("pairs_compared", "pairs_total"):
        op.add_column("runs", Column(name, Integer, nullable=False, server_default="0"))
    op.drop_column("runs", "begun_at")
    op.drop_column("runs", "task_pairs")
    op.drop_table("workers")
    op.drop_table("tasks")
