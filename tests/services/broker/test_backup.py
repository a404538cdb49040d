"""The commands of the how-to on backups, as they stand: what was destroyed stays so, and the rest comes back."""

from __future__ import annotations

import re
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.release import ROOT
from encoder.workspace import Workspace
from keys.kinds import Declared
from keys.statement import Statement
from services.broker.app import open_office
from services.broker.destruction.retention import destroy
from services.broker.office import Office
from services.broker.settings import Settings
from services.broker.store import agreements
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import running_broker
from tests.broker import Broker
from tests.postgres import NewDatabase
from tests.seen import refused
from tests.stage import Scene, children

BOTH = children(20, seed=1)
PAGE = ROOT / "docs" / "how-to" / "back-up-and-restore.md"


def commands(heading: str, database: str) -> str:
    """What stands under this heading for this database."""
    part = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (found,) = [one for one in part if one.startswith(f"{heading}\n")]
    sqlite, postgresql = re.findall(r"```sh\n(.*?)```", found, flags=re.DOTALL)
    return str({"sqlite": sqlite, "postgresql": postgresql}[database])


def test_a_restored_broker_has_what_was_kept_and_not_what_was_destroyed(
    database: str, new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in new_database(database).values():
        monkeypatch.setenv("COUNTERFOIL_BROKER_DATABASE_URL", url)
        monkeypatch.setenv("DATABASE", url.replace("+psycopg", ""))
    home, identity = Workspace(tmp_path / "broker"), gather([]).broker
    home.root.mkdir(mode=0o700, exist_ok=True)
    passphrase = write_identity(home, identity)

    def give(heading: str) -> None:
        subprocess.run(["sh", "-euc", commands(heading, database)], cwd=tmp_path, check=True)

    with running_broker(home.root, passphrase=passphrase) as url:
        scenes = [
            Scene.of(Broker(identity, Settings(home=home.root), url), tmp_path / name) for name in ("going", "staying")
        ]
        for scene in scenes:
            scene.open()
            for name in ("north", "south"):
                scene.upload(name, BOTH)
        going, staying = scenes
        run = staying.start_run()
        staying.status(run, "matched")
        give("Back up")
    office = open_office(Settings(home=home.root), identity)
    with closing(office.store):
        destroy(office, going.agreement)
        receipt = receipt_of(office, going)
    give("Restore")
    assert (home.root / "storage" / "agreements" / going.agreement.id).exists()
    with running_broker(home.root, passphrase=passphrase) as url:
        for scene in scenes:
            scene.close()
            scene.broker = replace(scene.broker, url=url)
        assert not (home.root / "storage" / "agreements" / going.agreement.id).exists()
        answer = going.ask(going.cast.holders["north"], "POST", f"{going.path}/runs")
        assert refused(answer, 409, "conflict") == "The data of this agreement have been destroyed."
        said = going.door_of("north").get(going.path)["destroyed"]
        assert said == receipt
        assert Statement.from_json(said).verify(identity.card, kind=Declared.DESTRUCTION)
        staying.release(run)
        assert len(staying.links(run)) == len(BOTH)
        for scene in scenes:
            scene.close()
    log = (home.root / "broker.log").read_text()
    assert '"event": "destruction repeated"' in log
    assert going.agreement.id not in log


def receipt_of(office: Office, scene: Scene) -> object:
    with office.store.transaction("read receipt") as connection:
        row = agreements.get(connection, scene.agreement.id)
    assert row is not None
    return row["destroyed"]
