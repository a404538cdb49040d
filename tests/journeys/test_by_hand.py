"""Three holders, two IG leads each side of the table, a broker and a recipient, every step by its own command.

A council's education team, its children's social care and an ICB hold different identifiers. Nothing but the files that
the parties would really send each other passes between their folders.
"""

import csv
import json
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from encoder.cli import app
from encoder.sheet import read_sheet
from keys.identity import Identity
from keys.template import template_text
from services.rehearsal.server import running_broker
from tests.postgres import NewDatabase

PASSPHRASE = "correct horse battery staple"
HOLDERS = ("education", "social-care", "icb")
PARTIES = (*HOLDERS, *(f"{name}-ig-lead" for name in HOLDERS), "broker", "recipient")
CHILDREN = 150
CONTROL_ROWS = 48
FORENAMES = (
    "Amelia",
    "Noah",
    "Aisha",
    "Oliver",
    "Zofia",
    "Mohammed",
    "Freya",
    "Jacob",
    "Ines",
    "Tomos",
    "Grace",
    "Kofi",
)
SURNAMES = ("Smithson", "Okafor", "Kowalska", "Hussain", "Penhaligon", "Featherstone", "Murray", "Adeyemi", "Vaughan")


def run(*arguments: str, stdin: str | None = None) -> str:
    done = CliRunner().invoke(app, list(arguments), input=stdin)
    if done.exception is not None:
        raise done.exception
    return done.stdout


def child(number: int) -> dict[str, str]:
    """A made-up child; the same number is the same child everywhere."""
    day, month, year = 1 + number * 7 % 28, 1 + number * 5 % 12, 2004 + number * 3 % 17
    digits = f"9{number * 7919 % 10**8:08d}"
    check = 11 - sum(int(one) * weight for one, weight in zip(digits, range(10, 1, -1), strict=True)) % 11
    return {
        "forename": FORENAMES[number % len(FORENAMES)],
        "surname": SURNAMES[number % len(SURNAMES)] + SURNAMES[number // 36 % len(SURNAMES)].lower(),
        "dob": f"{year}-{month:02d}-{day:02d}",
        "sex": "FM"[number % 2],
        "postcode": f"AB{number % 90 + 1} {number % 9 + 1}{'ABDE'[number % 4]}{'FGHJ'[number % 4]}",
        "nhs": digits + str(check % 11) if check % 11 < 10 else "",
    }


def write(folder: Path, name: str, numbers: range) -> None:
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["row", *child(0), f"{name} attribute"])
        for number in numbers:
            writer.writerow([f"{name}-{number}", *child(number).values(), f"{name} knows {number}"])
    (folder / f"{name}.toml").write_text(
        'id = "row"\nforename = "forename"\nsurname = "surname"\ndate_of_birth = "dob"\nsex = "sex"\n'
        'postcode = "postcode"\nnhs_number = "nhs"\n',
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def table(
    database: str, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, str]]:
    """All parties have identities and a signed agreement; the broker runs."""
    root = tmp_path_factory.mktemp("table")
    (root / "passphrase").write_text(PASSPHRASE, encoding="utf-8")
    for name in PARTIES:
        folder = root / name
        folder.mkdir()
        identity = Identity.create(name, random=secrets.token_bytes)
        (folder / "identity.json").write_bytes(identity.lock(PASSPHRASE, random=secrets.token_bytes))
        run("identity", "card", str(folder / "identity.json"), "--output", str(root / f"{name}.card.json"))
    _draft(root)
    run("agreement", "freeze", str(root / "agreement.toml"), "--output", str(root / "agreement.json"))
    for name in PARTIES:
        run(
            "agreement",
            "sign",
            str(root / "agreement.json"),
            "--identity",
            str(root / name / "identity.json"),
            "--passphrase-file",
            str(root / "passphrase"),
            "--yes",
        )
    with pytest.MonkeyPatch.context() as environment:
        for name, value in new_database(database).items():
            environment.setenv(f"COUNTERFOIL_BROKER_{name.upper()}", value)
        with running_broker(root / "broker", passphrase=PASSPHRASE) as url:
            yield root, url


