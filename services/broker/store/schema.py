"""Which version the tables have, and which the code wants."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"


def configuration() -> Config:
    """What Alembic is told: where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def version_of(connection: Connection) -> str | None:
    """The version of the tables; None if there are none yet."""
    context = MigrationContext.configure(connection, opts={"version_table": "schema_version"})
    return context.get_current_revision()


def versions() -> list[str]:
    """Every version that this code knows, from the first to the newest."""
    return [script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()][::-1]


def new_enough(version: str | None) -> bool:
    """Whether this code can serve with tables of this version: the newest that it knows, or one that it does not know.

    That one was made by newer code, which leaves its predecessor able to serve: see docs/how-to/upgrade-a-broker.md.
    """
    return version is not None and version not in versions()[:-1]
