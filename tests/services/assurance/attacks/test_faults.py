"""Detectors of broken hardening: each is silent on ours, and the one that is meant fires on each fault."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.harden import draw, harden
from keys.terms import Terms
from services.assurance.attacks.cohort import fuzzy_keys, unhardened
from services.assurance.attacks.faults import Ours, detect
from services.assurance.attacks.faulty import FAULTS
from services.assurance.attacks.linear import recover

FIRES = {
    "one mask for all rows": "bits that one mask turns over in every row",
    "a draw without a secret": "bits made alike under another secret",
    "one draw for all agreements": "bits made alike under another agreement",
    "one draw for all match-keys": "bits made alike under another match-key",
    "numbers taken modulo": "deviations of the draw from an even one",
    "one key for all fields": "share of a field's bits set by another field",
}


def test_every_fault_has_a_detector() -> None:
    assert set(FIRES) == set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_detector_of_a_fault_fires_and_only_the_mask_sets_off_others(small: Terms, fault: str) -> None:
    signals = detect(FAULTS[fault](small), small, fuzzy_keys(small), np.random.default_rng(1))
    firing = [one.detector for one in signals if one.fires]
    assert FIRES[fault] in firing
    if fault == "a draw without a secret":
        assert firing == [FIRES[fault], FIRES["one draw for all agreements"]]
    elif fault != "one mask for all rows":
        assert firing == [FIRES[fault]]


@pytest.mark.parametrize("seed", range(4))
def test_every_detector_is_silent_on_ours(small: Terms, seed: int) -> None:
    signals = detect(Ours(small), small, fuzzy_keys(small), np.random.default_rng(seed))
    assert {FIRES[fault] for fault in FIRES} <= {one.detector for one in signals}
    assert [one.detector for one in signals if one.fires] == []


def test_every_detector_is_silent_on_the_default_agreement(default: Terms) -> None:
    signals = detect(Ours(default), default, fuzzy_keys(default)[:2], np.random.default_rng(1))
    assert [one.detector for one in signals if one.fires] == []


def test_without_hardening_there_is_nothing_to_look_at(default: Terms) -> None:
    with pytest.raises(ValueError, match="no hardening"):
        detect(Ours(default), unhardened(default), fuzzy_keys(default), np.random.default_rng(1))


@given(st.integers(0, 2**32), st.integers(1, 9), st.sampled_from([16, 40, 64, 72]), st.sampled_from([8, 64, 120]))
@settings(max_examples=25, deadline=None)
def test_a_draw_is_recovered_from_rows_and_encodings(seed: int, t: int, base: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    selection = draw(key=rng.bytes(32), base_length=base, t=t, length=length)
    filters = rng.integers(0, 256, size=(base + 64, base // 8), dtype=np.uint8)
    encodings = harden(filters, selection)
    mask = rng.integers(0, 256, size=length // 8, dtype=np.uint8)
    for over in (np.zeros_like(mask), mask):
        found = recover(filters, encodings ^ over)
        assert found.exact
        assert [set(np.flatnonzero(bit)) for bit in found.takes.T] == [set(one) for one in selection.tolist()]
        assert np.array_equal(np.packbits(found.mask), over)


def test_what_is_not_linear_is_not_explained() -> None:
    rng = np.random.default_rng(1)
    filters = rng.integers(0, 256, size=(128, 8), dtype=np.uint8)
    assert not recover(filters, filters & np.roll(filters, 1, axis=1)).exact
    with pytest.raises(ValueError, match="do not span"):
        recover(filters[:10], filters[:10])
