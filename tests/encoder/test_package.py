"""The upload: every row once, in no order, and nothing in it that names anybody."""

import hashlib
import io
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import encoder.package
from encoder.conformance import conformance_digest
from encoder.errors import InputError
from encoder.match_keys import encoders, given
from encoder.normalise import Normalised
from encoder.package import Packed, pack, recall_handles
from encoder.workspace import Workspace
from keys.agreement import Agreement
from keys.derive import key_check
from keys.envelope import read_header
from keys.errors import AgreementError, EnvelopeError, SecretError
from keys.files import OutputRefused
from keys.secret import Secret
from tests.doors import (
    NOW,
    broker_key,
    children,
    cohort,
    drawn,
    folder,
    identity,
    secret_of,
    signed,
    small_terms,
    unsigned,
)
from tests.received import Whole, receive_whole

AGREEMENT = signed(small_terms())
TERMS = AGREEMENT.terms
ROWS = 30


def people(rows: int = ROWS) -> list[dict[str, str]]:
    """Some of whom lack a surname or an NHS number, and one all but the sex."""
    made = children(rows)
    for number, person in enumerate(made):
        if number % 5 == 1:
            person["nhs_number"] = ""
        if number % 7 == 2:
            person |= {"surname": "", "postcode": ""}
    made[-1] |= dict.fromkeys(("forename", "surname", "date_of_birth", "postcode", "nhs_number", "upn"), "")
    return made


COHORT = cohort(people())


def packed(
    root: Path,
    normalised: Normalised = COHORT,
    *,
    holder: str = "council",
    agreement: Agreement = AGREEMENT,
    secret: Secret | None = None,
    seed: str = "pack",
    progress: Callable[[int, int], None] | None = None,
    workspace: Workspace | None = None,
    now: datetime = NOW,
) -> Packed:
    return pack(
        normalised,
        workspace=workspace or folder(root, agreement),
        agreement=agreement,
        holder=next(party for party in agreement.holders() if party.name == holder),
        identity=identity(holder),
        secret=secret or secret_of(agreement),
        receiving=broker_key(agreement.id).address,
        now=now,
        random=drawn(seed),
        progress=progress,
    )


def received(made: Packed, holder: str = "council", agreement: Agreement = AGREEMENT) -> Whole:
    party = next(party for party in agreement.holders() if party.name == holder)
    with made.path.open("rb") as stream:
        return receive_whole(stream, agreement=agreement, holder=party, key=broker_key(agreement.id))


def handles_of(root: Path, holder: str = "council") -> tuple[Any, list[str]]:
    return recall_handles(Workspace(root), agreement=AGREEMENT, identity=identity(holder))


@pytest.mark.parametrize("block", [1, 7, 1 << 16])
@pytest.mark.parametrize("holder", ["council", "icb"])
def test_the_broker_gets_every_row_once_with_its_encodings(
    tmp_path: Path, holder: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder.package, "_BLOCK_ROWS", block)
    came = received(packed(tmp_path, holder=holder), holder)
    handles, row_ids = handles_of(tmp_path, holder)
    np.testing.assert_array_equal(came.records["handle"], handles)
    assert sorted(row_ids) == sorted(person["id"] for person in people())
    place = {one: number for number, one in enumerate(COHORT.ids.to_pylist())}
    order = [place[one] for one in row_ids]
    keys = TERMS.keys_of(holder)
    assert [name for name in came.records.dtype.names or () if "/" not in name] == [
        "handle",
        *(key.name for key in keys),
    ]
    for made in encoders(keys, terms=TERMS, secret=secret_of(AGREEMENT)):
        encoded = made.encode(COHORT.identifiers)
        np.testing.assert_array_equal(came.records[made.key.name], encoded.bits[order])
        np.testing.assert_array_equal(came.records[f"present/{made.key.name}"], encoded.present[order])


