"""What no honest holder makes is refused when it comes in; what honest holders make never is."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from encoder.columns import Columns
from encoder.harden import draw, harden
from encoder.match_keys import encoders
from encoder.normalise import Normalised, normalise
from encoder.read import Batch
from keys.honest import honest_bits
from keys.layout import upload_record
from keys.secret import Secret
from keys.template import default_rules, default_terms
from keys.terms import ExactKey, FuzzyKey, Terms
from services.broker.errors import Refused
from services.broker.uploads import plausibility
from services.broker.uploads.lots import Lots
from services.broker.uploads.plausibility import SAMPLE, require_plausible
from services.rehearsal.children import make_children
from services.rehearsal.extracts import Extract, draw_extract
from services.rehearsal.holder_specs import COUNCIL, ICB, SOCIAL_CARE, HolderSpec
from tests.doors import children, cohort, drawn
from tests.match_keys import with_four_fuzzy

TODAY = date(2025, 9, 1)
IDENTIFIERS = ("forename", "surname", "date_of_birth", "postcode", "nhs_number")


def terms_of(*identifiers: str, plain: bool = False, **changes: Any) -> Terms:
    """Two holders, a and b, with these identifiers."""
    have = identifiers or IDENTIFIERS
    terms = default_terms({"a": have, "b": have}, **{"minimum_rows": 1, **changes})
    if not plain:
        return terms
    encoding = terms.encoding.model_copy(update={"hardening": None, "accept_unhardened": "a test"})
    return terms.model_copy(update={"encoding": encoding})


HARDENED, PLAIN = terms_of(), terms_of(plain=True)
SEVERAL, SEVERAL_PLAIN = with_four_fuzzy(HARDENED), with_four_fuzzy(PLAIN)
EVERY = pytest.mark.parametrize(
    "terms", [HARDENED, PLAIN, SEVERAL, SEVERAL_PLAIN], ids=["hardened", "plain", "several hardened", "several plain"]
)
ONE_OR_SEVERAL = pytest.mark.parametrize("terms", [HARDENED, SEVERAL], ids=["one", "several"])
LENGTH = HARDENED.encoding.hardening.length if HARDENED.encoding.hardening else 0


def fuzzy_keys(terms: Terms) -> list[FuzzyKey]:
    return [key for key in terms.match_keys if isinstance(key, FuzzyKey)]


def exact_keys(terms: Terms) -> list[ExactKey]:
    return [key for key in terms.match_keys if isinstance(key, ExactKey)]


def fuzzy_cases(*several: Terms) -> list[Any]:
    """Terms and each of their fuzzy match-keys."""
    return [
        pytest.param(terms, key, id=f"{key.name} of {len(fuzzy_keys(terms))}")
        for terms in several
        for key in fuzzy_keys(terms)
    ]


def without(records: NDArray[np.void], keys: Sequence[FuzzyKey | ExactKey], rows: slice = slice(None)) -> None:
    """Take the encodings of these match-keys away."""
    for key in keys:
        records[key.name][rows] = records[f"present/{key.name}"][rows] = 0


def records_of(rows: Normalised, terms: Terms, *, secret: int = 0) -> NDArray[np.void]:
    """What holder a would send of these rows, but for the handles."""
    records = np.zeros(rows.identifiers.rows, dtype=upload_record(terms, "a"))
    key = Secret(secret.to_bytes(32, "big"), agreement="0" * 64)
    for encoder in encoders(terms.keys_of("a"), terms=terms, secret=key):
        encodings = encoder.encode(rows.identifiers)
        records[encoder.key.name] = encodings.bits
        records[f"present/{encoder.key.name}"] = encodings.present
    return records


def made_up(rows: int, terms: Terms = HARDENED) -> NDArray[np.void]:
    """Records of unrelated children, every encoding there."""
    return records_of(cohort(children(rows)), terms)


def in_blocks(records: NDArray[np.void], rows: int = 333) -> Iterator[NDArray[np.void]]:
    return (records[start : start + rows] for start in range(0, len(records), rows))


def check(records: NDArray[np.void], terms: Terms = HARDENED, *, budget: int = 1 << 24, seed: str = "sample") -> None:
    require_plausible(lambda: in_blocks(records), terms=terms, holder="a", random=drawn(seed), budget=budget)


def refused(records: NDArray[np.void], terms: Terms = HARDENED, **options: Any) -> str:
    with pytest.raises(Refused) as caught:
        check(records, terms, **options)
    assert caught.value.remedy
    return caught.value.what


def normalised(extract: Extract, which: NDArray[np.bool_]) -> Normalised:
    names = {name: header for name, header in extract.holder.columns.items() if name in ("id", *IDENTIFIERS)}
    table = extract.table.filter(pa.array(which))
    batch = Batch(
        source="made-up children",
        rows=np.arange(2, table.num_rows + 2),
        ids=table.column(names["id"]).combine_chunks(),
        values={name: table.column(header).combine_chunks() for name, header in names.items() if name != "id"},
    )
    order = "dmy" if extract.holder.day_first else "ymd"
    return normalise(
        [batch], Columns.model_validate({**names, "date_order": order}), rules=default_rules(), today=TODAY
    )


@settings(max_examples=20, deadline=None)
@given(
    rows=st.sampled_from([1, 2, 3, 10, 99, 400, 1500]),
    holder=st.sampled_from([COUNCIL, ICB, SOCIAL_CARE]),
    scenario=st.sampled_from(["low", "high"]),
    families=st.booleans(),
    plain=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_honest_uploads_pass(
    rows: int, holder: HolderSpec, scenario: str, families: bool, plain: bool, seed: int
) -> None:
    """Clean and dirty files of every size; and files of nothing but brothers and sisters, twins among them."""
    rng = np.random.default_rng(seed)
    population = make_children(4 * rows + 500, today=TODAY, rng=rng)
    extract = draw_extract(population, holder=holder, rows=rows, scenario=scenario, rng=rng)
    household = population.household[extract.child]
    which = np.bincount(household)[household] > 1 if families else np.ones(rows, np.bool_)
    if which.any():
        terms = PLAIN if plain else HARDENED
        check(records_of(normalised(extract, which), terms, secret=seed), terms, seed=str(seed))


def test_a_hardened_upload_of_nothing_but_twins_passes() -> None:
    population = make_children(30_000, today=TODAY, rng=np.random.default_rng(1))
    extract = draw_extract(population, holder=ICB, rows=15_000, scenario="high", rng=np.random.default_rng(2))
    birth = population.birth[extract.child]
    twins = np.bincount(birth)[birth] > 1
    assert twins.sum() > 200
    check(records_of(normalised(extract, twins), HARDENED))


@EVERY
@pytest.mark.parametrize("name", ["Mohamed Mohamed", "Barbara", "Li", "Maximiliana-Wilhelmina", "Xxxxxx"])
def test_names_of_few_or_many_n_grams_pass_even_with_nothing_beside_them(name: str, terms: Terms) -> None:
    people = [{**child, "forename": name} for child in children(40)]
    for child in people[::2]:
        child |= {"surname": name}
    for child in people[::3]:
        child |= {"date_of_birth": "", "postcode": "", "nhs_number": ""}
    check(records_of(cohort(people), terms), terms.model_copy(update={"repeats_percent": 100}))


@settings(max_examples=25, deadline=None)
@given(
    base=st.sampled_from([256, 512, 1024, 2048]),
    length=st.sampled_from([512, 1024, 2048, 4096]),
    t=st.integers(2, 16),
    filling=st.floats(0.1, 1.0),  # bits thrown per bit of the filter; see ADR 0060 on filters nearly empty or full
    share=st.floats(0.5, 1.0),
    seed=st.integers(0, 2**32),
)
def test_hardened_filters_neither_empty_nor_full_have_an_honest_number_of_bits(
    base: int, length: int, t: int, filling: float, share: float, seed: int
) -> None:
    terms = default_terms({"a": IDENTIFIERS, "b": IDENTIFIERS}).model_dump(mode="json")
    terms["encoding"] |= {"length": base, "hardening": {"method": "diffusion", "t": t, "length": length}}
    key = next(one for one in terms["match_keys"] if one["kind"] == "fuzzy")
    bits = int(filling * base)
    key |= {
        "features": [{"field": "forename", "compare": "bigrams", "bits": bits}],
        "minimum_bits": max(1, int(share * bits)),
    }
    encoding, fuzzy = Terms.model_validate(terms).encoding, FuzzyKey.model_validate(key)
    fewest, most = honest_bits(fuzzy, encoding, encodings=1)
    selection = draw(key=seed.to_bytes(16, "big"), base_length=base, t=t, length=length)
    rng = np.random.default_rng(seed)
    for thrown in (bits, fuzzy.minimum_bits, -(-fuzzy.minimum_bits // 4)):
        filters = np.zeros((50, base), np.uint8)
        np.put_along_axis(filters, rng.integers(0, base, (50, thrown)), 1, axis=1)
        counts = np.bitwise_count(harden(np.packbits(filters, axis=1), selection)).sum(axis=1, dtype=int)
        assert fewest <= counts.min()
        assert counts.max() <= most


def test_the_bounds_are_six_sigma_and_widen_with_the_number_of_encodings() -> None:
    hardening = HARDENED.encoding.hardening
    assert hardening is not None
    (key,) = fuzzy_keys(HARDENED)
    bounds = [honest_bits(key, HARDENED.encoding, encodings=number) for number in (1, 10, 10**4, 10**6, 10**8)]
    fewest, most = bounds[0]
    six = 6 * np.sqrt(LENGTH) / 2

    def expected(bits: float) -> float:
        """Of so many bits thrown, how many the XORs of a base filter have."""
        empty = (1 - 1 / HARDENED.encoding.length) ** bits
        return float(LENGTH / 2 * (1 - (2 * empty - 1) ** hardening.t))

    whole, least = expected(sum(feature.bits for feature in key.features)), expected(key.minimum_bits / 4)
    assert least < 0.5 * whole < 0.5 * LENGTH
    assert whole + six - 1 <= most <= whole + 1.1 * six
    assert least - 1.1 * six <= fewest <= least - six + 1
    assert bounds[1] == bounds[0]  # six sigma are enough
    for (low, high), (lower, higher) in pairwise(bounds[1:]):
        assert lower < low < high < higher
    assert bounds[-1][1] < LENGTH / 2 + 9 * np.sqrt(LENGTH) / 2


def with_bits(length: int, count: int) -> NDArray[np.uint8]:
    """An encoding with so many bits set, at random places."""
    bits = np.zeros(length, np.uint8)
    bits[Random(count).sample(range(length), count)] = 1
    return np.packbits(bits)


@pytest.mark.parametrize(("terms", "key"), fuzzy_cases(HARDENED, SEVERAL))
def test_an_encoding_just_outside_the_bounds_is_refused(terms: Terms, key: FuzzyKey) -> None:
    records = made_up(20, terms)
    fewest, most = honest_bits(key, terms.encoding, encodings=20 * len(fuzzy_keys(terms)))
    for count, what in ((fewest, ""), (most, ""), (fewest - 1, "fewer bits"), (most + 1, "more bits")):
        records[key.name][7] = with_bits(LENGTH, count)
        if what:
            message = refused(records, terms)
            assert what in message
            assert f"match-key {key.name} " in message
        else:
            check(records, terms)


@pytest.mark.parametrize(("terms", "key"), fuzzy_cases(PLAIN, SEVERAL_PLAIN))
def test_a_plain_encoding_with_more_bits_than_its_features_is_refused(terms: Terms, key: FuzzyKey) -> None:
    records = made_up(20, terms)
    bits = sum(feature.bits for feature in key.features)
    records[key.name][7] = with_bits(1024, bits)
    check(records, terms)
    records[key.name][7] = with_bits(1024, bits + 1)
    assert f"match-key {key.name} have more bits" in refused(records, terms)


@EVERY
@pytest.mark.parametrize("byte", [0, 255])
def test_encodings_of_zeros_or_ones_alone_are_refused_under_every_match_key(byte: int, terms: Terms) -> None:
    honest = made_up(20, terms)
    for key in terms.keys_of("a"):
        records = honest.copy()
        records[key.name][3] = byte
        assert f"match-key {key.name} are all zeros or all ones" in refused(records, terms)
    absent = honest.copy()
    for key in terms.keys_of("a"):
        absent[key.name][3] = absent[f"present/{key.name}"][3] = 0
    check(absent, terms)


def test_rows_without_an_encoding_do_not_count_towards_the_minimum() -> None:
    terms = terms_of(minimum_rows=10)
    records = made_up(30, terms)
    records[10:] = np.zeros(20, records.dtype)
    check(records, terms)
    records[9] = np.zeros(1, records.dtype)[0]
    assert "minimum of 10" in refused(records, terms)


def repeated(rows: int, repeats: int, terms: Terms = HARDENED) -> NDArray[np.void]:
    """Records of which so many look like another one: pairs of one child, with its forename spelt in two ways."""
    people = children(rows - repeats // 2)
    again = [{**child, "forename": child["forename"] + "e", "nhs_number": ""} for child in people[: repeats // 2]]
    return records_of(cohort([*people, *again]), terms)


@EVERY
def test_about_as_many_repeats_as_agreed_pass_and_far_more_do_not(terms: Terms) -> None:
    check(repeated(200, 20, terms), terms)
    assert "agreement's 10 percent" in refused(repeated(200, 80, terms), terms)
    few, many = (terms.model_copy(update={"repeats_percent": percent}) for percent in (1, 60))
    assert "agreement's 1 percent" in refused(repeated(200, 30, terms), few)
    check(repeated(200, 80, terms), many)


@pytest.mark.parametrize("rows", [2, 3, 4])
def test_a_child_that_is_twice_in_a_tiny_file_passes(rows: int) -> None:
    check(repeated(rows, 2))


def test_repeats_are_found_in_a_sample_of_a_large_upload_whatever_it_draws() -> None:
    rows = 3 * SAMPLE
    honest, poisoned = repeated(rows, rows // 20), repeated(rows, rows // 4)
    for seed in "abc":
        check(honest, seed=seed)
        assert "more rows look like another" in refused(poisoned, seed=seed)


def test_the_sample_is_drawn_with_the_randomness_that_is_given() -> None:
    records = made_up(SAMPLE + 300)
    records[:7] = np.zeros(7, records.dtype)  # without an encoding: they draw no lot
    lots = np.frombuffer(drawn("x")(8 * (SAMPLE + 293)), np.uint64)
    sample = Lots(SAMPLE, lambda size: lots[sample_at(size) :].tobytes()[:size])
    asked = [0]

    def sample_at(size: int) -> int:
        asked.append(asked[-1] + size // 8)
        return asked[-2]

    at = 0
    for block in in_blocks(records):
        sample.add(block, np.arange(at, at + len(block)) >= 7)
        at += len(block)
    assert asked[-1] == SAMPLE + 293
    assert sorted(sample.rows) == sorted(np.argsort(lots)[:SAMPLE] + 7)
    assert (sample.records == records[sample.rows]).all()


@ONE_OR_SEVERAL
def test_what_is_found_does_not_depend_on_how_many_records_pass_at_once(
    terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    lenient = terms.model_copy(update={"repeats_percent": 30})
    honest, poisoned = made_up(400, terms), made_up(400, terms)
    honest[200:287], poisoned[200:288] = honest[:87], poisoned[:88]  # 120 of 400 rows and 6 sigma, 55, may be alike
    for block in (1 << 14, 1 << 16, 1 << 23):
        monkeypatch.setattr(plausibility, "BLOCK_BYTES", block)
        check(honest, lenient)
        assert "more rows look" in refused(poisoned, lenient)
    bare = made_up(400, terms)
    without(bare, fuzzy_keys(terms))
    monkeypatch.setattr(plausibility, "BLOCK_BYTES", 1 << 14)
    check(bare, terms)
    bare[300:] = bare[:100]
    assert "more rows look" in refused(bare, terms)


def test_memory_does_not_grow_with_the_rows() -> None:
    some = made_up(500)
    rng = np.random.default_rng(3)

    def blocks(times: int) -> Iterator[NDArray[np.void]]:
        for _ in range(times):
            block = some.copy()
            for key in HARDENED.keys_of("a"):
                block[key.name] = rng.integers(0, 256, block[key.name].shape, np.uint8)
            yield block

    def peak(times: int) -> int:
        tracemalloc.start()
        try:
            require_plausible(lambda: blocks(times), terms=HARDENED, holder="a", random=drawn("memory"), budget=1 << 24)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    check(made_up(50))  # compiles
    few, many = peak(120), peak(480)
    assert many < 1.1 * few
    assert many < 8 * plausibility.BLOCK_BYTES


@ONE_OR_SEVERAL
def test_a_match_key_that_one_of_two_rows_lacks_does_not_set_them_apart(terms: Terms) -> None:
    records = made_up(50, terms)
    records[:25] = records[25:]
    without(records, terms.keys_of("a")[:-1], slice(25))
    assert isinstance(terms.keys_of("a")[-1], FuzzyKey)
    assert "more rows look like another" in refused(records, terms)


@pytest.mark.parametrize(("terms", "key"), fuzzy_cases(HARDENED, SEVERAL))
def test_one_fuzzy_match_key_under_which_rows_differ_sets_them_apart(terms: Terms, key: FuzzyKey) -> None:
    records, others = made_up(50, terms), made_up(100, terms)[50:]
    records[:25] = records[25:]
    assert "more rows look like another" in refused(records, terms)
    records[key.name] = others[key.name]
    check(records, terms)


@ONE_OR_SEVERAL
def test_rows_that_are_alike_must_share_the_token_of_a_tuple_where_both_have_one(terms: Terms) -> None:
    """A number does not count: who is asked for in many spellings may have as many."""
    honest = made_up(50, terms)
    tuples = [key for key in exact_keys(terms) if not key.of_number]
    assert len(tuples) > 1
    apart = honest.copy()
    for key in terms.match_keys:
        if key not in tuples:
            apart[key.name][:25] = apart[key.name][25:]
    check(apart, terms)
    for one in tuples:
        records = apart.copy()
        records[one.name][:25] = records[one.name][25:]
        records["nhs-number"] = honest["nhs-number"]
        assert "more rows look like another" in refused(records, terms)
    without(apart, tuples, slice(25))
    assert "more rows look like another" in refused(apart, terms)


@ONE_OR_SEVERAL
def test_equal_tokens_are_repeats_only_of_rows_without_a_fuzzy_encoding(terms: Terms) -> None:
    records = made_up(60, terms)
    for key in exact_keys(terms):
        records[key.name] = records[key.name][0]
    check(records, terms)
    without(records, fuzzy_keys(terms), slice(40))
    assert "more rows look like another" in refused(records, terms)


@pytest.mark.parametrize("key", exact_keys(HARDENED), ids=lambda key: key.name)
def test_rows_of_tokens_alone_are_apart_by_any_of_them(key: ExactKey) -> None:
    records, others = made_up(60), made_up(60)
    without(records, fuzzy_keys(HARDENED))
    for one in exact_keys(HARDENED):
        if one is not key:
            records[one.name] = others[one.name][0]
    check(records)
    records[key.name] = others[key.name][0]
    assert "more rows look like another" in refused(records)


def test_equal_tokens_are_repeats_where_no_match_key_is_fuzzy() -> None:
    terms = terms_of("nhs_number")
    assert all(isinstance(key, ExactKey) for key in terms.match_keys)
    records = made_up(60, terms)
    records["nhs-number"][:2] = records["nhs-number"][0]
    check(records, terms)
    records["nhs-number"][:40] = records["nhs-number"][0]
    assert "more rows look like another" in refused(records, terms)


def test_where_all_rows_may_be_alike_they_may() -> None:
    records = made_up(60)
    records[:] = records[0]
    check(records, terms_of(repeats_percent=100))
    assert "more rows look like another" in refused(records, terms_of(repeats_percent=60))


def test_more_repeats_than_fit_the_memory_are_too_many() -> None:
    records = made_up(60)
    records[:] = records[0]
    assert "more rows look like another" in refused(records, budget=1000)
