"""Uploads that come in parts."""

from alembic import op

from services.broker.store.tables import incoming

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    incoming.create(op.get_bind(), checkfirst=True)  # the first version makes all tables that there are today


def downgrade() -> None:
    incoming.drop(op.get_bind())
