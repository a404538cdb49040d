"""Which match-keys make a graph, and how a token does."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from keys.template import default_terms
from matcher.encodings import Encodings
from services.assurance.attacks.alike import alike_keys, even, shared

ROWS = 40


def tokens(groups: list[int], present: list[bool] | None = None) -> Encodings:
    """A token for each row, equal where numbers are."""
    of_group = np.random.default_rng(1).integers(0, 1 << 64, (max(groups) + 1, 2), np.uint64)
    return Encodings(of_group[groups], np.array(present or [True] * len(groups)))


def fuzzy(words: int = 8) -> Encodings:
    return Encodings(np.random.default_rng(2).integers(0, 1 << 64, (ROWS, words), np.uint64), np.ones(ROWS, np.bool_))


def test_numbers_are_no_match_keys_to_be_alike_under() -> None:
    have = ["forename", "surname", "date_of_birth", "postcode", "nhs_number", "upn"]
    terms = default_terms({"council": have, "icb": have})
    assert {key.name for key in alike_keys(terms)} == {key.name for key in terms.match_keys} - {"nhs-number", "upn"}


def test_tokens_make_a_graph_where_two_rows_of_the_list_share_one() -> None:
    alone, twice = list(range(ROWS)), [0, 0, *range(2, ROWS)]
    list_side = {"number": tokens(alone), "pair": tokens(twice), "names": fuzzy(), "elsewhere": fuzzy()}
    victim = {name: one for name, one in list_side.items() if name != "elsewhere"}
    assert shared(victim, list_side) == ["pair", "names"]


def test_rows_without_a_token_share_none() -> None:
    side = {"pair": tokens([0, 0, *range(2, ROWS)], [False, False] + [True] * (ROWS - 2))}
    assert shared(side, side) == []


@given(st.lists(st.integers(0, 12), min_size=ROWS, max_size=ROWS))
def test_equal_tokens_alone_are_equal_at_the_length_of_the_others(groups: list[int]) -> None:
    side = {"pair": tokens(groups), "names": fuzzy()}
    made = even(side, ["pair", "names"], np.random.default_rng(3))
    assert made["names"] is side["names"]
    assert made["pair"].words == side["names"].words
    written = [row.tobytes() for row in made["pair"].bits]
    assert all((written[a] == written[b]) == (groups[a] == groups[b]) for a in range(ROWS) for b in range(ROWS))
    apart = np.bitwise_count(made["pair"].bits[:, None] ^ made["pair"].bits[None, :]).sum(axis=2)
    assert ((apart == 0) | (apart > 150)).all(), "as unrelated encodings of 512 bits are"
