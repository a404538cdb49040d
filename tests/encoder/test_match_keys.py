"""Encodings per match-key: against clkhash and hmac themselves, and independent of everything but row and secret."""

import hashlib
import hmac
import itertools
import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from encoder.harden import draw, harden
from encoder.identifiers import Column, Identifiers
from encoder.match_keys import Encodings, MatchKeyEncoder, encoders, linkage_schema, rows_of
from keys.derive import Label, subkey
from keys.secret import Secret
from keys.terms import Encoding, ExactKey, FuzzyKey, Terms
from tests.doors import children, cohort, secret_of, signed, small_terms

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)
    import clkhash.schema
    from clkhash.clk import generate_clks

AGREEMENT = signed(small_terms())
TERMS = AGREEMENT.terms
SECRET = secret_of(AGREEMENT)
FUZZY = [key for key in TERMS.match_keys if isinstance(key, FuzzyKey)]
EXACT = [key for key in TERMS.match_keys if isinstance(key, ExactKey)]
PEOPLE = cohort(children(60)).identifiers


def plain(terms: Terms = TERMS) -> Terms:
    encoding = terms.encoding.model_copy(update={"hardening": None, "accept_unhardened": "a test"})
    return terms.model_copy(update={"encoding": encoding})


def table(**columns: Sequence[str]) -> Identifiers:
    """Identifiers as normalising makes them, of values given row by row."""
    made = {}
    for name, values in columns.items():
        distinct = tuple(dict.fromkeys(values))
        made[name] = Column(np.array([distinct.index(one) for one in values], dtype=np.int32), distinct)
    return Identifiers(len(next(iter(columns.values()))), made)


def fuzzy(minimum_bits: int, **features: tuple[str, int]) -> FuzzyKey:
    """A match-key of these fields, each with its comparison and its bits."""
    listed = [{"field": field, "compare": compare, "bits": bits} for field, (compare, bits) in features.items()]
    return FuzzyKey.model_validate({"kind": "fuzzy", "name": "k", "minimum_bits": minimum_bits, "features": listed})


def values(identifiers: Identifiers, names: Sequence[str]) -> list[tuple[str, ...]]:
    columns = [identifiers.columns[name] for name in names]
    return [tuple(column.values[column.codes[row]] for column in columns) for row in range(identifiers.rows)]


def encode(key: Any, identifiers: Identifiers, terms: Terms = TERMS, secret: Secret = SECRET) -> Encodings:
    return MatchKeyEncoder(key, terms=terms, secret=secret).encode(identifiers)


def by_clkhash(key: FuzzyKey, identifiers: Identifiers, terms: Terms, secret: Secret = SECRET) -> NDArray[np.uint8]:
    schema = clkhash.schema.from_json_dict(linkage_schema(key, terms.encoding))
    rows = values(identifiers, [feature.field.value for feature in key.features])
    base = subkey(secret, Label.BASE_FILTER, context=key.name)
    filters = generate_clks(rows, schema, base, validate=True, max_workers=1)
    return np.array([np.frombuffer(one.tobytes(), np.uint8) for one in filters])


def with_gaps(identifiers: Identifiers, gaps: Mapping[str, set[int]]) -> Identifiers:
    columns = dict(identifiers.columns)
    for name, rows in gaps.items():
        column = columns[name]
        codes = column.codes.copy()
        codes[sorted(rows)] = len(column.values)
        columns[name] = Column(codes, (*column.values, ""))
    return Identifiers(identifiers.rows, columns)


# Fuzzy match-keys.


@pytest.mark.parametrize("key", FUZZY, ids=lambda key: key.name)
def test_without_hardening_encodings_are_those_of_clkhash(key: FuzzyKey) -> None:
    encoded = encode(key, PEOPLE, plain())
    assert encoded.present.all()
    np.testing.assert_array_equal(encoded.bits, by_clkhash(key, PEOPLE, plain()))


