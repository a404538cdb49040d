"""Control rows in an upload: like the others to the broker, apart from the others for their holder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from encoder.attributes import plan_attributes, write_attributes
from encoder.cli import app
from encoder.control_rows import control_rows
from encoder.inventory import take_inventory
from encoder.match_keys import encoders
from encoder.package import HandleTable, Packed, every_handles, pack, recall_handles
from encoder.results import Results, open_release, write_results
from encoder.workspace import Workspace
from keys.envelope import seal_bytes
from keys.layout import open_release_record, release_record
from keys.receiving import encode
from keys.tokens import TOKEN_BYTES
from tests.doors import NOW, broker_key, children, cohort, drawn, folder, identity, secret_of, signed, small_terms
from tests.holder import agreement_for_ever, make_home, write_rows
from tests.received import Whole, receive_whole

ROWS, CONTROLS = 30, 16
PEOPLE = children(ROWS)
AGREEMENT = signed(small_terms(control={"rows": CONTROLS}))
OPEN = signed(small_terms(control={"rows": CONTROLS}, release="open"))
HOLDER = AGREEMENT.holders()[0]


@pytest.fixture
def packed(tmp_path: Path) -> Packed:
    return packed_in(folder(tmp_path, AGREEMENT))


def packed_in(workspace: Workspace, agreement: Any = AGREEMENT, seed: str = "pack") -> Packed:
    return pack(
        cohort(PEOPLE),
        workspace=workspace,
        agreement=agreement,
        holder=HOLDER,
        identity=identity("council"),
        secret=secret_of(agreement),
        receiving=broker_key(agreement.id).address,
        now=NOW,
        random=drawn(seed),
    )


def received(packed: Packed) -> Whole:
    with packed.path.open("rb") as stream:
        return receive_whole(stream, agreement=AGREEMENT, holder=HOLDER, key=broker_key(AGREEMENT.id))


def tables(root: Path, agreement: Any = AGREEMENT) -> list[HandleTable]:
    return list(every_handles(Workspace(root), agreement=agreement, identity=identity("council")))


def test_every_row_is_there_once_with_its_own_encodings(packed: Packed, tmp_path: Path) -> None:
    came, (table,) = received(packed), tables(tmp_path)
    assert (packed.rows, packed.control_rows, came.rows) == (ROWS, CONTROLS, ROWS + CONTROLS)
    np.testing.assert_array_equal(came.records["handle"], table.handles)
    assert table.own.sum() == ROWS
    assert sorted(table.row_ids) == sorted(person["id"] for person in PEOPLE)
    place = {person["id"]: number for number, person in enumerate(PEOPLE)}
    order = [place[row_id] for row_id in table.row_ids]
    made, own = control_rows(AGREEMENT.terms, "council", secret_of(AGREEMENT)), cohort(PEOPLE).identifiers
    for encoder in encoders(AGREEMENT.terms.keys_of("council"), terms=AGREEMENT.terms, secret=secret_of(AGREEMENT)):
        bits = came.records[encoder.key.name]
        np.testing.assert_array_equal(bits[table.own], encoder.encode(own).bits[order])
        np.testing.assert_array_equal(bits[list(table.control_rows)], encoder.encode(made).bits)


def test_nothing_in_the_upload_tells_control_rows_from_others(packed: Packed, tmp_path: Path) -> None:
    """They stand anywhere, and the manifest alone knows of them."""
    (table,) = tables(tmp_path)
    places = sorted(table.control_rows)
    assert places != list(range(places[0], places[0] + CONTROLS))
    assert list(table.control_rows) != places
    assert received(packed).control_rows == table.commitment


def test_another_upload_binds_other_handles_of_the_same_rows(packed: Packed, tmp_path: Path) -> None:
    again = packed_in(Workspace(tmp_path), seed="again")
    newest, before = tables(tmp_path)
    assert received(again).control_rows == newest.commitment != before.commitment
    assert newest.salt != before.salt
    assert packed.sha256 != again.sha256


def test_counts_are_of_the_holders_own_rows(packed: Packed, tmp_path: Path) -> None:
    receiving = broker_key(AGREEMENT.id).address
    found = take_inventory(cohort(PEOPLE), agreement=AGREEMENT, holder=HOLDER, receiving=receiving)
    assert (found.rows, found.control_rows, found.encoded) == (ROWS, CONTROLS, ROWS)
    assert found.bytes == packed.bytes
    assert dict(found.match_keys) == dict(packed.match_keys)
    assert max(packed.match_keys.values()) == max(packed.fields.values()) == ROWS
    handles, row_ids = recall_handles(Workspace(tmp_path), agreement=AGREEMENT, identity=identity("council"))
    assert len(handles) == len(row_ids) == ROWS


@pytest.mark.parametrize("agreement", [AGREEMENT, OPEN], ids=["blind", "open"])
def test_i4_results_and_attributes_have_every_own_row_and_no_other(tmp_path: Path, agreement: Any) -> None:
    packed_in(folder(tmp_path, agreement), agreement)
    (table,) = tables(tmp_path, agreement)
    results, values = released(tmp_path, agreement, table)
    own = [value for value, is_own in zip(values, table.own, strict=True) if is_own]
    assert results.by_row_id() == dict(zip(table.row_ids, own, strict=True))
    write_results(tmp_path / "results.csv", results)
    source = write_rows(tmp_path / "source.csv", PEOPLE)
    plan = plan_attributes(source, row_id="id", identifiers=["forename", "surname"])
    handed = write_attributes(plan, tmp_path / "handed.csv", results=results)
    assert (handed.rows, handed.without_token) == (ROWS, 0)
    strange = [value for value, is_own in zip(values, table.own, strict=True) if not is_own]
    for file in ("results.csv", "handed.csv"):
        text = (tmp_path / file).read_text(encoding="utf-8")
        assert len(text.splitlines()) == ROWS + 1
        assert not [value for value in strange if value in text]


def released(root: Path, agreement: Any, table: HandleTable) -> tuple[Results, list[str]]:
    """What a broker sends, opened, and the value of each handle as text."""
    blind = agreement is AGREEMENT
    records = np.zeros(len(table.handles), dtype=release_record() if blind else open_release_record())
    column, width = ("token", TOKEN_BYTES) if blind else ("link_key", 16)
    records["handle"] = table.handles
    records[column] = np.frombuffer(drawn("values")(width * len(records)), np.uint8).reshape(-1, width)
    sealed = seal_bytes(
        records.tobytes(),
        kind="release",
        agreement=agreement.id,
        sender=identity("broker"),
        receiver=identity("council").card.receiving,
        random=drawn("release"),
        context={"run": "run 7"},
    )
    results = open_release(sealed, workspace=Workspace(root), agreement=agreement, identity=identity("council"))
    return results, [encode(one.tobytes()) if blind else one.tobytes().hex() for one in records[column]]


def test_encode_says_how_many_there_are(tmp_path: Path) -> None:
    agreement = agreement_for_ever(control={"rows": CONTROLS})
    home = make_home(tmp_path / "home", agreement)
    file = write_rows(tmp_path / "rows.csv", PEOPLE)
    options = ["--columns", str(home / "columns.toml"), "--folder", str(home), "--yes"]
    options += ["--passphrase-file", str(home / "passphrase")]
    done = CliRunner().invoke(app, ["encode", str(file), *options])
    assert done.exit_code == 0, done.output
    assert f"Rows {ROWS}\nControl rows {CONTROLS}: made up, uploaded among these" in done.stderr
    assert f"{ROWS + CONTROLS} rows in random order" in done.stderr
    assert f"{ROWS} rows and {CONTROLS} control rows (0 cannot link, 0 excluded)" in done.stdout
    told = json.loads(CliRunner().invoke(app, ["encode", str(file), *options, "--json"]).stdout)
    assert (told["rows"], told["control_rows"]) == (ROWS, CONTROLS)
