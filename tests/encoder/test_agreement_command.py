"""``counterfoil agreement``: an IG lead's and a drafter's work, from an empty draft to an agreement in force."""

import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from encoder.cli import app
from encoder.cli.ask import NotAgreed
from keys.agreement import Agreement
from keys.canonical import canonical, parse
from keys.errors import AgreementError, CounterfoilError
from keys.identity import Identity
from tests import doors

PASSPHRASE = "correct horse battery staple"
ROLES = {
    "council": ("holder", None),
    "icb": ("holder", None),
    "council-ig-lead": ("ig-lead", "council"),
    "icb-ig-lead": ("ig-lead", "icb"),
    "broker": ("broker", None),
    "recipient": ("recipient", None),
}
IDENTITIES = {name: Identity.create(name, random=secrets.token_bytes) for name in ROLES}


def run(*arguments: str) -> str:
    """The standard output of a command that must succeed; errors of ours are raised."""
    done = CliRunner().invoke(app, list(arguments))
    if done.exception is not None:
        raise done.exception
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "passphrase").write_text(PASSPHRASE, encoding="utf-8")
    for name, identity in IDENTITIES.items():
        (tmp_path / f"{name}.card.json").write_bytes(canonical(identity.card.to_json()))
    run("agreement", "new")
    return tmp_path


def name_the_parties(folder: Path) -> None:
    """Take away the # before the parties, as the draft itself says."""
    draft = folder / "agreement.toml"
    terms, parties = draft.read_text(encoding="utf-8").split("# [[parties]]", 1)
    lines = ("# [[parties]]" + parties).splitlines()
    draft.write_text(terms + "\n".join(line.removeprefix("#").strip() for line in lines), encoding="utf-8")


def frozen(folder: Path) -> Agreement:
    return Agreement.from_json(parse((folder / "agreement.json").read_bytes(), where="agreement"))


def sign(folder: Path, name: str, *, file: str = "agreement.json") -> str:
    identity = folder / f"{name}.identity.json"
    if not identity.exists():
        identity.write_bytes(IDENTITIES[name].lock(PASSPHRASE, random=secrets.token_bytes))
    return run("agreement", "sign", file, "--identity", identity.name, "--passphrase-file", "passphrase", "--yes")


def edit(folder: Path, old: str, new: str) -> None:
    draft = folder / "agreement.toml"
    text = draft.read_text(encoding="utf-8")
    assert old in text
    draft.write_text(text.replace(old, new), encoding="utf-8")


def test_from_a_new_draft_to_an_agreement_that_all_have_signed(folder: Path) -> None:
    assert "enough fields" in run("agreement", "check", "agreement.toml")
    name_the_parties(folder)
    run("agreement", "freeze", "agreement.toml")
    for name in ROLES:
        assert name in run("agreement", "status", "agreement.json").split("not signed:")[1]
        sign(folder, name)
    status = json.loads(run("agreement", "status", "agreement.json", "--json"))
    assert status["unsigned"] == []
    assert status["agreement"] == frozen(folder).id
    frozen(folder).require_signed()


def test_signatures_of_copies_are_gathered(folder: Path) -> None:
    name_the_parties(folder)
    run("agreement", "freeze", "agreement.toml")
    copy = folder / "copy.json"
    copy.write_bytes((folder / "agreement.json").read_bytes())
    sign(folder, "council")
    sign(folder, "icb", file="copy.json")
    run("agreement", "status", "agreement.json", "--add", "copy.json")
    status = json.loads(run("agreement", "status", "agreement.json", "--json"))
    assert {"council", "icb"} <= set(status["signed"])


