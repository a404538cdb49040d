"""Links against truth."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.errors import InputError
from services.rehearsal.accuracy import Accuracy, compare, read_truth

pairs = st.sets(st.tuples(st.sampled_from("abcdef"), st.sampled_from("uvwxyz")))


@given(pairs, pairs)
def test_every_pair_is_counted_once(links: set[tuple[str, str]], truth: set[tuple[str, str]]) -> None:
    found = compare(links, truth)
    assert found.right + found.false == len(links)
    assert found.right + found.missed == len(truth)
    assert 0 <= found.precision <= 1
    assert 0 <= found.recall <= 1
    assert min(found.precision, found.recall) <= found.f1 <= max(found.precision, found.recall)
    assert (found.f1 == 1) == (links == truth and bool(links))


@given(pairs, pairs)
def test_links_and_truth_turned_round_give_precision_for_recall(
    links: set[tuple[str, str]], truth: set[tuple[str, str]]
) -> None:
    one, other = compare(links, truth), compare(truth, links)
    assert (one.precision, one.recall, one.f1) == (other.recall, other.precision, other.f1)


def test_the_figures_by_hand() -> None:
    found = compare({("1", "1"), ("2", "2"), ("3", "4")}, {("1", "1"), ("2", "2"), ("5", "5"), ("6", "6")})
    assert found == Accuracy(right=2, false=1, missed=2)
    assert (found.precision, found.recall, found.f1) == (2 / 3, 1 / 2, 4 / 7)


def test_a_pair_turned_round_is_not_the_pair() -> None:
    assert compare({("1", "2")}, {("2", "1")}) == Accuracy(right=0, false=1, missed=1)


@pytest.mark.parametrize(
    "text",
    [
        "id_a,id_b\n1,2\n3,4\n",
        "\ufeffid_b;id_a;note\n2;1;x\n4; 3 ;y\n",
        '"id_a","id_b"\r\n"1","2"\r\n3,4\r\n\r\n1,2\r\n',
    ],
)
def test_truth_is_read_by_its_header(tmp_path: Path, text: str) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_truth(path) == {("1", "2"), ("3", "4")}


@pytest.mark.parametrize(
    ("text", "what"),
    [("", "empty"), ("a,b\n1,2\n", "no column id_a and no column id_b"), ("id_a,id_b\n1\n", "1 cells")],
)
def test_truth_that_cannot_be_read_is_refused(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=what) as refusal:
        read_truth(path)
    assert "truth.csv" in str(refusal.value.where)
