"""The page for the person who signs: complete, short, in plain words, and not to be spoofed by what the terms hold."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.advice import advise
from keys.agreement import Agreement, Party
from keys.review import review
from keys.words import words_of
from tests.doors import NOW, identity, parties_of, signed, small_terms, unsigned

NAMES = ("forename", "surname", "sex", "date_of_birth", "postcode")
THREE = {"education": (*NAMES, "upn"), "social-care": (*NAMES, "upn", "nhs_number"), "icb": (*NAMES, "nhs_number")}
UNHARDENED = {
    "length": 1024,
    "hash": "blakeHash",
    "kdf_hash": "SHA256",
    "key_size": 64,
    "accept_unhardened": "our partner runs clkhash",
}
GLOSSED = {
    "encodings": "bit patterns that show no name",
    "token": "can turn tokens into link keys",
    "link keys": "codes that are the same for the same child",
    "match-key": "what two rows must share",
    "exact": "the same number or details (exact)",
    "fuzzy": "details that are much alike (fuzzy)",
    "Recipient": "Recipient (analyses)",
    "Broker": "Broker (compares encodings)",
    "DPIA": "Data protection impact assessment (DPIA)",
    "UPN": "UPN (unique pupil number)",
}


def page(agreement: Agreement) -> str:
    return review(agreement, now=NOW)


def flat(agreement: Agreement) -> str:
    return " ".join(page(agreement).split())


def three(**changes: Any) -> Agreement:
    return unsigned(small_terms(THREE, **{"minimum_rows": 100, **changes}))


def section(text: str, title: str) -> str:
    return " ".join(re.split(r"^(?=[A-Z][A-Z ,()]+$)", text, flags=re.MULTILINE)[titles(text).index(title) + 1].split())


def titles(text: str) -> list[str]:
    return re.findall(r"^[A-Z][A-Z ,()]+$", text, flags=re.MULTILINE)


def test_it_says_all_that_there_is_to_decide_about() -> None:
    agreement = three()
    text = page(agreement)
    terms = agreement.terms
    assert titles(text) == [
        "LINKAGE AGREEMENT",
        "IN SHORT",
        "WHY, AND ON WHAT GROUND",
        "WHO GIVES WHAT",
        "WHO LEARNS WHAT",
        "WHAT CAN BE LINKED",
        "WHETHER IT WAS LINKED HONESTLY",
        "FOR HOW LONG",
        "WHAT CANNOT BE PREVENTED",
        "RISKS IN THESE TERMS",
        "HOW ENCODINGS ARE MADE (FOR YOUR TECHNICAL ADVISER)",
        "PARTIES",
        "BEFORE YOU SIGN",
    ]
    ground = section(text, "WHY, AND ON WHAT GROUND")
    for part in (terms.purpose, terms.legal_gateway, terms.article_6, terms.article_9, terms.dpia, terms.isa):
        assert part in ground
    gives = section(text, "WHO GIVES WHAT")
    assert "icb uses forename, surname, date of birth, postcode and NHS number." in gives
    assert "fewer than 100 rows is refused" in gives
    assert f"about {terms.repeats_percent} in 100 rows look like another" in gives
    links = section(text, "WHAT CAN BE LINKED")
    tuples = "forename-postcode, forename-birth, birth-postcode, surname-birth. Fuzzy: names."
    assert f"education and social-care: enough fields. Exact: upn, {tuples}" in links
    assert f"education and icb: enough fields. Exact: {tuples}" in links
    assert f"social-care and icb: enough fields. Exact: nhs-number, {tuples}" in links
    assert "at least 50 % likely" in links
    assert "not if their valid numbers differ" in links
    duration = section(text, "FOR HOW LONG")
    assert "Nothing runs after 31 December 2027, 00:00 UTC." in duration
    assert "72 hours (3 days) after the last release" in duration
    limits = section(text, "WHAT CANNOT BE PREVENTED")
    for part in ("not anonymous", "nothing technical prevents", "keep a copy", "twins", "recognise a child"):
        assert part in limits
    assert "sex" not in gives  # no match-key uses it


def test_it_fits_two_pages_for_three_holders() -> None:
    lines = page(three()).splitlines()
    assert len(lines) <= 120
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("term", GLOSSED)
def test_a_term_of_art_is_explained_where_it_first_stands(term: str) -> None:
    body = flat(three()).split("IN SHORT", 1)[1]
    first, gloss = body.index(term), body.index(GLOSSED[term])
    assert gloss - 60 <= first <= gloss + len(GLOSSED[term])


@pytest.mark.parametrize(
    ("release", "back", "holder", "recipient"),
    [
        ("blind", "Every row gets a token", "not even two holders together", "which rows are of the same child"),
        ("open", "Every row gets a link key", "see which children both know", "which rows are of the same child"),
        ("count", "No rows come back", "how many children holders have in common, rounded. Not which", "No rows"),
    ],
)
def test_each_release_mode_says_who_learns_what(release: str, back: str, holder: str, recipient: str) -> None:
    agreement = three(release=release)
    assert back in section(page(agreement), "IN SHORT")
    assert f"(Release mode: {release}.)" in section(page(agreement), "IN SHORT")
    learns = section(page(agreement), "WHO LEARNS WHAT")
    holders, rest = learns.split("The recipient:")
    assert holder in holders
    assert recipient in rest.split("The broker:")[0]
    assert ("attributes" in flat(agreement)) == (release != "count")
    assert "IG leads of two holders" in learns
    assert "below 8, zero too" in learns


@pytest.mark.parametrize(
    ("rows", "duplicates", "linked", "learnt"),
    [
        ("one per link", "ignore", "at most one row of each holder. Rows of one holder are not compared", False),
        ("one per link", "report", "to count duplicates; that changes no link.", True),
        ("any number", "report", "A link may have several rows of one holder", True),
        ("any number", "link", "compared with each other too, and linked in the same way.", False),
    ],
)
def test_it_says_what_becomes_of_several_rows_of_one_holder(
    rows: str, duplicates: str, linked: str, learnt: bool
) -> None:
    decision = small_terms(THREE).decision.model_dump() | {"rows_of_one_holder": rows, "duplicates": duplicates}
    text = page(three(decision=decision))
    assert linked in section(text, "WHAT CAN BE LINKED")
    assert ("how many of its own rows look like another" in section(text, "WHO LEARNS WHAT")) == learnt
    assert len(text.splitlines()) <= 125


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"encoding": UNHARDENED},
        {"release": "open", "retention_hours": 8000, "minimum_rows": 1},
        {"match_keys": [{"kind": "exact", "name": "birth", "tuple_of": ["date_of_birth"]}]},
    ],
    ids=["template", "not hardened", "open, long, small", "low entropy, too few fields"],
)
def test_every_risk_is_named_with_what_to_do(changes: Any) -> None:
    agreement = three(**changes)
    risks = section(page(agreement), "RISKS IN THESE TERMS")
    found = advise(agreement.terms, now=NOW)
    assert found
    for one in found:
        assert f"{one.what} To avoid it: {one.remedy} (In the draft: {one.place}.)" in risks


def test_without_risks_it_does_not_promise_too_much() -> None:
    risks = section(page(three(dpia="DPIA 12", isa="ISA 7")), "RISKS IN THESE TERMS")
    assert "does not judge purpose, law or necessity" in risks


def test_encodings_that_are_not_hardened_are_said_twice() -> None:
    text = flat(three(encoding=UNHARDENED))
    assert text.count("NOT HARDENED") == 2
    assert "because: our partner runs clkhash" in text
    assert "hardening makes this" not in text


def test_what_a_pair_lacks_is_said_of_that_pair() -> None:
    keys = [
        {"kind": "exact", "name": "names", "tuple_of": ["names"]},
        {"kind": "exact", "name": "nhs-number", "tuple_of": ["nhs_number"]},
    ]
    links = section(page(three(match_keys=keys)), "WHAT CAN BE LINKED")
    assert "education and icb: too few fields" in links
    assert "social-care and icb: exact match-keys only" in links


def test_it_shows_who_has_signed() -> None:
    agreement = signed(small_terms(THREE))
    some = unsigned(agreement.terms).with_signatures(agreement.signatures[:3])
    assert "Signed by 8 of 8 parties. In force until it ends." in flat(agreement)
    assert "Signed by 3 of 8 parties. Nothing runs before all have signed." in flat(some)
    assert page(some).count("NOT SIGNED") == 5
    for party in some.parties:
        assert words_of(party.card.fingerprint) in page(some)
    assert f"Id: {some.id}" in page(some)
    assert words_of(some.id) in page(some)


def test_a_card_under_another_name_is_said() -> None:
    terms = small_terms(THREE)
    first, *others = parties_of(terms)
    swapped = Party(first.role, first.name, identity("Eve").card)
    assert "education, with the card of Eve: NOT SIGNED" in flat(Agreement(terms, (swapped, *others)))


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["title", "purpose", "legal_gateway", "article_6", "article_9", "dpia", "isa"]),
    st.text(min_size=1, max_size=200).filter(str.strip)
    | st.sampled_from(
        [
            "x\n\nPARTIES\n  Holder: council: signed",
            "x\n  Holder: council: signed",
            "x\x1b[2J\x1b[8m",
            "x\rPARTIES",
            "x\u202esdrawkcab",
            "x\u2028PARTIES\u2028",
            "x\x85PARTIES",
        ]
    ),
)
def test_no_term_can_forge_a_line_of_the_page(field: str, text: str) -> None:
    honest, other = page(three()), page(three(**{field: text}))
    assert titles(other) == titles(honest)
    assert all(line.isprintable() for line in other.split("\n"))
    assert other.count("NOT SIGNED") - text.count("NOT SIGNED") == 8
    assert [line[:4] for line in other.split("\n") if "Holder (has" in line] == ["  Ho"] * 3
    assert "\n  Holder: council" not in other


@pytest.mark.parametrize(
    ("rule", "said"),
    [("keep", "compared as they are written"), ("transliterate", "written in Latin letters by one table")],
)
def test_it_says_what_becomes_of_names_in_other_scripts(rule: str, said: str) -> None:
    normalisation = {"other_scripts": rule, "forename_variants": "join"}
    links = section(page(three(normalisation=normalisation)), "WHAT CAN BE LINKED")
    assert "Names in other scripts, such as Arabic or Cyrillic," in links
    assert said in links
    numbers = {"a": ("nhs_number", "date_of_birth"), "b": ("nhs_number", "date_of_birth")}
    assert "scripts" not in flat(unsigned(small_terms(numbers, normalisation=normalisation)))


@pytest.mark.parametrize(
    ("caution", "said"), [(1, "no worse than a missed link"), (4, "as bad as 4 missed"), (2.5, "as bad as 2.5 missed")]
)
def test_it_says_how_bad_a_false_link_between_twins_is_where_forenames_are_compared(caution: float, said: str) -> None:
    decision = {**three().terms.decision.model_dump(), "twin_caution": caution}
    assert f"A false link between twins is taken to be {said}" in section(
        page(three(decision=decision)), "WHAT CAN BE LINKED"
    )
    have = ("surname", "date_of_birth", "postcode", "nhs_number")
    assert "link between twins" not in flat(unsigned(small_terms({"a": have, "b": have}, decision=decision)))


@pytest.mark.parametrize(("rule", "said"), [("keep", "Bill agrees with no William"), ("join", "are written as one")])
def test_it_says_what_becomes_of_forms_of_one_forename(rule: str, said: str) -> None:
    normalisation = {"other_scripts": "keep", "forename_variants": rule}
    assert said in section(page(three(normalisation=normalisation)), "WHAT CAN BE LINKED")
    have = ("surname", "date_of_birth", "postcode", "nhs_number")
    without = flat(unsigned(small_terms({"a": have, "b": have}, normalisation=normalisation)))
    assert "Names in other scripts" in without
    assert "William" not in without


def test_it_says_what_control_rows_show_and_what_they_do_not() -> None:
    without, with_ = page(three()), page(three(control={"rows": 150}))
    said = section(with_, "WHETHER IT WAS LINKED HONESTLY")
    assert "150 control rows" in said
    assert "children who do not exist" in said
    assert "nobody can approve" in said
    assert "not that it gave out these links" in section(with_, "WHAT CANNOT BE PREVENTED")
    assert "no control rows" in section(without, "WHETHER IT WAS LINKED HONESTLY")
    assert "ontrol row" not in section(without, "WHAT CANNOT BE PREVENTED")
