"""I2 from the file to the upload: a row's encodings depend on its identifiers and the secret alone."""

import hashlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import encoder.package
from encoder.cli import app
from encoder.columns import Columns
from encoder.normalise import Normalised, normalise
from encoder.package import pack, recall_handles
from encoder.read import read_rows
from encoder.workspace import Workspace
from keys.template import default_rules
from tests.doors import NOW, broker_key, children, drawn, folder, identity, secret_of, signed, small_terms
from tests.holder import write_rows
from tests.received import receive_whole

AGREEMENT = signed(small_terms())
COUNCIL = AGREEMENT.holders()[0]
PEOPLE = children(25)
NAMES = (
    "Zoë",
    "İpek",
    "Il\N{LATIN SMALL LETTER DOTLESS I}ca",
    "Straße",
    "Ó Súilleabháin",
    "MacDonald",
    "",
    "Ng",
    "d'Arcy",
)
for _number, _person in enumerate(PEOPLE):
    _person["forename"], _person["surname"] = NAMES[_number % 9], NAMES[_number % 7]
    _person["nhs_number"] *= _number % 4 > 0
COLUMNS = Columns.model_validate({name: name for name in PEOPLE[0]})


def read(path: Path, *, rows: int = 65_536) -> Normalised:
    return normalise(read_rows(path, COLUMNS, batch_rows=rows), COLUMNS, rules=default_rules(), today=NOW.date())


def encoded(root: Path, normalised: Normalised, *, workers: int, block: int) -> dict[str, bytes]:
    """Row id -> its record in the upload without the handle, as the broker receives it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder.package, "_BLOCK_ROWS", block)
        made = pack(
            normalised,
            workspace=folder(root, AGREEMENT),
            agreement=AGREEMENT,
            holder=COUNCIL,
            identity=identity("council"),
            secret=secret_of(AGREEMENT),
            receiving=broker_key(AGREEMENT.id).address,
            now=NOW,
            random=drawn("workers"),
            workers=workers,
        )
    with made.path.open("rb") as stream:
        came = receive_whole(stream, agreement=AGREEMENT, holder=COUNCIL, key=broker_key(AGREEMENT.id))
    handles, ids = recall_handles(Workspace(root), agreement=AGREEMENT, identity=identity("council"))
    assert [one.tobytes() for one in came.records["handle"]] == [one.tobytes() for one in handles]
    for name, rows in made.match_keys.items():
        assert rows == came.records[f"present/{name}"].sum()
    return {row_id: record.tobytes()[16:] for row_id, record in zip(ids, came.records, strict=True)}


@cache
def expected(root: Path) -> dict[str, bytes]:
    return encoded(root / "expected", read(write_rows(root / "expected.csv", PEOPLE)), workers=1, block=1 << 16)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workers")


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 5), st.integers(1, 30), st.integers(1, 30), st.permutations(PEOPLE))
def test_i2_encodings_do_not_depend_on_workers_blocks_batches_or_the_order_of_rows(
    root: Path, workers: int, block: int, rows: int, people: list[dict[str, str]]
) -> None:
    made = encoded(root / "made", read(write_rows(root / "made.csv", people), rows=rows), workers=workers, block=block)
    assert made == expected(root)


def test_the_rows_of_the_test_have_encodings_that_differ(root: Path) -> None:
    assert len(expected(root)) == len(set(expected(root).values())) == len(PEOPLE)


PROGRAM = """
import sys
from pathlib import Path
from tests.encoder import test_workers
print(test_workers.digest(Path(sys.argv[1])))
"""


def digest(root: Path) -> str:
    rows = sorted(expected(root).items())
    return hashlib.sha256(b"".join(row_id.encode() + record for row_id, record in rows)).hexdigest()


@pytest.mark.parametrize(
    "surroundings",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONHASHSEED": "1"},
        {"LC_ALL": "tr_TR.UTF-8", "LANGUAGE": "tr", "PYTHONHASHSEED": "2", "TZ": "Pacific/Apia"},
    ],
    ids=["plain locale", "Turkish locale"],
)
def test_i2_encodings_do_not_depend_on_locale_time_zone_or_hash_seed(
    root: Path, tmp_path: Path, surroundings: dict[str, str]
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | surroundings,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == digest(root)


@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_there_must_be_a_worker(number: str) -> None:
    refused = CliRunner().invoke(app, ["encode", "children.csv", "--workers", number])
    assert refused.exit_code == 2
    assert "--workers" in refused.output
