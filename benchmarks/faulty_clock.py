"""The broker's own commands, with an office whose clock is off by the seconds that a file of its home says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from services.broker import app
from services.cli import main as run

if TYPE_CHECKING:
    from keys.identity import Identity
    from services.broker.office import Office
    from services.broker.settings import Settings

_open_office = app.open_office


def main() -> None:
    """As ``counterfoil-broker``. An office's clock is an argument; here another is given."""
    app.open_office = _misled
    run()


def _misled(settings: Settings, identity: Identity) -> Office:
    from benchmarks.faulty_house import CLOCK

    file: Path = settings.home / CLOCK

    def now() -> datetime:
        try:
            seconds = float(file.read_text())
        except (FileNotFoundError, ValueError):  # being written
            seconds = 0.0
        return datetime.now(UTC) + timedelta(seconds=seconds)

    return replace(_open_office(settings, identity), now=now)
