"""What was measured of re-identification vouches for agreements that show no more, and for no others."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from keys import frontier
from keys.template import default_terms
from keys.terms import ExactKey, FuzzyKey, Terms

ROOT = Path(__file__).parents[2]
IDENTIFIERS = ["forename", "surname", "date_of_birth", "postcode", "nhs_number", "upn"]


def terms(**changes: Any) -> Terms:
    """The default agreement, with another ``t``, ``length``, base filter or only the ``keys`` that are named."""
    made = default_terms({"council": IDENTIFIERS, "icb": IDENTIFIERS})
    encoding = made.encoding.model_copy(update={"length": changes.get("base", made.encoding.length)})
    hardening = encoding.hardening
    assert hardening is not None
    changed = hardening.model_copy(update={name: changes[name] for name in ("t", "length") if name in changes})
    encoding = encoding.model_copy(update={"hardening": changed})
    keys = [key for key in made.match_keys if key.name in changes.get("keys", [one.name for one in made.match_keys])]
    return made.model_copy(update={"encoding": encoding, "match_keys": tuple(keys)})


def fuller(made: Terms) -> Terms:
    """With one more bit in one feature."""
    first, *others = [key for key in made.match_keys if isinstance(key, FuzzyKey)]
    feature = first.features[0]
    changed = (feature.model_copy(update={"bits": feature.bits + 1}), *first.features[1:])
    return made.model_copy(update={"match_keys": (first.model_copy(update={"features": changed}), *others)})


def test_the_page_and_the_program_have_the_same_figures() -> None:
    ours = json.loads((files("keys") / "frontier.json").read_text(encoding="ascii"))
    assert json.loads((ROOT / "docs/explanation/frontier.json").read_text(encoding="ascii")) == ours


def test_the_default_was_measured_and_held() -> None:
    standing = frontier.standing(terms())
    assert standing.safe
    assert standing.same is not None
    assert standing.same.passes
    assert standing.same.worst <= frontier.gate()


@pytest.mark.parametrize("changes", [{"t": 20}, {"length": 256}, {"keys": ["names", "nhs-number"]}, {"keys": ["upn"]}])
def test_what_shows_less_is_vouched_for(changes: dict[str, Any]) -> None:
    assert frontier.standing(terms(**changes)).safe


@pytest.mark.parametrize("changes", [{"t": 5}, {"t": 2}, {"length": 16384}, {"base": 4096}])
def test_what_shows_more_is_not_and_the_nearest_that_holds_is_named(changes: dict[str, Any]) -> None:
    standing = frontier.standing(terms(**changes))
    assert not standing.safe
    assert standing.nearest is not None
    assert standing.nearest.passes
    assert standing.nearest.keys == "default"


def test_match_keys_that_nobody_attacked_are_not_vouched_for() -> None:
    standing = frontier.standing(fuller(terms()))
    assert not standing.safe
    assert standing.same is None


def test_a_tuple_that_nobody_attacked_is_not_vouched_for() -> None:
    made = terms()
    one = ExactKey.model_validate({"kind": "exact", "name": "home", "tuple_of": ["surname", "postcode"]})
    standing = frontier.standing(made.model_copy(update={"match_keys": (*made.match_keys, one)}))
    assert not standing.safe
    assert standing.same is None


def test_a_configuration_that_was_broken_says_by_how_much() -> None:
    same = frontier.standing(terms(t=5, length=2048)).same
    assert same is not None
    assert not same.passes
    assert same.worst > 0.1