def test_what_is_shown_before_sending_is_what_the_file_holds(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    made = packed(tmp_path, progress=lambda done, all_rows: seen.append((done, all_rows)))
    data = made.path.read_bytes()
    assert (made.path, made.rows) == (tmp_path / "upload.sealed", ROWS)
    assert (made.bytes, made.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert seen == [(ROWS, ROWS)]
    came = received(made)
    assert made.match_keys == {
        key.name: int(came.records[f"present/{key.name}"].sum()) for key in TERMS.keys_of("council")
    }
    assert 0 < min(made.match_keys.values()) < ROWS
    assert made.fields == {name: int(given(column).sum()) for name, column in COHORT.identifiers.columns.items()}
    assert made.fields["nhs_number"] == sum(bool(person["nhs_number"]) for person in people())


def test_the_proofs_are_those_of_the_secret_and_the_rules(tmp_path: Path) -> None:
    came = received(packed(tmp_path))
    secret = secret_of(AGREEMENT)
    assert came.key_check == key_check(secret)
    assert came.conformance == conformance_digest(TERMS, secret)
    other = received(packed(tmp_path / "other", secret=secret_of(AGREEMENT, "other"), holder="icb"), "icb")
    assert came.key_check != other.key_check
    assert came.conformance != other.conformance


def test_handles_are_distinct_random_and_the_only_order(tmp_path: Path) -> None:
    packed(tmp_path)
    handles, row_ids = handles_of(tmp_path)
    as_bytes = [handle.tobytes() for handle in handles]
    assert as_bytes == sorted(set(as_bytes))
    assert handles.shape == (ROWS, 16)
    packed(tmp_path, seed="another draw")
    again, other_ids = handles_of(tmp_path)
    assert not set(as_bytes) & {handle.tobytes() for handle in again}
    assert len({tuple(row_ids), tuple(other_ids), tuple(person["id"] for person in people())}) == 3


def test_the_order_of_the_file_is_gone(tmp_path: Path) -> None:
    rows = 400
    packed(tmp_path, cohort(children(rows)))
    places = np.array([int(row_id.rsplit("-", 1)[1]) for row_id in handles_of(tmp_path)[1]])
    assert abs(np.corrcoef(places, np.arange(rows))[0, 1]) < 5 / rows**0.5
    assert np.mean(np.diff(places) == 1) < 0.03


def test_i1_nothing_of_the_rows_is_in_the_folder(tmp_path: Path) -> None:
    made = packed(tmp_path)
    with made.path.open("rb") as stream:
        header = read_header(stream)
    assert header.context == {}
    normalised = [value for column in COHORT.identifiers.columns.values() for value in column.values]
    written = [value for person in people() for name, value in person.items()]
    planted = {value.casefold() for value in [*normalised, *written] if len(value) >= 5}
    assert len(planted) > 200
    for path in tmp_path.iterdir():
        text = path.read_bytes().decode("latin-1").casefold()
        assert not [value for value in planted if value in text], path.name


def test_the_payload_holds_encodings_and_no_identifiers(tmp_path: Path) -> None:
    """Inside the seal too: an encoding is all that the broker gets of a value."""
    came = received(packed(tmp_path))
    text = came.records.tobytes().decode("latin-1").casefold()
    planted = {value.casefold() for person in people() for value in person.values() if len(value) >= 5}
    assert not [value for value in planted if value in text]


def test_files_of_cohorts_of_about_the_same_size_have_one_size(tmp_path: Path) -> None:
    sizes = {packed(tmp_path, cohort(children(rows)), seed=str(rows)).bytes for rows in range(97, 100)}
    assert len(sizes) <= 2


def test_too_few_rows_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    agreement = signed(small_terms(minimum_rows=ROWS + 1))
    workspace = folder(tmp_path, agreement)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(InputError, match=f"{ROWS} rows; the agreement asks for at least {ROWS + 1}"):
        packed(tmp_path, agreement=agreement, workspace=workspace)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_as_many_rows_as_asked_for_are_enough(tmp_path: Path) -> None:
    agreement = signed(small_terms(minimum_rows=ROWS))
    assert received(packed(tmp_path, agreement=agreement), agreement=agreement).rows == ROWS


@pytest.mark.parametrize("failing", ["encoder", "handles", "disk"])
def test_a_failure_half_way_leaves_the_old_upload_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    workspace = folder(tmp_path, AGREEMENT)
    for old in (None, packed):
        if old is not None:
            old(tmp_path, workspace=workspace)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        with monkeypatch.context() as patch:
            if failing == "encoder":
                patch.setattr("encoder.package.rows_of", fail)
            elif failing == "handles":
                patch.setattr(Workspace, "keep", fail)
            else:
                patch.setattr("keys.files.os.fsync", fail)
            with pytest.raises(OutputRefused if failing == "disk" else OSError):
                packed(tmp_path, workspace=workspace, seed="new")
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def fail(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_i10_nothing_is_encoded_before_every_party_has_signed(tmp_path: Path) -> None:
    workspace = folder(tmp_path, AGREEMENT)
    almost = unsigned(TERMS).with_signatures(AGREEMENT.signatures[:-1])
    with pytest.raises(AgreementError, match="not signed"):
        packed(tmp_path, agreement=almost, workspace=workspace)
    assert not workspace.upload.exists()


def test_i10_nothing_is_encoded_after_the_agreement_has_expired(tmp_path: Path) -> None:
    workspace = folder(tmp_path, AGREEMENT)
    before = sorted(path.name for path in tmp_path.iterdir())
    expires = TERMS.expires_at()
    for late in (expires, expires + timedelta(days=1), expires.astimezone(timezone(timedelta(hours=9)))):
        with pytest.raises(AgreementError, match="expired at 2027-12-31"):
            packed(tmp_path, workspace=workspace, now=late)
        assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert packed(tmp_path, workspace=workspace, now=expires - timedelta(microseconds=1)).path.exists()


def test_i10_the_secret_of_another_agreement_is_refused(tmp_path: Path) -> None:
    workspace = folder(tmp_path, AGREEMENT)
    with pytest.raises(SecretError, match="another agreement"):
        packed(tmp_path, secret=Secret(bytes(32), agreement="ab" * 32), workspace=workspace)
    assert not workspace.upload.exists()


def test_an_upload_is_for_the_broker_of_this_agreement_alone(tmp_path: Path) -> None:
    data = packed(tmp_path).path.read_bytes()
    other = signed(small_terms(title="Another"))
    council, icb = AGREEMENT.holders()
    wrong: list[dict[str, Any]] = [
        {"agreement": other, "holder": council, "key": broker_key(AGREEMENT.id)},
        {"agreement": AGREEMENT, "holder": icb, "key": broker_key(AGREEMENT.id)},
        {"agreement": AGREEMENT, "holder": council, "key": broker_key(other.id)},
    ]
    for options in wrong:
        with pytest.raises(EnvelopeError, match="for another"):
            receive_whole(io.BytesIO(data), **options)


def test_the_table_of_handles_opens_for_its_holder_only(tmp_path: Path) -> None:
    packed(tmp_path)
    with pytest.raises(EnvelopeError):
        handles_of(tmp_path, "icb")
    with pytest.raises(InputError, match="no handles here"):
        handles_of(tmp_path / "elsewhere")


def test_row_ids_of_any_text_come_back(tmp_path: Path) -> None:
    rows = children(4)
    for person, row_id in zip(rows, ["Zoë-1", '"quoted", id', "two\nlines", "😀"], strict=True):
        person["id"] = row_id
    packed(tmp_path, cohort(rows))
    assert sorted(handles_of(tmp_path)[1]) == sorted(person["id"] for person in rows)