def test_a_change_after_signing_voids_the_signatures(folder: Path) -> None:
    name_the_parties(folder)
    run("agreement", "freeze", "agreement.toml")
    sign(folder, "council")
    document = json.loads((folder / "agreement.json").read_bytes())
    document["terms"]["retention_hours"] = 1000
    (folder / "agreement.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(AgreementError, match="signed another"):
        run("agreement", "status", "agreement.json")


def test_the_page_for_an_ig_lead_says_all_that_matters(folder: Path) -> None:
    name_the_parties(folder)
    run("agreement", "freeze", "agreement.toml")
    page = run("agreement", "review", "agreement.json")
    for part in (
        "Joint needs assessment",
        "Children and Families Act 2014",
        "council uses forename",
        "nothing technical prevents",
        "not anonymous",
        "fewer than 100 rows is refused",
        "10 in 100 rows",
        "72 hours",
        "NOT SIGNED",
        "still those of the template",
    ):
        assert part in " ".join(page.split())
    assert max(len(line) for line in page.splitlines()) <= 100


def test_the_agreement_that_a_party_keeps_in_its_folder_is_shown_too(tmp_path: Path) -> None:
    agreement = doors.signed(doors.small_terms())
    kept = doors.folder(tmp_path / "council", agreement).agreement
    bare = tmp_path / "agreement.json"
    bare.write_bytes(canonical(agreement.to_json()))
    assert run("agreement", "review", str(kept)) == run("agreement", "review", str(bare))
    assert run("agreement", "status", str(kept)) == run("agreement", "status", str(bare))
    before = kept.read_bytes()
    with pytest.raises(AgreementError, match="not an agreement"):  # it would lose the broker's key
        run("agreement", "status", str(kept), "--add", str(bare))
    assert kept.read_bytes() == before


def test_someone_who_is_no_party_cannot_sign(folder: Path) -> None:
    name_the_parties(folder)
    run("agreement", "freeze", "agreement.toml")
    stranger = Identity.create("stranger", random=secrets.token_bytes)
    (folder / "s.json").write_bytes(stranger.lock(PASSPHRASE, random=secrets.token_bytes))
    before = (folder / "agreement.json").read_bytes()
    with pytest.raises(AgreementError, match="not a party"):
        run("agreement", "sign", "agreement.json", "--identity", "s.json", "--passphrase-file", "passphrase", "--yes")
    assert (folder / "agreement.json").read_bytes() == before


@pytest.mark.usefixtures("somebody")
def test_without_yes_the_page_is_shown_and_no_means_no(folder: Path) -> None:
    name_the_parties(folder)
    run("agreement", "freeze", "agreement.toml")
    before = (folder / "agreement.json").read_bytes()
    done = CliRunner().invoke(
        app,
        ["agreement", "sign", "agreement.json", "--identity", "x", "--passphrase-file", "passphrase"],
        input="n\n",
    )
    assert "WHO LEARNS WHAT" in done.stdout
    assert done.exit_code == 1
    assert isinstance(done.exception, NotAgreed)
    assert (folder / "agreement.json").read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('hardening = { method = "diffusion", t = 6, length = 512 }', 'accept_unhardened = "a pilot"', "encoding"),
        ("t = 6", "t = 5", "encoding.hardening"),
        ("length = 512", "length = 16384", "encoding.hardening"),
        ('release = "blind"', 'release = "open"', "release"),
        ("retention_hours = 72", "retention_hours = 8000", "retention_hours"),
        ("minimum_rows = 100", "minimum_rows = 1", "minimum_rows"),
        ("repeats_percent = 10", "repeats_percent = 50", "repeats_percent"),
        ("below = 8", "below = 2", "suppression"),
        ("match = 0.5", "match = 0.2", "decision.match"),
        (
            'contradicting_exact_keys = "refuse"',
            'contradicting_exact_keys = "allow"',
            "decision.contradicting_exact_keys",
        ),
        (
            'rows_of_one_holder = "one per link"',
            'rows_of_one_holder = "any number"',
            "decision.rows_of_one_holder",
        ),
        ('tuple_of = ["upn"]', 'tuple_of = ["date_of_birth"]', "match_keys.upn"),
        ('expires = "2027', 'expires = "2097', "expires"),
    ],
)
def test_every_risky_choice_is_named_with_what_to_write(folder: Path, old: str, new: str, place: str) -> None:
    before = {one["place"] for one in json.loads(run("agreement", "check", "agreement.toml", "--json"))["risks"]}
    edit(folder, old, new)
    risks = json.loads(run("agreement", "check", "agreement.toml", "--json"))["risks"]
    risk, *others = sorted((one for one in risks if one["place"] not in before), key=lambda one: one["place"] != place)
    assert risk["place"] == place
    unattacked = ["encoding.hardening"] if place.startswith("match_keys.") else []
    assert [one["place"] for one in others] == unattacked
    assert risk["remedy"].startswith(("Write", "Add", "Use"))