def _draft(root: Path) -> None:
    """The template's text with three holders and all parties in it."""
    start = template_text().split("[[holders]]")[0].rsplit("# Who takes part", 1)[0]
    rest = "[encoding]" + template_text().split("[encoding]", 1)[1].split("# Parties:")[0]
    identifiers = '["forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number"]'
    holders = "".join(f'[[holders]]\nname = "{name}"\nidentifiers = {identifiers}\n' for name in HOLDERS)
    without_upn = rest.replace('[[match_keys]]\nkind = "exact"\nname = "upn"\ntuple_of = ["upn"]\n', "")
    parties = ""
    for name in PARTIES:
        role = "ig-lead" if name.endswith("-ig-lead") else "holder" if name in HOLDERS else name
        of = f'of = "{name.removesuffix("-ig-lead")}"\n' if role == "ig-lead" else ""
        parties += f'[[parties]]\nrole = "{role}"\nname = "{name}"\ncard = "{name}.card.json"\n{of}'
    text = start + holders + without_upn.replace("\nrows = 0\n", f"\nrows = {CONTROL_ROWS}\n") + parties
    (root / "agreement.toml").write_text(text, encoding="utf-8")


def test_three_holders_from_agreement_to_joined_file(table: tuple[Path, str]) -> None:
    root, url = table
    cohorts = {"education": range(CHILDREN), "social-care": range(100, 250), "icb": range(50, 220)}

    def as_party(name: str, command: list[str], *more: str, network: bool = True) -> str:
        options = ["--folder", str(root / name), "--passphrase-file", str(root / "passphrase")]
        return run(*command, *options, *(["--broker", url] if network else []), *more)

    for name in PARTIES:
        if name != "broker":
            as_party(name, ["submit", str(root / "agreement.json")])
    for name in HOLDERS:
        as_party(name, ["secret", "contribute"])
    checks = {as_party(name, ["secret", "receive"]) for name in HOLDERS}
    assert len(checks) == 1
    for name in HOLDERS:
        write(root / name, name, cohorts[name])
        told = json.loads(
            as_party(
                name,
                ["encode", str(root / name / f"{name}.csv"), "--columns", str(root / name / f"{name}.toml")],
                *("--yes", "--json"),
                network=False,
            )
        )
        assert (told["rows"], told["control_rows"]) == (len(cohorts[name]), CONTROL_ROWS)
        accepted = len(cohorts[name]) + CONTROL_ROWS
        assert as_party(name, ["upload"], "--yes").startswith(f"accepted {accepted} rows")
    started = as_party("icb", ["start"]).strip()
    deadline = time.monotonic() + 120
    while json.loads(as_party("education", ["status", started], "--json"))["state"] != "matched":
        assert time.monotonic() < deadline
    _open_control_rows(as_party, started)
    page = run("agreement", "review", str(root / "agreement.json"))
    assert page.count("signed") >= len(PARTIES)
    assert "NOT SIGNED" not in page
    assert "approved by: education" in as_party("education-ig-lead", ["approve", started], "--yes")
    assert "education, icb" in as_party("icb-ig-lead", ["approve", started], "--yes")
    while json.loads(as_party("icb", ["status", started], "--json"))["state"] != "released":
        assert time.monotonic() < deadline
    _check_as_ig_lead(root, as_party, started)
    as_party("recipient", ["open", started])
    files: list[str] = []
    for name in HOLDERS:
        handed = root / "recipient" / f"{name}.{'parquet' if name == 'icb' else 'csv'}"
        told = json.loads(
            as_party(
                name,
                ["results", started],
                *("--file", str(root / name / f"{name}.csv"), "--columns", str(root / name / f"{name}.toml")),
                *("--attributes", str(handed), "--keep", f"{name} attribute", "--yes", "--json"),
            )
        )["attributes"]
        assert told["columns"] == [f"{name} attribute"]
        assert read_sheet(handed).table.column_names == ["token", f"{name} attribute"]
        files += ["--file", f"{name}={handed}", "--sha256", f"{name}={told['sha256']}"]
    linked = root / "recipient" / "linked.csv"
    keep = ("--unmatched", "keep")
    told = as_party("recipient", ["join", started, *files], *keep, "--output", str(linked), "--json", network=False)
    shares = json.loads(told)["holders"]
    assert {name: share["rows"] for name, share in shares.items()} == {name: len(cohorts[name]) for name in HOLDERS}
    rows = list(csv.DictReader(linked.read_text(encoding="utf-8").splitlines()))
    assert len({row["link_key"] for row in rows}) == len(rows)
    together = 0
    for row in rows:
        numbers = [
            {int(row[f"{name}.{name} attribute"].rsplit(" ", 1)[1])}
            for name in HOLDERS
            if row[f"{name}.{name} attribute"]
        ]
        together += len(numbers) == 3 and len(set.union(*numbers)) == 1
    in_all = set(cohorts["education"]) & set(cohorts["social-care"]) & set(cohorts["icb"])
    assert together >= 0.95 * len(in_all)


