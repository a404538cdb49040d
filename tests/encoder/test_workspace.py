"""A party's folder: the signed agreement, and secrets that only the party itself can open."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from encoder.errors import InputError
from encoder.workspace import Workspace, check_receiving, own_party
from keys.agreement import Role
from keys.canonical import canonical
from keys.envelope import seal_bytes
from keys.errors import AgreementError, EnvelopeError, KeysError, SignatureError
from keys.identity import Identity
from keys.kinds import Declared, Sealed
from keys.statement import declare
from tests.doors import broker_key, drawn, folder, identity, signed, small_terms

AGREEMENT = signed(small_terms())
OTHER = signed(small_terms(title="Another agreement"))
COUNCIL = identity("council")


def statement(signer: Identity = identity("broker"), kind: str = Declared.RECEIVING_KEY, **changes: Any) -> Any:  # noqa: B008
    body = {"agreement": AGREEMENT.id, "receiving": broker_key(AGREEMENT.id).address.to_json(), **changes}
    return declare(signer, kind, body).to_json()


def keep(workspace: Workspace, kind: str = "a secret", payload: bytes = b"payload", seed: str = "keep") -> None:
    workspace.keep(kind, payload, agreement=AGREEMENT.id, identity=COUNCIL, random=drawn(seed))


def recall(workspace: Workspace, kind: str = "a secret", agreement: str = AGREEMENT.id, who: str = "council") -> bytes:
    return workspace.recall(kind, agreement=agreement, identity=identity(who))


def test_the_agreement_and_the_brokers_key_come_back(tmp_path: Path) -> None:
    agreement, address = folder(tmp_path, AGREEMENT).load_agreement()
    assert agreement == AGREEMENT
    assert address == broker_key(AGREEMENT.id).address


def test_without_an_agreement_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no agreement here"):
        Workspace(tmp_path).load_agreement()


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"{}", b'{"agreement":null,"receiving":null}', b"\xff"], ids=repr
)
def test_another_file_in_its_place_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "agreement.json").write_bytes(data)
    with pytest.raises(KeysError):
        Workspace(tmp_path).load_agreement()


@pytest.mark.parametrize("place", ["terms", "signatures", "receiving"])
def test_a_changed_file_is_refused(tmp_path: Path, place: str) -> None:
    workspace = folder(tmp_path, AGREEMENT)
    document = json.loads(workspace.agreement.read_bytes())
    if place == "terms":
        document["agreement"]["terms"]["minimum_rows"] = 1
    elif place == "signatures":
        document["agreement"]["signatures"][0]["signer"] = identity("Eve").card.fingerprint
    else:
        document["receiving"]["body"]["receiving"] = broker_key("another").address.to_json()
    workspace.agreement.write_bytes(canonical(document))
    with pytest.raises((AgreementError, SignatureError)):
        workspace.load_agreement()


@pytest.mark.parametrize(
    "document",
    [
        statement(signer=identity("Eve")),
        statement(signer=identity("recipient")),
        statement(kind="receipt"),
        statement(agreement=OTHER.id),
        statement(agreement=None),
        statement(receiving=None),
        statement(receiving={}),
        None,
        {},
    ],
    ids=range(9),
)
def test_only_the_broker_of_the_agreement_says_where_uploads_go(tmp_path: Path, document: Any) -> None:
    with pytest.raises(KeysError):
        check_receiving(AGREEMENT, document)
    with pytest.raises(KeysError):
        Workspace(tmp_path).save_agreement(AGREEMENT, document)
    assert not [*tmp_path.iterdir()]


def test_what_is_kept_comes_back_to_its_owner_and_nobody_else(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    keep(workspace, payload=b"a linkage secret of 32 bytes....")
    assert recall(workspace) == b"a linkage secret of 32 bytes...."
    (file,) = tmp_path.iterdir()
    assert b"linkage secret" not in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(EnvelopeError):
        recall(workspace, who="icb")
    with pytest.raises(EnvelopeError):
        recall(workspace, agreement=OTHER.id)


def test_one_kind_does_not_pass_for_another(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    keep(workspace, "contribution")
    (tmp_path / "contribution.sealed").rename(tmp_path / "linkage-secret.sealed")
    assert workspace.keeps("linkage secret")
    with pytest.raises(EnvelopeError, match="another kind"):
        recall(workspace, "linkage secret")


def test_what_was_sealed_by_another_to_this_party_is_not_its_own(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    sealed = seal_bytes(
        b"planted",
        kind="a secret",
        agreement=AGREEMENT.id,
        sender=identity("Eve"),
        receiver=COUNCIL.card.receiving,
        random=drawn("planted"),
    )
    (tmp_path / "a-secret.sealed").write_bytes(sealed)
    with pytest.raises(EnvelopeError, match="another sender"):
        recall(workspace)


def test_keeping_again_replaces(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    keep(workspace, payload=b"old", seed="1")
    keep(workspace, payload=b"new", seed="2")
    assert recall(workspace) == b"new"
    assert len([*tmp_path.iterdir()]) == 1


def test_what_is_not_kept_is_named(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert not workspace.keeps("linkage secret")
    with pytest.raises(InputError, match="no linkage secret here"):
        recall(workspace, "linkage secret")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    keep(workspace)
    (file,) = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    data[-70] ^= 1
    file.write_bytes(data)
    with pytest.raises(SignatureError):
        recall(workspace)


@pytest.mark.parametrize(
    ("name", "role", "right"),
    [
        ("council", Role.HOLDER, True),
        ("council", Role.BROKER, False),
        ("council-lead", Role.IG_LEAD, True),
        ("council-lead", Role.HOLDER, False),
        ("recipient", Role.RECIPIENT, True),
        ("broker", Role.RECIPIENT, False),
        ("Eve", Role.HOLDER, False),
    ],
)
def test_a_party_acts_in_its_own_role_only(name: str, role: Role, right: bool) -> None:
    if right:
        assert own_party(AGREEMENT, identity(name), role).name == name
    else:
        with pytest.raises(AgreementError, match=f"{name} is not a {role}"):
            own_party(AGREEMENT, identity(name), role)


@pytest.mark.parametrize("run", ["../x", "..", "a/b", "a\\b", "C:x", "a.b", "\0", "", "x" * 200])
def test_no_id_of_a_run_leads_out_of_the_folder(tmp_path: Path, run: str) -> None:
    workspace = Workspace(tmp_path / "home")
    workspace.root.mkdir()
    kind = f"{Sealed.RUN_KEY} {run}" if run else ""
    with pytest.raises(InputError, match="cannot be the id of a run"):
        workspace.keep(kind, b"key", agreement="a", identity=identity("council"), random=drawn("keep"))
    for attempt in (workspace.keeps, workspace.forget):
        with pytest.raises(InputError):
            attempt(kind)
    assert [path.name for path in tmp_path.rglob("*")] == ["home"]
