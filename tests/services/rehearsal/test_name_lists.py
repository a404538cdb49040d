"""Names by real frequencies, where a folder of lists is given; these lists are made up."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from encoder.errors import InputError
from services.rehearsal.children import make_children
from services.rehearsal.demo_files import write_demo
from services.rehearsal.name_lists import FORENAMES, SURNAMES, read_name_lists
from services.rehearsal.names import fitted

TODAY = date(2025, 9, 1)
OTHERS = [f"{letter}{vowel}lbert" for letter in "BDFGHKLMNPRSTVWZ" for vowel in "aeiou"]
BIRTHS = "sex,name,n\nF,Olivia,600\nF,Zorabel,300\nF,Fatima,90\nF,Lily-Mae,10\nM,Muhammad,400\n" + "".join(
    f"{sex},{name},20\n" for sex in "FM" for name in OTHERS
)
BEARERS = "surname,freq\nsmith,0.5\nobrien,0.2\nkhan,0.2\nzzzman,0.1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / FORENAMES).write_text(BIRTHS, encoding="utf-8")
    (tmp_path / SURNAMES).write_text(BEARERS, encoding="utf-8")
    return tmp_path


def test_names_are_as_common_as_the_lists_say(folder: Path) -> None:
    lists = read_name_lists(folder)
    assert lists.girls == {"Olivia": 600, "Zorabel": 300, "Fatima": 90, **dict.fromkeys(OTHERS, 20)}
    population = make_children(8_000, today=TODAY, rng=np.random.default_rng(3), names=lists)
    girls = population.forename[population.sex == "F"].tolist()
    # No two siblings have one name, so that the commonest is a little rarer than it was drawn.
    shares = {name: girls.count(name) / len(girls) for name in ("Olivia", "Zorabel", "Fatima")}
    assert shares["Olivia"] > shares["Zorabel"] > shares["Fatima"] > 0
    surnames = population.surname.tolist()
    assert surnames.count("Smith") > 2 * surnames.count("O'Brien") > surnames.count("Zzzman") > 0
    assert "Obrien" not in surnames


def test_own_names_are_given_more_readily_and_both_margins_hold() -> None:
    often = {"Ann": 60.0, "Bea": 30.0, "Cem": 10.0}
    pools = fitted([["Ann", "Bea"], ["Cem"]], [0.8, 0.2], often, 50.0)
    shares = np.array([np.diff(pool.cumulative, prepend=0.0) for pool in pools])
    assert pools[0].names.tolist() == ["Ann", "Bea", "Cem"]
    assert np.array([0.8, 0.2]) @ shares == pytest.approx([0.6, 0.3, 0.1], abs=1e-3)
    assert shares[1, 2] > 10 * shares[0, 2]
    assert shares[:, 0] / shares[:, 1] == pytest.approx([2.0, 2.0], abs=1e-3)


def test_the_same_lists_and_seed_make_the_same_bytes(folder: Path) -> None:
    def written(name: str, *, lists: bool) -> bytes:
        (folder / name).mkdir()
        names = read_name_lists(folder) if lists else None
        return write_demo(folder / name, seed=2, council_rows=200, icb_rows=300, names=names).council.read_bytes()

    assert written("one", lists=True) == written("two", lists=True)
    assert written("three", lists=False) != written("four", lists=True)


@pytest.mark.parametrize(
    ("file", "text", "what", "where"),
    [
        (FORENAMES, None, "cannot be read", FORENAMES),
        (SURNAMES, "name,freq\nsmith,1\n", "no list of names", SURNAMES),
        (SURNAMES, "surname,freq\n", "no list of names", SURNAMES),
        (FORENAMES, "", "no list of names", FORENAMES),
        (FORENAMES, "sex,name,n\nF,Ann,10\nF,Bea\n", "no 3 values", "line 3"),
        (FORENAMES, "sex,name,n\nF,Ann,ten\n", "no 3 values", "line 2"),
        (SURNAMES, "surname,freq\nsmith,-1\n", "no 2 values", "line 2"),
        (SURNAMES, "surname,freq\nsmith,nan\n", "no 2 values", "line 2"),
        (FORENAMES, "sex,name,n\nF,Ann,10\n", "no names of boys", FORENAMES),
    ],
)
def test_a_list_that_is_none_is_refused(folder: Path, file: str, text: str | None, what: str, where: str) -> None:
    if text is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_name_lists(folder)
    assert what in refused.value.what
    assert where in str(refused.value.where)
    assert refused.value.remedy
