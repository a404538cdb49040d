"""One id per cluster, a fresh one for every other row, none twice."""

import secrets

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.errors import MatcherError
from matcher.link_ids import assign
from matcher.solve import Links, PairSet, solve


@st.composite
def linked(draw: st.DrawFn) -> tuple[Links, list[int]]:
    rows = draw(st.lists(st.integers(0, 20), min_size=2, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sets = []
    for a in range(len(rows)):
        for b in range(a + 1, len(rows)):
            count = 10 if rows[a] and rows[b] else 0
            left, right = rng.integers(0, max(1, rows[a]), count), rng.integers(0, max(1, rows[b]), count)
            sets.append(PairSet(a, b, left, right, rng.random(count)))
    return solve(sets, 0.3), rows


@settings(max_examples=100, deadline=None)
@given(linked())
def test_rows_share_an_id_exactly_when_they_are_linked(run: tuple[Links, list[int]]) -> None:
    links, rows = run
    ids = assign(links, rows, secrets.token_bytes)
    assert [one.shape for one in ids] == [(count, 16) for count in rows]
    cluster = dict(
        zip(zip(links.holder.tolist(), links.row.tolist(), strict=True), links.cluster.tolist(), strict=True)
    )
    of_id: dict[bytes, set[object]] = {}
    for holder, count in enumerate(rows):
        for row in range(count):
            group = cluster.get((holder, row), ("alone", holder, row))
            of_id.setdefault(ids[holder][row].tobytes(), set()).add(group)
    assert all(len(groups) == 1 for groups in of_id.values())
    assert len(of_id) == sum(rows) - len(links.row) + links.count


def test_the_same_links_get_other_ids_in_another_run() -> None:
    links = solve([PairSet(0, 1, np.array([0]), np.array([0]), np.array([1.0]))], 0.5)
    first, second = (np.concatenate(assign(links, [5, 5], secrets.token_bytes)) for _ in range(2))
    assert not {row.tobytes() for row in first} & {row.tobytes() for row in second}


def test_ids_are_what_the_random_source_gave() -> None:
    drawn: list[bytes] = []

    def source(count: int) -> bytes:
        drawn.append(bytes(index % 251 for index in range(count)))
        return drawn[-1]

    links = solve([PairSet(0, 1, np.array([1]), np.array([0]), np.array([1.0]))], 0.5)
    ids = assign(links, [2, 1], source)
    given_out = {row.tobytes() for one in ids for row in one}
    stream = b"".join(drawn)
    assert given_out == {stream[at : at + 16] for at in range(0, len(stream), 16)}


def test_a_random_source_that_repeats_itself_is_refused() -> None:
    links = solve([], 0.5)
    with pytest.raises(MatcherError, match="random source"):
        assign(links, [2], lambda count: bytes(count))


@pytest.mark.parametrize("rows", [[1, 1], [2], [2, 0]])
def test_links_of_rows_that_are_not_there_are_refused(rows: list[int]) -> None:
    links = solve([PairSet(0, 1, np.array([1]), np.array([0]), np.array([1.0]))], 0.5)
    with pytest.raises(MatcherError, match="rows that no holder has"):
        assign(links, rows, secrets.token_bytes)