def test_a_missing_choice_is_an_error_that_names_it(folder: Path) -> None:
    edit(folder, "retention_hours = 72\n", "")
    with pytest.raises(AgreementError, match="retention_hours"):
        run("agreement", "check", "agreement.toml")


def test_holders_without_names_are_told_so(folder: Path) -> None:
    text = (folder / "agreement.toml").read_text(encoding="utf-8")
    assert text.count('["forename", "surname", ') == 2
    text = text.replace('["forename", "surname", ', "[").replace(', "nhs_number", "upn"]', "]")
    keys = text.index("# Match-keys: each")
    text = text[:keys] + '[[match_keys]]\nkind = "exact"\nname = "birth"\ntuple_of = ["date_of_birth", "postcode"]\n'
    (folder / "agreement.toml").write_text(text, encoding="utf-8")
    (pair,) = json.loads(run("agreement", "check", "agreement.toml", "--json"))["pairs"]
    assert pair["verdict"].startswith("too few fields")


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (lambda text: text.replace('role = "broker"', 'role = "boss"'), "parties.4.role"),
        (lambda text: text.replace('card = "icb.card.json"', 'card = "missing.json"'), "cannot be read"),
        (lambda text: text.replace('card = "icb.card.json"', 'card = "council.card.json"'), "the same card"),
        (lambda text: text.replace('of = "icb"', 'of = "council"'), 'no party with role = "ig-lead" has of = "icb"'),
        (lambda text: text.replace('of = "icb"', 'of = "nhs"'), 'the IG lead "icb-ig-lead" needs an of'),
        (lambda text: text.replace('name = "icb"\ncard', 'name = "other"\ncard'), '"other" has role = "holder", but'),
        (lambda text: text.replace('role = "broker"', 'role = "recipient"'), 'no parties have role = "broker"'),
        (lambda text: text.replace('name = "recipient"', 'name = "broker"'), '2 parties are called "broker"'),
        (lambda text: text + '\nof = "icb"\n', '"recipient" has an of, but is no IG lead'),
        (lambda text: text.split("[[parties]]")[0], "names no parties yet"),
    ],
    ids=["role", "card missing", "card twice", "no IG lead", "lead of nobody", "another holder", "no broker",
         "name twice", "of", "none"],
)  # fmt: skip
def test_wrong_parties_are_refused_and_nothing_is_written(folder: Path, fault: Any, what: str) -> None:
    name_the_parties(folder)
    draft = folder / "agreement.toml"
    draft.write_text(fault(draft.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(CounterfoilError) as caught:
        run("agreement", "freeze", "agreement.toml")
    assert what.lower() in str(caught.value).lower()
    assert "whoever drafted it" not in caught.value.remedy
    assert not (folder / "agreement.json").exists()


def test_check_says_what_the_parties_lack(folder: Path) -> None:
    assert "No parties are named yet" in run("agreement", "check", "agreement.toml")
    assert json.loads(run("agreement", "check", "agreement.toml", "--json"))["parties"] == 0
    name_the_parties(folder)
    assert "No parties" not in run("agreement", "check", "agreement.toml")
    edit(folder, 'role = "broker"', 'role = "recipient"')
    edit(folder, 'of = "icb"', 'of = "council"')
    with pytest.raises(AgreementError) as caught:
        run("agreement", "check", "agreement.toml")
    for gap in ('role = "broker"', '2 parties have role = "recipient"', 'of = "icb"', "agreement.toml"):
        assert gap in str(caught.value)
