"""What each choice of an agreement contributes: links beside leaks."""

import json
import sys
from functools import cache

import pytest

from benchmarks import ablation
from benchmarks.leak import leak
from keys.frontier import TUPLE
from keys.template import default_terms
from keys.terms import ExactKey, FuzzyKey, Terms

HAVE = ("forename", "surname", "date_of_birth", "postcode")
FEW = 300
TUPLES = {"there": ("surname", "date_of_birth"), "not there": ("surname", "sex")}


def default() -> Terms:
    return default_terms({"council": HAVE, "icb": HAVE})


@cache
def leaks() -> dict[str, float]:
    """Leak of everything but twins, by what is changed."""
    return {name: leak(change(default()), FEW).others for name, change in ablation.variants().items()}


def test_a_larger_t_leaks_less_and_a_longer_encoding_more() -> None:
    found = leaks()
    assert found["t = 4"] > found["the default"] > found["t = 7"] > found["t = 9"]
    assert found["2,048 bits"] > found["the default"] > found["256 bits"]


def test_keys_leak_as_much_together_as_each_alone() -> None:
    found = leaks()
    names = [key.name for key in default().match_keys if isinstance(key, FuzzyKey)]
    alone = [leak(ablation.only(default(), name), FEW).others for name in names]
    assert sum(alone) == pytest.approx(found["the default"])
    assert sum(found[f"without {name}"] for name in names) == pytest.approx((len(names) - 1) * found["the default"])


def test_every_match_key_is_left_out_once_and_tuples_leak_nothing_of_what_is_alike() -> None:
    found = leaks()
    keys = default().match_keys
    assert [name for name in found if name.startswith("without")] == [f"without {key.name}" for key in keys]
    for key in keys:
        if isinstance(key, ExactKey):
            assert found[f"without {key.name}"] == found["the default"]
            assert f"{key.name} alone" not in found


@pytest.mark.parametrize("count", [0, 1, 2])
def test_each_of_several_fuzzy_keys_is_measured_alone_and_a_single_one_is_the_default(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuzzy = ablation.replaced(default(), ablation.in_part(ablation.DESIGN)).match_keys[:count]
    exact = tuple(key for key in default().match_keys if isinstance(key, ExactKey))
    terms = default().model_copy(update={"match_keys": (*exact, *fuzzy)})
    monkeypatch.setattr(ablation, "default_terms", lambda _: terms)
    alone = [name for name in ablation.variants() if name.endswith(" alone")]
    assert alone == ([f"{key.name} alone" for key in fuzzy] if count > 1 else [])


def test_twins_stand_out_whatever_t_is_and_unhardened_everything_does() -> None:
    plain = default().encoding.model_copy(update={"hardening": None, "accept_unhardened": "To see what leaks"})
    bare = leak(default().model_copy(update={"encoding": plain}), FEW)
    hardened = leak(ablation.hardened(default(), t=12), FEW)
    assert hardened.twins > hardened.others
    assert bare.others > 100 * hardened.others


def test_a_key_is_replaced_by_the_same_fields_in_other_bits() -> None:
    keys = ablation.replaced(default(), ablation.in_part(ablation.DESIGN)).match_keys
    assert [key.name for key in keys] == list(ablation.DESIGN)
    for key in keys:
        assert isinstance(key, FuzzyKey)
        assert {feature.field.value: feature.bits for feature in key.features} == ablation.DESIGN[key.name]


def test_a_tuple_is_replaced_whole_or_not_at_all_and_numbers_stay() -> None:
    numbered = default_terms(dict.fromkeys(("council", "icb"), (*HAVE, "nhs_number")))
    pair = {name: dict.fromkeys(fields, (TUPLE, 0)) for name, fields in TUPLES.items()}
    keys = ablation.replaced(numbered, pair).match_keys
    assert [key.name for key in keys] == ["nhs-number", "there"]
    assert isinstance(keys[1], ExactKey)
    assert [field.value for field in keys[1].tuple_of] == list(TUPLES["there"])


def test_the_command_tells_bits_leak_and_quality(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["ablation", "--rows", "150", "--json"])
    chosen = ("the default", "without names")
    every = ablation.variants()
    monkeypatch.setattr(ablation, "variants", lambda: {name: every[name] for name in chosen})
    assert ablation.main() == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == list(chosen)
    assert (found["the default"]["keys"], found["without names"]["keys"]) == (5, 4)
    assert (found["the default"]["bits"], found["without names"]["bits"]) == (512 + 4 * 128, 4 * 128)
    for one in found.values():
        assert list(one["data"]) == ["generator, low", "generator, high"]
        assert all(0.8 < figures["f1"] <= figures["best_f1"] <= 1 for figures in one["data"].values())
    lines = ablation.tables(found)
    assert lines[0].startswith("| agreement | bits per row | leak")
    assert len(lines) == 4
