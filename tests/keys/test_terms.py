"""Terms: every choice must be stated and safe, and a fault is named with its place."""

import copy
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.agreement import parse_terms, read_terms
from keys.errors import AgreementError
from keys.template import default_terms, template_text
from keys.terms import FuzzyKey, Identifier, IdentifierField, Terms, fields_of

TEMPLATE = tomllib.loads(template_text())
IDENTIFIERS = [one.value for one in Identifier]
Path = tuple[str | int, ...]


def places(document: Any, path: Path = ()) -> Iterator[Path]:
    """The path of every table and value in a document."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for name, value in items:
        yield (*path, name)
        yield from places(value, (*path, name))


def at(document: Any, path: Path) -> Any:
    for name in path:
        document = document[name]
    return document


def changed(path: Path, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(TEMPLATE)
    at(document, path[:-1])[path[-1]] = value
    return document


def without(*paths: Path) -> dict[str, Any]:
    document = copy.deepcopy(TEMPLATE)
    for path in paths:
        del at(document, path[:-1])[path[-1]]
    return document


def refusal(document: Any) -> str:
    with pytest.raises(AgreementError) as caught:
        parse_terms(document, where="draft.toml")
    assert caught.value.where == "draft.toml"
    return str(caught.value)


NAMED = [path for path in places(TEMPLATE) if isinstance(path[-1], str)]
TABLES = [(), *(path for path in places(TEMPLATE) if isinstance(at(TEMPLATE, path), dict))]


def dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)


def test_the_template_is_whole() -> None:
    terms = read_terms(template_text().encode(), where="template")
    assert [holder.name for holder in terms.holders] == ["council", "icb"]
    assert Terms.model_validate(terms.model_dump(mode="json")) == terms
    assert terms.encoding.hardening is not None


def test_a_file_with_a_byte_order_mark_reads_the_same() -> None:
    assert read_terms(b"\xef\xbb\xbf" + template_text().encode(), where="x") == parse_terms(TEMPLATE, where="x")


@pytest.mark.parametrize("data", [b"title = ", b"\xff", b"a = 1\na = 2", b"a = " + b"[" * 5000], ids=range(4))
def test_what_is_not_toml_is_refused(data: bytes) -> None:
    with pytest.raises(AgreementError, match="not a valid TOML file"):
        read_terms(data, where="draft.toml")


@pytest.mark.parametrize("path", NAMED, ids=dotted)
def test_every_missing_choice_is_an_error_that_names_it(path: Path) -> None:
    assert str(path[-1]) in refusal(without(path))


@pytest.mark.parametrize("path", TABLES, ids=dotted)
def test_every_unknown_choice_is_an_error_that_names_it(path: Path) -> None:
    assert "something_else" in refusal(changed((*path, "something_else"), 1))


def test_all_faults_are_listed_at_once_with_their_places() -> None:
    document = without(("title",), ("decision", "possible"), ("match_keys", 0, "name"), ("suppression", "below"))
    document["encoding"]["key_size"] = 1
    document["hint"] = "more"
    message = refusal(document)
    lines = [line.split(":")[0].strip() for line in message.splitlines() if line.startswith("  ")]
    assert sorted(lines) == [
        "decision.possible",
        "encoding.key_size",
        "hint",
        "match_keys.0.exact.name",
        "suppression.below",
        "title",
    ]


FUZZY = next(place for place, key in enumerate(TEMPLATE["match_keys"]) if key["kind"] == "fuzzy")
UNSAFE: list[tuple[Path, Any, str]] = [
    (("version",), 2, "version"),
    (("title",), "", "title"),
    (("purpose",), " \t", "purpose"),
    (("legal_gateway",), "x" * 2001, "legal_gateway"),
    (("dpia",), None, "dpia"),
    (("isa",), 7, "isa"),
    (("expires",), "2027-12-31T00:00:00", "time zone"),
    (("expires",), "next year", "expires"),
    (("expires",), datetime(2027, 1, 1, tzinfo=UTC), "expires"),
    (("expires",), "9999-12-31T23:59:59-12:00", "expires"),
    (("retention_hours",), 0, "retention_hours"),
    (("retention_hours",), 24 * 366 + 1, "retention_hours"),
    (("retention_hours",), 1.5, "retention_hours"),
    (("minimum_rows",), 0, "minimum_rows"),
    (("repeats_percent",), 0, "repeats_percent"),
    (("repeats_percent",), 101, "repeats_percent"),
    (("repeats_percent",), 2.5, "repeats_percent"),
    (("release",), "everything", "release"),
    (("holders",), TEMPLATE["holders"][:1], "holders"),
    (("holders",), [TEMPLATE["holders"][0]] * 2, "a name stands twice in holders"),
    (("holders", 0, "name"), "../up", "holders.0.name"),
    (("holders", 0, "name"), "", "holders.0.name"),
    (("holders", 0, "name"), "two\nlines", "holders.0.name"),
    (("holders", 0, "name"), "line\n", "holders.0.name"),
    (("holders", 0, "name"), "x" * 41, "holders.0.name"),
    (("holders", 0, "identifiers"), [], "holders.0.identifiers"),
    (("holders", 0, "identifiers"), ["shoe_size"], "holders.0.identifiers.0"),
    (("holders", 0, "identifiers"), ["day"], "holders.0.identifiers.0"),
    (("encoding", "length"), 1000, "encoding.length"),
    (("encoding", "length"), 1536, "power of two"),
    (("encoding", "length"), 32, "encoding.length"),
    (("encoding", "length"), 1 << 17, "encoding.length"),
    (("encoding", "hash"), "doubleHash", "encoding.hash"),
    (("encoding", "kdf_hash"), "MD5", "encoding.kdf_hash"),
    (("encoding", "key_size"), 15, "encoding.key_size"),
    (("encoding", "key_size"), 65, "encoding.key_size"),
    (("encoding", "hardening"), None, "accept_unhardened"),
    (("encoding", "hardening", "method"), "xor-fold", "method"),
    (("encoding", "hardening", "t"), 1, "hardening.t"),
    (("encoding", "hardening", "t"), 65, "hardening.t"),
    (("encoding", "hardening", "length"), 2000, "hardening.length"),
    (("encoding", "accept_unhardened"), "a reason beside hardening", "keep one"),
    (("decision", "match"), 0, "decision.match"),
    (("decision", "match"), 1, "decision.match"),
    (("decision", "match"), float("nan"), "decision.match"),
    (("decision", "possible"), 0.9, "possible must not be above match"),
    (("decision", "twin_caution"), 0.5, "decision.twin_caution"),
    (("decision", "twin_caution"), float("inf"), "decision.twin_caution"),
    (("decision", "twin_caution"), float("nan"), "decision.twin_caution"),
    (("decision", "chance_pairs_per_row"), 0, "chance_pairs_per_row"),
    (("decision", "chance_pairs_per_row"), float("inf"), "chance_pairs_per_row"),
    (("decision", "plain_floor"), 1, "plain_floor"),
    (("decision", "contradicting_exact_keys"), "ignore", "contradicting_exact_keys"),
    (("decision", "rows_of_one_holder"), "two", "rows_of_one_holder"),
    (("decision", "duplicates"), "merge", "duplicates"),
    (("decision", "duplicates"), "link", 'duplicates = "link" needs rows_of_one_holder = "any number"'),
    (("control", "rows"), -1, "control.rows"),
    (("control", "rows"), 2001, "control.rows"),
    (("control", "rows"), False, "control.rows"),
    (("control", "rows"), 1.5, "control.rows"),
    (("suppression", "below"), 1, "suppression.below"),
    (("suppression", "round_to"), 0, "suppression.round_to"),
    (("match_keys",), [], "match_keys"),
    (("match_keys",), [TEMPLATE["match_keys"][0]] * 2, "a name stands twice in match_keys"),
    (("match_keys", 0, "kind"), "phonetic", "match_keys.0"),
    (("match_keys", 0, "name"), "handle", "handle"),
    (("match_keys", 0, "name"), "present/upn", "match_keys.0.exact.name"),
    (("match_keys", 0, "tuple_of"), [], "tuple_of"),
    (("match_keys", 0, "tuple_of"), ["shoe_size"], "tuple_of.0"),
    (("match_keys", 0, "features"), [], "features"),
    (("match_keys", FUZZY, "features"), [], "features"),
    (("match_keys", FUZZY, "features"), TEMPLATE["match_keys"][FUZZY]["features"][:1] * 9, "a field stands twice"),
    (("match_keys", FUZZY, "minimum_bits"), 0, "minimum_bits"),
    (("match_keys", FUZZY, "minimum_bits"), 10_000, "no row would be encoded"),
    (("match_keys", FUZZY, "features", 0, "bits"), 0, "features.0.bits"),
    (("match_keys", FUZZY, "features", 0, "bits"), 4097, "features.0.bits"),
    (("match_keys", FUZZY, "features", 0, "compare"), "soundex", "features.0.compare"),
    (("match_keys", FUZZY, "features", 0, "field"), "shoe_size", "features.0.field"),
    (("match_keys", 0, "tuple_of"), ["upn"], "fewer than two holders"),
]


@pytest.mark.parametrize(
    ("path", "value", "words"), UNSAFE, ids=[f"{dotted(p)}-{n}" for n, (p, _, _) in enumerate(UNSAFE)]
)
def test_every_unsafe_value_is_an_error_that_names_it(path: Path, value: Any, words: str) -> None:
    document = changed(path, value)
    if path == ("match_keys", 0, "tuple_of") and value == ["upn"]:
        document["match_keys"] = [key for key in document["match_keys"] if key["name"] != "upn"]
        document["holders"][1]["identifiers"] = ["forename", "surname", "sex", "date_of_birth", "postcode"]
    assert words in refusal(document)


@pytest.mark.parametrize("document", [None, [], "terms", 7])
def test_what_is_no_table_is_refused(document: Any) -> None:
    refusal(document)


def test_no_hardening_needs_a_reason_and_takes_one() -> None:
    document = without(("encoding", "hardening"))
    assert "accept_unhardened" in refusal(document)
    document["encoding"]["accept_unhardened"] = "  "
    refusal(document)
    document["encoding"]["accept_unhardened"] = "the partner runs clkhash"
    assert parse_terms(document, where="draft").encoding.hardening is None


def test_a_holder_is_found_by_its_name_only() -> None:
    terms = parse_terms(TEMPLATE, where="draft")
    assert terms.holder("icb").name == "icb"
    for name in ("ICB", "", "school"):
        with pytest.raises(AgreementError, match="council, icb"):
            terms.holder(name)


def test_the_moment_of_expiry_is_read_with_its_time_zone() -> None:
    terms = parse_terms(changed(("expires",), "2027-01-01T01:00:00+02:00"), where="draft")
    assert terms.expires_at() == datetime(2026, 12, 31, 23, tzinfo=UTC)


def test_a_holder_makes_the_match_keys_whose_fields_it_has() -> None:
    document = changed(("holders", 1, "identifiers"), ["nhs_number"])
    document["match_keys"] = [{"kind": "exact", "name": "nhs", "tuple_of": ["nhs_number"]}]
    assert [key.name for key in parse_terms(document, where="draft").keys_of("icb")] == ["nhs"]
    document["holders"].append({"name": "school", "identifiers": ["upn", "surname"]})
    document["match_keys"].append({"kind": "exact", "name": "upn", "tuple_of": ["upn", "surname"]})
    terms = parse_terms(document, where="draft")
    made = {name: [key.name for key in terms.keys_of(name)] for name in ("council", "icb", "school")}
    assert made == {"council": ["nhs", "upn"], "icb": ["nhs"], "school": ["upn"]}


# The default agreement for what the holders have.

SUBSETS = list(chain.from_iterable(combinations(IDENTIFIERS, size) for size in range(len(IDENTIFIERS) + 1)))


def sound(holders: dict[str, tuple[str, ...]]) -> bool:
    """Whether there is a default agreement, after checking it; or else that it is refused for the right reason."""
    refused = ""
    try:
        terms = default_terms(holders)
    except AgreementError as error:
        refused = str(error)
    if refused:
        assert "too few" in refused or not all(holders.values())
        return False
    for holder in terms.holders:
        assert set(holder.identifiers) <= set(holders[holder.name])
        for identifier in holder.identifiers:
            without = fields_of(one for one in holder.identifiers if one != identifier)
            assert any(not key.fields <= without for key in terms.keys_of(holder.name)), "it is read for nothing"
    for key in terms.match_keys:
        able = [name for name in holders if key in terms.keys_of(name)]
        assert len(able) >= 2
        if isinstance(key, FuzzyKey):
            assert len(able) == len(holders)
            bits = sum(feature.bits for feature in key.features)
            whole = next(one for one in TEMPLATE["match_keys"] if one["name"] == key.name)
            full = sum(feature["bits"] for feature in whole["features"])
            assert abs(bits - full) <= len(key.features)
            assert key.minimum_bits == whole["minimum_bits"]
    return True


def test_the_default_agreement_of_holders_with_the_same_identifiers_is_sound() -> None:
    outcomes = [sound({"a": have, "b": have}) for have in SUBSETS]
    assert sum(outcomes) > len(SUBSETS) / 2
    assert not outcomes[0]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(SUBSETS), min_size=2, max_size=4))
def test_the_default_agreement_of_any_holders_is_sound(have: list[tuple[str, ...]]) -> None:
    sound({f"holder-{number}": one for number, one in enumerate(have)})


def test_holders_of_the_same_numbers_alone_link_by_these() -> None:
    terms = default_terms({"a": ["nhs_number"], "b": ["nhs_number", "upn"], "c": ["upn"]})
    assert [key.name for key in terms.match_keys] == ["nhs-number", "upn"]
    assert [[key.name for key in terms.keys_of(name)] for name in "abc"] == [
        ["nhs-number"],
        ["nhs-number", "upn"],
        ["upn"],
    ]


@pytest.mark.parametrize(
    "holders",
    [{}, {"a": IDENTIFIERS}, {"a": ["sex"], "b": ["sex"]}, {"a": [], "b": []}, {"a": ["upn"], "b": ["nhs_number"]}],
    ids=range(5),
)
def test_too_few_holders_or_identifiers_are_refused(holders: dict[str, list[str]]) -> None:
    with pytest.raises(AgreementError):
        default_terms(holders)


@pytest.mark.parametrize("word", ["shoe_size", "names", "day", "NHS_NUMBER", ""])
def test_an_identifier_that_nobody_can_declare_is_refused(word: str) -> None:
    with pytest.raises(AgreementError, match=r"holders\.0\.identifiers"):
        default_terms({"a": [*IDENTIFIERS, word], "b": IDENTIFIERS})


def test_changes_of_the_default_are_checked_too() -> None:
    both = {"a": IDENTIFIERS, "b": IDENTIFIERS}
    assert default_terms(both, minimum_rows=7).minimum_rows == 7
    with pytest.raises(AgreementError, match="minimum_rows"):
        default_terms(both, minimum_rows=0)


def test_all_rows_may_look_alike_in_the_default_only_where_fields_are_few() -> None:
    for have, percent in (
        (IDENTIFIERS, 10),
        (["forename", "surname", "date_of_birth", "postcode"], 10),
        (["nhs_number", "upn"], 10),
        (["surname", "date_of_birth", "postcode", "nhs_number"], 100),
        (["forename", "surname"], 100),
    ):
        assert default_terms({"a": have, "b": have}).repeats_percent == percent
    assert default_terms({"a": ["forename", "surname"], "b": IDENTIFIERS}, repeats_percent=30).repeats_percent == 30


def test_every_declared_identifier_is_a_normalised_field() -> None:
    assert {one.value for one in Identifier} <= {field.value for field in IdentifierField}


def test_what_becomes_of_names_in_other_scripts_must_be_stated() -> None:
    assert "  normalisation: Field required" in refusal(without(("normalisation",)))
    assert "  normalisation.other_scripts: Field required" in refusal(without(("normalisation", "other_scripts")))
    assert "'keep' or 'transliterate'" in refusal(changed(("normalisation", "other_scripts"), "translate"))


def test_the_caution_about_twins_must_be_stated() -> None:
    assert "  decision.twin_caution: Field required" in refusal(without(("decision", "twin_caution")))


def test_what_becomes_of_forms_of_one_forename_must_be_stated() -> None:
    assert "  normalisation.forename_variants: Field required" in refusal(
        without(("normalisation", "forename_variants"))
    )
    assert "'keep' or 'join'" in refusal(changed(("normalisation", "forename_variants"), "merge"))


@pytest.mark.parametrize("duplicates", ["ignore", "report", "link"])
def test_any_number_of_rows_per_link_has_room_for_duplicates(duplicates: str) -> None:
    document = changed(("decision", "rows_of_one_holder"), "any number")
    document["decision"]["duplicates"] = duplicates
    assert parse_terms(document, where="draft").decision.duplicates == duplicates