def _open_control_rows(as_party: Callable[..., str], started: str) -> None:
    """Every holder opens its own; the last one, the first one and an IG lead see the same figures."""
    for name in HOLDERS[:-1]:
        awaited = json.loads(as_party(name, ["controls", started], "--no-wait", "--json"))["awaited"]
        assert HOLDERS[-1] in awaited
        assert name not in awaited
    seen = [as_party(name, ["controls", started], "--json") for name in (HOLDERS[-1], HOLDERS[0], "icb-ig-lead")]
    assert len(set(seen)) == 1
    told = json.loads(seen[0])
    assert (told["proofs"], told["known_before"], told["identical_not_linked"]) == ("hold", None, {})
    assert told["recall"]["whole"] == 3 * CONTROL_ROWS - told["twins_linked"]["whole"]
    assert told["recall"]["part"] > 0.9 * told["recall"]["whole"]


def _check_as_ig_lead(root: Path, as_party: Callable[..., str], started: str) -> None:
    """Fetch, verify with nothing but the file and the agreement, compare with what a holder saw, and read."""
    told = as_party("icb-ig-lead", ["log", "fetch"], "--output", str(root / "log.json"))
    assert "countersigned by icb-ig-lead" in told
    verified = run(
        *("log", "verify", str(root / "log.json"), "--agreement", str(root / "agreement.json")),
        *(part for name in HOLDERS for part in ("--checkpoint", str(root / name / "checkpoint.note"))),
    )
    assert "all of them as the broker signed them and as the protocol allows" in verified
    for name in (*HOLDERS, "education-ig-lead"):
        assert f"countersigned by {name} up to entry" in verified
    shown = run("log", "show", str(root / "log.json"), "--run", started)
    assert [line.split("UTC")[1].strip().split("  ")[0] for line in shown.splitlines()] == [
        "run started",
        "run changed",
        *["control rows opened"] * 3,
        "release approved",
        "release approved",
        "run changed",
        "run changed",
    ]


def test_a_holder_may_destroy_its_secret_and_can_then_not_encode(table: tuple[Path, str]) -> None:
    root, _ = table
    folder = ["--folder", str(root / "education")]
    assert json.loads(run("secret", "status", *folder, "--json")) == {"contributed": True, "received": True}
    run("secret", "destroy", *folder, "--yes")
    assert json.loads(run("secret", "status", *folder, "--json")) == {"contributed": False, "received": False}
    with pytest.raises(Exception, match="no linkage secret"):
        run(
            "encode",
            str(root / "education" / "education.csv"),
            "--columns",
            str(root / "education" / "education.toml"),
            *folder,
            "--passphrase-file",
            str(root / "passphrase"),
            "--yes",
        )
