"""What is proposed about a second file: how it is joined, what it gives, and when a person must look."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from encoder.beside import Beside
from encoder.errors import InputError
from encoder.normalise import normalise
from encoder.proposal import Certainty, Proposal
from encoder.read import read_rows
from encoder.table import Layout
from keys.template import default_rules
from tests.encoder.test_profiles import headers
from tests.encoder.test_propose import LIKELY, PEOPLE, SURE, TODAY, UNSURE, certainty, seen, table, write, written


def both(folder: Path, first: Sequence[Sequence[str]], second: Sequence[Sequence[str]], **options: Any) -> Proposal:
    beside = Beside(write(folder / "second.csv", second), Layout())
    proposal = seen(folder, first, beside=beside, **options)
    assert written(proposal, folder) == proposal.columns
    return proposal


CENSUS = table(headers("pupilonrolltableid upn surname forename formersurname dob sex"),
               ["id", "upn", "surname", "forename", "x", "date_of_birth", "sex"])  # fmt: skip
CARE = table(["CHILD", "SEX", "DOB", "MOTHER", "UPN"], ["id", "sex", "date_of_birth", "x", "upn"])


def test_the_addresses_of_a_census(tmp_path: Path) -> None:
    proposal = both(tmp_path, CENSUS, table(["postcode", "PupilOnRollTableId"], ["postcode", "id"]))
    assert proposal.sure
    assert proposal.columns.model_dump(exclude_none=True)["other"] == {
        "on": {"here": "pupilonrolltableid", "there": "PupilOnRollTableId"},
        "postcode": "postcode",
    }
    result = normalise(
        read_rows(proposal.file, proposal.columns, beside=Beside(tmp_path / "second.csv")),
        proposal.columns,
        rules=default_rules(),
        today=TODAY,
    )
    assert "" not in result.identifiers.columns["postcode"].values


def test_the_episodes_of_a_child_looked_after(tmp_path: Path) -> None:
    episodes = [["CHILD", "DECOM", "HOME_POST", "PL_POST"]]
    for person in PEOPLE:
        episodes += [
            [person["id"], "01/02/2020", "AB1 2DD", "ZZ9 9ZZ"],
            [person["id"], "02/01/2021", person["postcode"], ""],
        ]
    proposal = both(tmp_path, CARE, episodes)
    assert proposal.sure
    assert proposal.columns.model_dump(exclude_none=True)["other"] == {
        "on": "CHILD", "postcode": "HOME_POST", "newest_by": "DECOM", "date_order": "dmy",
    }  # fmt: skip
    assert proposal.not_used == {"MOTHER": "whether the child is a mother", "PL_POST": "where the child was placed"}
    (batch,) = read_rows(proposal.file, proposal.columns, beside=Beside(tmp_path / "second.csv"))
    assert batch.values["postcode"].to_pylist() == [person["postcode"] for person in PEOPLE]


@pytest.mark.parametrize(
    ("second", "expected", "note"),
    [
        (table(["pupilonrolltableid", "postcode"], ["x", "postcode"]), UNSURE, "no id stands in both"),
        (table(["pupilonrolltableid", "postcode"], ["id", "surname"]), SURE, "ids that were looked at"),
    ],
)
def test_a_second_file_that_does_not_fit_is_not_sure(
    tmp_path: Path, second: list[list[str]], expected: Certainty, note: str
) -> None:
    proposal = both(tmp_path, CENSUS, second)
    choice = next(one for one in proposal.choices if one.key == "other.on")
    assert choice.certainty is expected
    assert note in choice.why
    assert not proposal.sure


def test_any_two_files_are_joined_by_an_id_that_both_have(tmp_path: Path) -> None:
    first = table(["client id", "surname", "postcode"], ["id", "surname", "postcode"])
    second = table(["ClientID", "NHS", "postcode"], ["id", "nhs_number", "postcode"])
    proposal = both(tmp_path, first, [*second, *second[1:]])
    assert certainty(proposal) == {
        "id": SURE, "surname": SURE, "postcode": SURE, "other.on": LIKELY, "other.nhs_number": SURE,
    }  # fmt: skip
    assert any("postcode stands in both files" in note for note in proposal.notes)
    assert any("newest_by" in note for note in proposal.notes)


def test_two_files_without_a_common_id_or_with_nothing_to_add(tmp_path: Path) -> None:
    first = table(["client id", "surname"], ["id", "surname"])
    proposal = both(tmp_path, first, table(["house", "postcode"], ["id", "postcode"]))
    assert proposal.columns.other is None
    assert any("write the table [other] by hand" in note for note in proposal.notes)
    proposal = both(tmp_path, first, table(["client id", "need"], ["id", "x"]))
    assert any("leave --with out" in note for note in proposal.notes)


def test_a_fault_of_the_second_file_advises_its_own_options(tmp_path: Path) -> None:
    (tmp_path / "second.csv").write_bytes("id,postcode\n1,Zürich\n".encode("cp1252"))
    with pytest.raises(InputError, match="--with-encoding windows-1252"):
        seen(tmp_path, CENSUS, beside=Beside(tmp_path / "second.csv", Layout()))
