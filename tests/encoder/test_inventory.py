"""What is shown before anything is written is what is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.errors import InputError
from encoder.inventory import FieldCount, Inventory, take_inventory
from encoder.normalise import Normalised
from encoder.package import pack, upload_bytes
from keys.agreement import Agreement, Role
from keys.envelope import seal_bytes
from keys.kinds import Sealed
from tests.doors import NOW, broker_key, children, cohort, drawn, folder, identity, secret_of, signed, small_terms

AGREEMENT = signed(small_terms())
HOLDER = next(party for party in AGREEMENT.parties if (party.role, party.name) == (Role.HOLDER, "council"))


def inventory(normalised: Normalised, agreement: Agreement = AGREEMENT) -> Inventory:
    receiving = broker_key(agreement.id).address
    return take_inventory(normalised, agreement=agreement, holder=HOLDER, receiving=receiving)


@pytest.mark.parametrize("rows", [2, 3, 40, 1000])
def test_the_size_and_the_counts_are_those_of_the_upload(tmp_path: Path, rows: int) -> None:
    people = children(rows)
    people[0] |= {"nhs_number": "", "surname": "unknown"}
    if rows > 3:
        people[3] |= dict.fromkeys(("forename", "surname", "date_of_birth", "postcode", "nhs_number", "upn"), "")
    normalised = cohort(people)
    packed = pack(
        normalised,
        workspace=folder(tmp_path, AGREEMENT),
        agreement=AGREEMENT,
        holder=HOLDER,
        identity=identity("council"),
        secret=secret_of(AGREEMENT),
        receiving=broker_key(AGREEMENT.id).address,
        now=NOW,
        random=drawn("pack"),
    )
    found = inventory(normalised)
    assert (found.rows, found.bytes) == (packed.rows, packed.bytes)
    assert dict(found.match_keys) == dict(packed.match_keys)
    assert found.rejected == (rows > 3)
    assert found.encoded == rows - found.rejected
    for field, one in found.fields.items():
        assert one.given == packed.fields[field]
        assert one.given + one.missing + one.placeholder + one.invalid == rows
    assert found.fields["surname"].placeholder == 1


@given(rows=st.integers(0, 10_000_000))
def test_the_size_depends_on_the_rows_alone(rows: int) -> None:
    receiving = broker_key(AGREEMENT.id).address
    size = upload_bytes(AGREEMENT, HOLDER, receiving, rows)
    assert size <= upload_bytes(AGREEMENT, HOLDER, receiving, rows + 1)
    assert size > len(
        seal_bytes(
            b"",
            kind=Sealed.UPLOAD,
            agreement=AGREEMENT.id,
            sender=identity("council"),
            receiver=receiving,
            random=drawn("x"),
        )
    )


def test_every_kind_of_cell_is_counted() -> None:
    people = children(5)
    for person, number in zip(people, ("", "NULL", "9434765918", "9999999999"), strict=False):
        person["nhs_number"] = number
    assert inventory(cohort(people)).fields["nhs_number"] == FieldCount(given=1, missing=1, placeholder=2, invalid=1)


def test_too_few_rows_with_an_encoding_are_refused_here_and_not_only_by_the_broker() -> None:
    people = children(4)
    for person in people[1:]:
        person |= dict.fromkeys(("forename", "surname", "date_of_birth", "postcode", "nhs_number", "upn"), "")
    with pytest.raises(InputError, match=r"1 row would have an encoding; the agreement asks for 2 or more"):
        inventory(cohort(people))