@pytest.mark.parametrize("key", FUZZY, ids=lambda key: key.name)
def test_with_hardening_they_are_these_diffused(key: FuzzyKey) -> None:
    hardening = TERMS.encoding.hardening
    assert hardening is not None
    selection = draw(
        key=subkey(SECRET, Label.HARDENING, context=key.name),
        base_length=TERMS.encoding.length,
        t=hardening.t,
        length=hardening.length,
    )
    encoded = encode(key, PEOPLE)
    assert encoded.bits.shape == (60, hardening.length // 8)
    np.testing.assert_array_equal(encoded.bits, harden(by_clkhash(key, PEOPLE, TERMS), selection))
    # The XOR of the drawn bits, done again without the encoder's own hardening.
    base = np.unpackbits(by_clkhash(key, PEOPLE, TERMS), axis=1)
    slow = np.bitwise_xor.reduce(base[:, selection], axis=2)
    np.testing.assert_array_equal(np.unpackbits(encoded.bits, axis=1), slow)


@pytest.mark.parametrize(
    "compare", ["exact", "unigrams", "bigrams", "trigrams", "positional-unigrams", "positional-bigrams"]
)
@pytest.mark.parametrize(
    "changes", [{}, {"length": 256}, {"kdf_hash": "SHA512"}, {"key_size": 16}], ids=lambda one: ",".join(one) or "as is"
)
def test_every_comparison_and_parameter_is_that_of_clkhash(compare: str, changes: dict[str, Any]) -> None:
    key = fuzzy(1, surname=(compare, 77), sex=("exact", 9))
    terms = plain()
    terms = terms.model_copy(update={"encoding": terms.encoding.model_copy(update=changes)})
    people = table(surname=["SMITH", "O NEILL", "ÖZTÜRK", "X", "łę", "NG"], sex=list("FMFMFM"))
    np.testing.assert_array_equal(encode(key, people, terms).bits, by_clkhash(key, people, terms))


def test_a_row_with_too_few_bits_is_absent_and_zero() -> None:
    for key in FUZZY:
        fields = [feature.field.value for feature in key.features]
        random = np.random.default_rng(3)
        gaps = {field: set(np.flatnonzero(random.random(60) < 0.35).tolist()) for field in fields}
        people = with_gaps(PEOPLE, gaps)
        weights = np.array([sum(f.bits for f in key.features if row not in gaps[f.field.value]) for row in range(60)])
        encoded = encode(key, people)
        np.testing.assert_array_equal(encoded.present, weights >= key.minimum_bits)
        assert 0 < encoded.present.sum() < 60
        assert not encoded.bits[~encoded.present].any()
        assert encoded.bits[encoded.present].any(axis=1).all()
        np.testing.assert_array_equal(
            encode(key, people, plain()).bits[encoded.present],
            by_clkhash(key, rows_of(people, np.flatnonzero(encoded.present)), plain()),
        )


@pytest.mark.parametrize(("minimum", "present"), [(1, True), (30, True), (31, False), (40, False)])
def test_the_minimum_of_bits_is_met_or_not(minimum: int, present: bool) -> None:
    key = fuzzy(minimum, surname=("bigrams", 30), sex=("exact", 10))
    encoded = encode(key, table(surname=["SMITH", "", ""], sex=["", "F", ""]))
    assert encoded.present.tolist() == [present, minimum <= 10, False]


def test_two_rows_that_differ_are_encoded_differently_and_equal_ones_alike() -> None:
    twice = rows_of(PEOPLE, np.array([0, 1, 0, 1]))
    for key in TERMS.match_keys:
        bits = encode(key, twice).bits
        np.testing.assert_array_equal(bits[:2], bits[2:])
        assert (bits[0] != bits[1]).any()


# Exact match-keys.


@pytest.mark.parametrize("key", EXACT, ids=lambda key: key.name)
def test_exact_match_keys_are_hmacs_of_the_tuple(key: ExactKey) -> None:
    mac = subkey(SECRET, Label.EXACT, context=key.name)
    encoded = encode(key, PEOPLE)
    assert encoded.present.all()
    for bits, row in zip(encoded.bits, values(PEOPLE, [field.value for field in key.tuple_of]), strict=True):
        text = json.dumps(list(row), separators=(",", ":"), ensure_ascii=False).encode()
        assert bits.tobytes() == hmac.digest(mac, text, hashlib.sha256)[:16]


PAIR = ExactKey.model_validate({"kind": "exact", "name": "pair", "tuple_of": ["forename", "surname"]})
SHORT = st.text(st.sampled_from('ab",\\ é'), max_size=3)


@settings(deadline=None)
@given(st.lists(st.tuples(SHORT, SHORT), min_size=1, max_size=12))
def test_exact_encodings_are_equal_for_equal_tuples_and_only_these(rows: list[tuple[str, str]]) -> None:
    encoded = encode(PAIR, table(forename=[a for a, _ in rows], surname=[b for _, b in rows]))
    assert encoded.present.tolist() == [bool(a and b) for a, b in rows]
    of: dict[tuple[str, str], bytes] = {}
    for row, bits, present in zip(rows, encoded.bits, encoded.present, strict=True):
        if present:
            assert of.setdefault(row, bits.tobytes()) == bits.tobytes()
        else:
            assert not bits.any()
    assert len(set(of.values())) == len(of)


def test_the_order_of_a_tuple_counts() -> None:
    turned = ExactKey.model_validate({"kind": "exact", "name": "pair", "tuple_of": ["surname", "forename"]})
    people = table(forename=["ANN"], surname=["LEE"])
    assert (encode(PAIR, people).bits != encode(turned, people).bits).any()
    swapped = table(forename=["LEE"], surname=["ANN"])
    np.testing.assert_array_equal(encode(PAIR, people).bits, encode(turned, swapped).bits)


def test_exact_encodings_do_not_depend_on_values_that_no_row_has() -> None:
    column = Column(np.array([2, 0], dtype=np.int32), ("A", "unused", "B", ""))
    spare = Identifiers(2, {"forename": column, "surname": column})
    np.testing.assert_array_equal(
        encode(PAIR, spare).bits, encode(PAIR, table(forename=["B", "A"], surname=["B", "A"])).bits
    )


# All of them.


@pytest.mark.parametrize("key", TERMS.match_keys, ids=lambda key: key.name)
def test_no_rows_and_empty_rows_are_encoded_to_nothing(key: FuzzyKey | ExactKey) -> None:
    none = encode(key, rows_of(PEOPLE, np.array([], dtype=np.int64)))
    assert none.bits.shape[0] == 0
    empty = table(**{name: ["", ""] for name in PEOPLE.columns})
    encoded = encode(key, empty)
    assert not encoded.present.any()
    assert not encoded.bits.any()


def test_match_keys_come_in_the_order_of_the_agreement() -> None:
    made = encoders(TERMS.match_keys, terms=TERMS, secret=SECRET)
    assert [one.key for one in made] == list(TERMS.match_keys)


def test_nothing_shows_a_key_or_a_value() -> None:
    for key in TERMS.match_keys:
        encoder = MatchKeyEncoder(key, terms=TERMS, secret=SECRET)
        assert repr(encoder) == f"MatchKeyEncoder({key.name!r})"
        assert "array" not in repr(encoder.encode(PEOPLE))


def agreeing(one: Encodings, two: Encodings) -> float:
    return float(1 - np.unpackbits(one.bits ^ two.bits).mean())


OTHER_AGREEMENT = signed(small_terms(title="Another agreement"))


@pytest.mark.parametrize("key", TERMS.match_keys, ids=lambda key: key.name)
@pytest.mark.parametrize(
    "other",
    [
        secret_of(AGREEMENT, "another secret"),
        Secret(SECRET.key(), agreement=OTHER_AGREEMENT.id),
    ],
    ids=["another secret", "another agreement"],
)
def test_i3_encodings_under_another_secret_or_agreement_agree_on_half_of_their_bits(
    key: FuzzyKey | ExactKey, other: Secret
) -> None:
    one, two = encode(key, PEOPLE), encode(key, PEOPLE, secret=other)
    bits = one.bits.size * 8
    # Six standard errors of a fair coin; hardened bits of one row hang together a little, so twice that for these.
    assert abs(agreeing(one, two) - 0.5) < (12 if isinstance(key, FuzzyKey) else 6) * 0.5 / bits**0.5
    per_row = np.unpackbits(one.bits ^ two.bits, axis=1).mean(axis=1)
    width = one.bits.shape[1] * 8
    assert np.abs(per_row - 0.5).max() < 6 * 0.5 / width**0.5


def test_i3_two_match_keys_of_the_same_fields_agree_on_half_of_their_bits() -> None:
    twin = FUZZY[0].model_copy(update={"name": "twin"})
    assert abs(agreeing(encode(FUZZY[0], PEOPLE), encode(twin, PEOPLE)) - 0.5) < 0.02


@settings(deadline=None, max_examples=15)
@given(st.permutations(range(60)), st.lists(st.integers(0, 60), max_size=5))
def test_i2_encodings_do_not_depend_on_the_order_and_the_blocks_of_rows(order: list[int], cuts: list[int]) -> None:
    people = with_gaps(PEOPLE, {"surname": {1, 5, 7}, "postcode": {5, 8}, "nhs_number": {2, 3}})
    bounds = [0, *sorted(cuts), 60]
    for encoder in encoders(TERMS.match_keys, terms=TERMS, secret=SECRET):
        whole = encoder.encode(people)
        pieces = [
            encoder.encode(rows_of(people, np.array(order[start:end], dtype=np.int64)))
            for start, end in itertools.pairwise(bounds)
        ]
        np.testing.assert_array_equal(np.concatenate([one.bits for one in pieces]), whole.bits[order])
        np.testing.assert_array_equal(np.concatenate([one.present for one in pieces]), whole.present[order])


def test_i2_encodings_do_not_depend_on_how_values_are_kept() -> None:
    """The same rows with the distinct values in another order, repeated and beside unused ones."""
    columns = {}
    for name, column in PEOPLE.columns.items():
        kept = ("unused", *reversed(column.values), "")
        columns[name] = Column((len(column.values) - column.codes).astype(np.int32), kept)
    again = Identifiers(PEOPLE.rows, columns)
    assert values(again, ["surname"]) == values(PEOPLE, ["surname"])
    for key in TERMS.match_keys:
        np.testing.assert_array_equal(encode(key, again).bits, encode(key, PEOPLE).bits)


def test_i2_encodings_under_a_known_secret_stay_what_they_are() -> None:
    """So that two versions of the software, or two machines, cannot differ unnoticed."""
    hardening = {"method": "diffusion", "t": 8, "length": 2048}
    form = {"length": 1024, "hash": "blakeHash", "kdf_hash": "SHA256", "key_size": 64, "hardening": hardening}
    terms = TERMS.model_copy(update={"encoding": Encoding.model_validate(form)})
    compared = {"forename": "bigrams", "surname": "trigrams", "year": "positional-unigrams", "sex": "exact"}
    keys: list[FuzzyKey | ExactKey] = [
        fuzzy(100, **{field: (compare, 50) for field, compare in compared.items()}),
        PAIR,
    ]
    digest = hashlib.sha256()
    for encoder in encoders(keys, terms=terms, secret=Secret(bytes(range(32)), agreement="ab" * 32)):
        digest.update(encoder.encode(PEOPLE).bits.tobytes())
    assert digest.hexdigest() == "38944c9ee356de214cc9e76e4b9c56d246992565a657d4c8e2869e781f783fe3"
