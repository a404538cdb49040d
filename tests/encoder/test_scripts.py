"""Names in other scripts under both rules: public vectors, documented examples, likeness to what people write."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import encoder.scripts
from encoder.conformance import conformance_digest
from encoder.findings import Finding, Kind
from keys.terms import Normalisation, Terms
from tests.doors import KEEP, TRANSLITERATE, cohort, secret_of, signed, small_terms

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "tests" / "vectors" / "normalise.json").read_text(encoding="utf-8"))
CASES = VECTORS["other_scripts"]
BOTH = (KEEP, TRANSLITERATE)
AGREEMENT = signed(small_terms())
SECRET = secret_of(AGREEMENT)


def names(written: list[str], rules: Normalisation, field: str = "surname") -> list[str]:
    """What the names become, in a file whose rows all have a postcode."""
    column = cohort([{field: one, "postcode": "AB1 2CD"} for one in written], rules).identifiers.columns[field]
    return [column.values[code] for code in column.codes]


@pytest.mark.parametrize("field", ["forename", "surname"])
@pytest.mark.parametrize("rules", BOTH, ids=lambda rules: rules.other_scripts)
def test_vectors(field: str, rules: Normalisation) -> None:
    cases = [case for case in CASES if case["field"] == field]
    found = names([case["input"] for case in cases], rules, field)
    assert found == [case[rules.other_scripts] for case in cases]


@pytest.mark.parametrize("field", ["forename", "surname"])
def test_all_other_vectors_of_latin_names_are_the_same_under_both(field: str) -> None:
    cases = [case for case in VECTORS[field] if all(one.isascii() for one in case["output"])]
    assert len(cases) > 20
    for rules in BOTH:
        assert names([case["input"] for case in cases], rules, field) == [case["output"] for case in cases]


def test_the_reference_page_tells_the_truth_of_both() -> None:
    page = (ROOT / "docs" / "reference" / "normalisation.md").read_text(encoding="utf-8")
    page = page.partition("(`other_scripts`)\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| .+ \| `(.*)` \| `(.*)` \| (missing|`.+`) \|$", page, flags=re.MULTILINE)
    assert len(rows) >= 15
    kept = names([row[0] for row in rows], KEEP, "forename")
    assert [unicodedata.normalize("NFC", name) for name in kept] == [row[1] for row in rows]
    becomes = [row[2].strip("`").replace("missing", "") for row in rows]
    assert names([row[0] for row in rows], TRANSLITERATE, "forename") == becomes


def characters(*ranges: tuple[int, int]) -> st.SearchStrategy[str]:
    """Text of characters from these ranges, both ends included, but for the Greek letter that stands for micro."""
    each = [st.characters(min_codepoint=a, max_codepoint=b, exclude_characters="\xb5") for a, b in ranges]
    return st.text(st.one_of(each), max_size=12)


LATIN = characters((0x00, 0x2AF), (0x1E00, 0x1EFF), (0x2000, 0x206F), (0xFF00, 0xFF5E))
OTHER = characters((0x370, 0xFFF), (0x900, 0xDFF), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x20, 0x2D))


@given(st.lists(LATIN, min_size=1, max_size=5))
def test_latin_names_are_the_same_under_both(written: list[str]) -> None:
    assert names(written, KEEP) == names(written, TRANSLITERATE)


@given(st.lists(OTHER | st.text(max_size=8), min_size=1, max_size=5))
def test_transliterated_names_are_words_from_a_to_z_beside_latin_letters_that_stay(written: list[str]) -> None:
    for kept, latin in zip(names(written, KEEP), names(written, TRANSLITERATE), strict=True):
        assert latin == " ".join(latin.split())
        assert {one for one in latin if not re.match("[a-z ]", one)} <= {
            one for one in kept if unicodedata.name(one, "").startswith("LATIN ")
        }


@given(st.lists(OTHER, min_size=1, max_size=5))
def test_a_name_that_is_lost_is_counted(written: list[str]) -> None:
    result = cohort([{"surname": one, "postcode": "AB1 2CD"} for one in written], TRANSLITERATE)
    counted = sum(one.rows for one in result.findings if one.field == "surname" and one.kind is not Kind.NOTED)
    assert names(written, TRANSLITERATE).count("") == counted


def test_a_name_of_which_nothing_is_left_is_invalid() -> None:
    people = [{"surname": one, "postcode": "AB1 2CD"} for one in ("Иванов", "ъ", "\u200f", "ь\u200dь")]
    findings = cohort(people, TRANSLITERATE).findings
    assert (
        Finding("surname", Kind.INVALID, "no letter that can be written in Latin letters", rows=2, first_row=3)
        in findings
    )
    assert Finding("surname", Kind.INVALID, "no letters", rows=1, first_row=4) in findings


KNOWN = {
    "Мухаммад": "Mukhammad",
    "Юлия": "Yulia",
    "Олександр": "Oleksandr",
    "Παπαδοπούλου": "Papadopoulou",
    "محمد": "Mohammed",
    "فاطمة": "Fatima",
    "أحمد": "Ahmed",
    "علي": "Ali",
    "عمر": "Omar",
    "عائشة": "Aisha",
    "چودھری": "Chaudhry",
    "יעקב": "Yaakov",
    "אברהם": "Avraham",
    "שרה": "Sarah",
    "गीता": "Geeta",
    "प्रिया": "Priya",
    "कमल": "Kamal",
    "চৌধুরী": "Chowdhury",
    "প্রিয়া": "Priya",
    "ਗੁਰਪ੍ਰੀਤ": "Gurpreet",
    "ਸਿੰਘ": "Singh",
    "முருகன்": "Murugan",
    "லக்ஷ்மி": "Lakshmi",
    "王": "Wang",
    "秀英": "Xiuying",
    "김": "Kim",
    "ながの": "Nagano",
}


def likeness(first: str, second: str) -> float:
    """The Dice coefficient of padded bigrams."""
    a, b = ({f" {name} "[place : place + 2] for place in range(len(name) + 1)} for name in (first, second))
    return 2 * len(a & b) / (len(a) + len(b))


@pytest.mark.parametrize("written", KNOWN)
def test_a_name_is_like_what_people_write_in_latin_letters_and_not_without_the_rule(written: str) -> None:
    kept, latin = (names([written], rules)[0] for rules in BOTH)
    known = {name: names([name], KEEP)[0] for name in KNOWN.values()}
    own = known.pop(KNOWN[written])
    assert likeness(kept, own) == 0
    assert likeness(latin, own) >= 0.2
    assert likeness(latin, own) > 2 * sum(likeness(latin, name) for name in known.values()) / len(known)


def digest(rules: Normalisation, terms: Terms = AGREEMENT.terms) -> str:
    return conformance_digest(terms.model_copy(update={"normalisation": rules}), SECRET)


@pytest.fixture
def another_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, str]], None]]:
    """Be a holder whose table has other words for some characters."""

    def forget() -> None:
        encoder.scripts.table_digest.cache_clear()
        encoder.scripts._latin.cache_clear()

    def change(others: dict[str, str]) -> None:
        shipped: Any = encoder.scripts.anyascii  # type: ignore[attr-defined]
        monkeypatch.setattr(encoder.scripts, "anyascii", lambda one: others.get(one, shipped(one)))
        forget()

    yield change
    monkeypatch.undo()
    forget()


def test_the_rule_counts_in_the_conformance_digest() -> None:
    assert digest(KEEP) != digest(TRANSLITERATE)


@pytest.mark.parametrize("others", [{"م": "em"}, {"ሰ": "x"}, {"\U0001e900": ""}, {"鑫": "Xi"}], ids=ascii)
def test_a_holder_with_another_table_is_found_out(
    another_table: Callable[[dict[str, str]], None], others: dict[str, str]
) -> None:
    before = {rules: digest(rules) for rules in BOTH}
    another_table(others)
    assert digest(TRANSLITERATE) != before[TRANSLITERATE]
    assert digest(KEEP) == before[KEEP]


def test_a_holder_that_transliterates_otherwise_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(TRANSLITERATE)
    monkeypatch.setattr("encoder.normalise.transliterate", lambda reading: reading)
    assert digest(TRANSLITERATE) != before
