"""``counterfoil quality`` and ``results --trait``: from a released run at a real broker to one page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from encoder.cli import app
from encoder.errors import InputError, NothingThere
from encoder.workspace import Workspace
from keys.errors import CounterfoilError
from keys.files import OutputRefused
from keys.identity import Identity
from services.rehearsal.party import write_identity
from tests.stage import MakeScene, Scene, children, write_file

pytestmark = pytest.mark.apart_from_database

ROOT = Path(__file__).parents[2]
BOTH = [{**row, "surname": "Zyxquorla-Quill"} if place < 12 else row for place, row in enumerate(children(60, seed=1))]
ROWS = {"north": BOTH + children(45, seed=2), "south": [*BOTH[:50], *children(60, seed=3)]}

pytestmark = pytest.mark.usefixtures("somebody")


class Played:
    """A scene whose run is matched, and any party's command on it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        for name, rows in ROWS.items():
            scene.upload(name, rows)
        self.run = scene.start_run()
        scene.status(self.run, "matched")
        self.receiving = scene.door_of("north").get(scene.path)["receiving"]

    def folder(self, identity: Identity) -> Path:
        names = {one.card.fingerprint: name for name, one in self.scene.cast.holders.items()}
        name = names.get(identity.card.fingerprint, identity.card.fingerprint)
        workspace = Workspace(self.scene.root / name)
        if not workspace.identity.exists():
            passphrase = write_identity(workspace, identity)
            (workspace.root / "passphrase").write_text(passphrase)
            workspace.save_agreement(self.scene.agreement, self.receiving)
        return workspace.root

    def ask(self, identity: Identity, command: str, *more: str, stdin: str | None = None) -> Result:
        folder = self.folder(identity)
        options = ["--folder", str(folder), "--passphrase-file", str(folder / "passphrase")]
        if command != "join":
            options += ["--broker", self.scene.broker.url]
        return CliRunner().invoke(app, [command, self.run, *options, *more], input=stdin)

    def hand_over(self, name: str, *more: str, stdin: str | None = None) -> Result:
        files = write_file(self.scene.root / "files", name, ROWS[name])
        words = ("--file", str(files.file), "--columns", str(files.columns_file), "--attributes", str(self.out(name)))
        return self.ask(self.scene.cast.holders[name], "results", *words, *more, stdin=stdin)

    def out(self, name: str) -> Path:
        return self.scene.root / f"{name}-attributes.csv"


def refused(done: Result, kind: type[CounterfoilError] = InputError) -> CounterfoilError:
    assert isinstance(done.exception, kind), (done.output, done.exception)
    return done.exception


def figures(page: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.with_suffix(".json").read_text("ascii"))
    return found


@pytest.fixture
def played(make_scene: MakeScene) -> Played:
    return Played(make_scene())


def test_from_a_run_to_every_partys_page(played: Played, tmp_path: Path) -> None:
    scene, page = played.scene, tmp_path / "quality.html"
    cast, words = scene.cast, ("quality", "--out", str(page))
    early = refused(played.ask(cast.recipient, *words), NothingThere)
    assert early.what == "The quality of the links is not told yet: the run is matched."
    assert not page.exists()
    done = played.ask(cast.ig_leads["north"], "quality", "--out", str(tmp_path / "lead.html"))
    assert re.fullmatch(
        r"links: 50 \(to the nearest 5\)\n"
        r"expected false links: fewer than 8; precision [\d.]+% to 100\.00%\n"
        r"expected missed links: fewer than 8; recall [\d.]+% to 100\.00%\n"
        r"Written: \S+lead\.html and \S+lead\.json\n",
        done.stdout,
    )
    scene.release(played.run)
    own = figures(tmp_path / "lead.html")["own"]
    assert [(one["label"], one["rows"], one["linked"]) for one in own] == [
        ("all", 105, 50),
        ("lacking a match-key", None, None),
    ]

    done = played.hand_over("north", "--trait", "names", "--trait", "missing", stdin="y\n")
    assert done.exception is None, done.exception
    shown = done.stderr
    assert "  added: 'trait.names', one of: hyphenated or double-barrelled, neither\n" in shown
    assert "  added: 'trait.has_postcode', one of: given, missing\n" in shown
    handed = played.hand_over("south", "--yes", "--trait", "age", "--json")
    assert handed.exception is None, handed.exception
    told = json.loads(handed.stdout)
    assert told["attributes"]["traits"] == ["trait.age"]

    assert played.ask(cast.recipient, "open").exit_code == 0
    files = [word for name in ROWS for word in ("--file", f"{name}={played.out(name)}")]
    done = played.ask(cast.recipient, *words, *files, "--json")
    assert done.exception is None, done.exception
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found == figures(page)
    assert found["own"] == []
    north, south = found["rates"]
    assert (north["whole"]["rows"], north["whole"]["linked"]) == (105, 50)
    names = {one["label"]: one for one in north["breakdowns"][0]["groups"]}
    assert (names["neither"]["rest"], names["hyphenated or double-barrelled"]["linked"]) == (True, None)  # all twelve
    assert [one["name"] for one in south["breakdowns"]] == ["Age in years"]
    for written in (page, page.with_suffix(".json"), *(played.out(name) for name in ROWS)):
        content = written.read_text(encoding="utf-8")
        for planted in ("Zyxquorla", *(row["nhs_number"] for row in BOTH), *(row["forename"] for row in BOTH)):
            assert planted not in content

    kept = page.read_bytes()
    refused(played.ask(cast.recipient, *words), OutputRefused)
    assert page.read_bytes() == kept


def test_what_is_asked_wrongly_is_refused_before_anything_is_asked_for(played: Played, tmp_path: Path) -> None:
    cast, words = played.scene.cast, ("quality", "--out", str(tmp_path / "quality.html"))
    north = ("--file", f"north={tmp_path / 'north.csv'}")
    assert "ends with .html" in refused(played.ask(cast.recipient, "quality", "--out", "page.txt")).what
    assert "With one file no row is linked" in refused(played.ask(cast.recipient, *words, *north)).what
    assert "takes NAME=VALUE" in refused(played.ask(cast.recipient, *words, "--file", "west=west.csv")).what
    refused(played.ask(cast.holders["north"], *words, *north, "--file", "south=x.csv"), CounterfoilError)
    done = played.ask(cast.holders["north"], "results", "--trait", "age")
    assert refused(done).what == ("--file, --columns, --keep, --drop and --trait say what goes into an attribute file.")
    assert not (tmp_path / "quality.html").exists()


def test_a_page_of_three_holders_says_that_nothing_is_expected(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene("north", "south", "west")
    for name, seed in (("north", 2), ("south", 3), ("west", 4)):
        scene.upload(name, [*BOTH[:20], *children(30, seed=seed)])
    run = scene.start_run()
    scene.status(run, "matched")
    answer = scene.ask(scene.cast.ig_leads["west"], "GET", f"/v1/runs/{run}/quality").json()
    assert answer == {"run": run, "agreement": scene.agreement.id, "quality": None}


def test_the_page_on_how_to_judge_a_linkage_names_the_command_and_its_options() -> None:
    text = (ROOT / "docs" / "how-to" / "judge-a-linkage-without-truth.md").read_text(encoding="utf-8")
    for said in ("counterfoil quality RUN", "--trait age", "--file council="):
        assert said in text
