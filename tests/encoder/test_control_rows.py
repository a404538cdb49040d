"""Control rows: the same at every holder, unlike under every secret, and different in exactly the planned way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from encoder.conformance import conformance_digest
from encoder.control_rows import Fault, control_digest, control_rows, planned
from encoder.match_keys import encodable
from encoder.numbers import nhs_number, upn
from encoder.postcodes import BRITISH
from keys.secret import Secret
from keys.template import default_terms
from keys.terms import Terms
from tests.vectors.making import control_rows as vector

IDENTIFIERS = ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number", "upn")
HOLDERS = ("north", "south", "west")
NUMBERS = {"nhs_number", "upn"}
PLACE = Path(__file__).parents[2]

Row = Mapping[str, str]


def terms_of(rows: int = 336, identifiers: Sequence[str] = IDENTIFIERS, **changes: Any) -> Terms:
    return default_terms(dict.fromkeys(HOLDERS, identifiers), control={"rows": rows}, **changes)


def secret_of(seed: int = 1) -> Secret:
    return Secret(bytes([seed]) * 32, agreement="ab" * 32)


def rows_of(terms: Terms, holder: str, secret: Secret | None = None) -> list[dict[str, str]]:
    made = control_rows(terms, holder, secret or secret_of())
    return [
        {name: column.values[column.codes[row]] for name, column in made.columns.items()} for row in range(made.rows)
    ]


TERMS = terms_of()
EVERY = {holder: rows_of(TERMS, holder) for holder in HOLDERS}


def test_i2_control_rows_under_a_known_secret_stay_what_they_are() -> None:
    assert vector.FILE.read_text(encoding="utf-8") == vector.text()


def test_i2_control_rows_do_not_depend_on_locale_time_zone_or_hash_seed() -> None:
    code = "from tests.vectors.making.control_rows import text; import sys; sys.stdout.buffer.write(text().encode())"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"}
    environment["PYTHONPATH"] = str(PLACE)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert done.stdout.decode() == vector.FILE.read_text(encoding="utf-8")


def test_they_are_children_whom_nobody_can_be() -> None:
    expires = TERMS.expires_at().date()
    for row in (row for rows in EVERY.values() for row in rows):
        assert 2 * 365 <= (expires - date.fromisoformat(row["date_of_birth"])).days <= 25 * 365 + 365
        assert BRITISH.fullmatch(row["postcode"])
        assert row["forename"]
        assert row["surname"]
        if row["nhs_number"]:
            assert row["nhs_number"].startswith("9")
            assert nhs_number(row["nhs_number"]).kind is None
        if row["upn"]:
            assert row["upn"][1:4] == "000"
            assert upn(row["upn"]).kind is None
    for numbers in NUMBERS:
        of_north = [row[numbers] for row in EVERY["north"] if row[numbers]]
        assert len(set(of_north)) == len(of_north)


def test_every_row_has_the_encodings_that_a_row_of_its_holder_has() -> None:
    made = control_rows(TERMS, "north", secret_of())
    for key in TERMS.keys_of("north"):
        assert encodable(key, made).mean() == 1 if key.kind == "fuzzy" else encodable(key, made).mean() > 0.5


def differing(one: Row, other: Row) -> set[str]:
    return {name for name in IDENTIFIERS if one.get(name) != other.get(name)}


DIFFERING: Mapping[Fault, tuple[set[str], set[str]]] = {
    Fault.NONE: (set(), set()),
    Fault.SLIP: (set(), {"forename", "surname"}),
    Fault.SURNAME: ({"surname"}, {"surname"}),
    Fault.POSTCODE: ({"postcode"}, {"postcode"}),
    Fault.MOVED: ({"surname", "postcode"}, {"surname", "postcode"}),
    Fault.DATE: ({"date_of_birth"}, {"date_of_birth"}),
    Fault.NUMBERS: (set(), set()),
    Fault.TWIN: ({"forename", *NUMBERS}, {"forename", "sex", *NUMBERS}),
}
"""What differs at least and at most, but for numbers that are missing."""


@pytest.mark.parametrize("fault", Fault)
def test_rows_of_a_child_differ_at_one_holder_in_the_planned_way(fault: Fault) -> None:
    of_fault = [(number, plan) for number, plan in enumerate(planned(TERMS)) if plan.fault is fault]
    assert {plan.holder for _, plan in of_fault} == {0, 1, 2}
    least, most = DIFFERING[fault]
    numbered = set()
    for number, plan in of_fault:
        rows = [EVERY[holder][number] for holder in HOLDERS]
        odd = rows.pop(plan.holder)
        assert rows[0] == rows[1]
        found = differing(odd, rows[0])
        gone = set() if plan.numbered else NUMBERS
        assert (least | gone) <= found <= (most | gone)
        assert bool(found) == (fault is not Fault.NONE)
        assert all(odd[name] == "" for name in gone)
        numbered.add(plan.numbered)
        if fault is Fault.SLIP:
            assert len(found - gone) == 1
        if fault is Fault.DATE:
            year, month, day = rows[0]["date_of_birth"].split("-")
            assert odd["date_of_birth"] == f"{year}-{day}-{month}"
    assert numbered == ({True} if fault is Fault.NONE else {False} if fault is Fault.NUMBERS else {True, False})


def test_another_secret_has_other_children() -> None:
    others = rows_of(TERMS, "north", secret_of(2))
    both = zip(EVERY["north"], others, strict=True)
    assert not any(one["nhs_number"] == other["nhs_number"] for one, other in both if one["nhs_number"])
    known = {(row["forename"], row["surname"], row["date_of_birth"]) for row in EVERY["north"]}
    assert not known & {(row["forename"], row["surname"], row["date_of_birth"]) for row in others}


@pytest.mark.parametrize(
    ("identifiers", "faults"),
    [
        (["nhs_number"], {Fault.NONE, Fault.NUMBERS}),
        (["date_of_birth", "nhs_number", "postcode"], set(Fault) - {Fault.SLIP, Fault.SURNAME, Fault.TWIN}),
        (["forename", "surname", "date_of_birth"], set(Fault) - {Fault.POSTCODE, Fault.NUMBERS}),
    ],
)
def test_no_fault_is_of_a_field_that_no_match_key_has(identifiers: list[str], faults: set[Fault]) -> None:
    terms = terms_of(40, identifiers)
    assert {plan.fault for plan in planned(terms)} == faults
    used = {name for holder in terms.holders for name in holder.identifiers}
    assert set(control_rows(terms, "north", secret_of()).columns) >= used


def test_holders_with_other_control_rows_are_found_out_before_anything_is_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = terms_of(8)
    digest, conformance = control_digest(few, secret_of()), conformance_digest(few, secret_of())
    assert conformance_digest(few, secret_of()) == conformance
    monkeypatch.setattr("encoder.control_rows._INWARD", "ABDEFGHJLNPQRSTUWXZY")
    assert control_digest(few, secret_of()) != digest
    assert conformance_digest(few, secret_of()) != conformance


def test_an_agreement_without_control_rows_is_as_it_was() -> None:
    assert planned(terms_of(0)) == []
    assert json.loads(vector.text())["planned"]
