"""Poisoned and probing encodings in well-made uploads, each by its name. All are refused, and nothing is changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from keys.terms import FuzzyKey, Terms
from tests.seen import refused, stored
from tests.stage import IDENTIFIERS, MakeScene, Scene, children, random_records

pytestmark = pytest.mark.apart_from_database

ROWS = 120


@pytest.fixture(scope="module")
def scene(make_scene: MakeScene) -> Scene:
    return make_scene(minimum_rows=100)


@pytest.fixture(scope="module")
def plain(make_scene: MakeScene) -> Scene:
    """Holders who have agreed on encodings that are not hardened."""
    encoding = {
        "length": 1024,
        "hash": "blakeHash",
        "kdf_hash": "SHA256",
        "key_size": 64,
        "accept_unhardened": "a partner reads nothing else",
    }
    return make_scene(minimum_rows=100, encoding=encoding)


def fails(scene: Scene, body: bytes, what: str) -> None:
    before, log = stored(scene.broker), scene.events()
    assert what in refused(scene.put("north", body), 422, "refused")
    assert not stored(scene.broker) - before
    assert scene.events() == log


def honest(scene: Scene) -> NDArray[np.void]:
    """Records with random encodings in which about as many bits are set as in honest ones."""
    records = random_records(scene, "north", ROWS)
    if scene.agreement.terms.encoding.hardening is None:
        thinned = random_records(scene, "north", ROWS, seed=2)
        for key in scene.agreement.terms.keys_of("north"):
            records[key.name] &= thinned[key.name]
    return records


def poisoned(scene: Scene, name: str, encoding: NDArray[np.uint8], *, rows: Any = 0) -> bytes:
    records = honest(scene)
    records[name][rows] = encoding
    return scene.sealed("north", records=records)


def fuzzy(terms: Terms) -> FuzzyKey:
    return next(key for key in terms.match_keys if isinstance(key, FuzzyKey))


def with_bits(length: int, count: int) -> NDArray[np.uint8]:
    bits = np.zeros(length, np.uint8)
    bits[np.random.default_rng(count).permutation(length)[:count]] = 1
    return np.packbits(bits)


def spellings(child: dict[str, str], count: int) -> list[dict[str, str]]:
    """One child, again and again under other ids, with a letter more or less here and there and no NHS number."""
    names = [f"{child['forename']}{letter}" for letter in "aehinorst"] + [child["forename"][:-1]]
    homes = [f"{child['postcode'][:-1]}{letter}" for letter in "ABDEFGHJ"]
    return [
        {
            **child,
            "id": f"probe-{number}",
            "forename": names[number % len(names)],
            "postcode": homes[number % len(homes)],
            "nhs_number": "",
        }
        for number in range(count)
    ]


def test_unpoisoned_uploads_pass(scene: Scene, plain: Scene) -> None:
    for attacked in (scene, plain):
        assert attacked.put("north", attacked.sealed("north", records=honest(attacked))).status_code == 200
        attacked.upload("north", children(ROWS, seed=3))


@pytest.mark.parametrize("byte", [0, 255], ids=["zeros", "ones"])
def test_all_zeros_and_all_ones(scene: Scene, plain: Scene, byte: int) -> None:
    for attacked in (scene, plain):
        for key in attacked.agreement.terms.keys_of("north"):
            width = honest(attacked)[key.name].shape[1]
            for rows in (0, slice(0, ROWS)):
                body = poisoned(attacked, key.name, np.full(width, byte, np.uint8), rows=rows)
                fails(attacked, body, f"match-key {key.name} are all zeros or all ones")


@pytest.mark.parametrize("more", [-8, -1, 1, 8])
def test_wrong_length(scene: Scene, more: int) -> None:
    """Of one match-key; then so that the next one makes up for it and the records are as long as they should be."""
    first, second = [key.name for key in scene.agreement.terms.match_keys if isinstance(key, FuzzyKey)][:2]
    for change, what in ({first: more}, "manifest says"), ({first: more, second: -more}, "a flag is neither 0 nor 1"):
        layout: list[Any] = honest(scene).dtype.descr
        resized = [(one[0], one[1], (one[2][0] + change[one[0]],)) if one[0] in change else one for one in layout]
        records = np.frombuffer(np.random.default_rng(1).bytes(ROWS * np.dtype(resized).itemsize), resized).copy()
        for name in records.dtype.names or ():
            if name.startswith("present/"):
                records[name] = 1
        records["handle"] = honest(scene)["handle"]
        fails(scene, scene.sealed("north", records=records), what)


@pytest.mark.parametrize("sigmas", [-18, 9, 15, 20])
def test_popcount_outside_six_sigma(scene: Scene, sigmas: int) -> None:
    name, hardening = fuzzy(scene.agreement.terms).name, scene.agreement.terms.encoding.hardening
    assert hardening is not None
    length = hardening.length
    body = poisoned(scene, name, with_bits(length, length // 2 + round(sigmas * np.sqrt(length) / 2)))
    fails(scene, body, f"match-key {name} have {'more' if sigmas > 0 else 'fewer'} bits set than any row can have")


def test_popcount_beyond_what_a_plain_encoding_can_have(plain: Scene) -> None:
    key = fuzzy(plain.agreement.terms)
    body = poisoned(plain, key.name, with_bits(1024, sum(feature.bits for feature in key.features) + 1))
    fails(plain, body, f"match-key {key.name} have more bits set than any row can have")


def test_too_many_duplicates(scene: Scene) -> None:
    for copies in (ROWS, ROWS // 2):
        records = honest(scene)
        handles = records["handle"].copy()
        records[:copies] = records[0]
        records["handle"] = handles
        fails(scene, scene.sealed("north", records=records), "more rows look like another row of it")


def test_too_many_duplicates_with_numbers_of_their_own(scene: Scene) -> None:
    """Other exact tokens do not hide that the rows are one."""
    records = honest(scene)
    for key in scene.agreement.terms.keys_of("north"):
        if isinstance(key, FuzzyKey):
            records[key.name] = records[key.name][0]
    fails(scene, scene.sealed("north", records=records), "more rows look like another row of it")


def test_too_many_duplicates_of_a_number_alone(scene: Scene) -> None:
    records = honest(scene)
    for key in scene.agreement.terms.keys_of("north"):
        if isinstance(key, FuzzyKey):
            records[key.name] = records[f"present/{key.name}"] = 0
        else:
            records[key.name] = records[key.name][0]
    fails(scene, scene.sealed("north", records=records), "more rows look like another row of it")


@pytest.mark.parametrize("others", [0, 60])
def test_near_duplicates_of_one_child(scene: Scene, plain: Scene, others: int) -> None:
    """Encoded with the secret by the holder's own tool: a child in many spellings, alone or among unrelated ones."""
    (child,) = children(1, seed=77)
    for attacked in (scene, plain):
        path = attacked.encode("north", [*children(others, seed=5), *spellings(child, ROWS - others)])
        fails(attacked, path.read_bytes(), "more rows look like another row of it")


def test_probe_with_one_row_among_empty_ones(scene: Scene) -> None:
    records = honest(scene)
    for name in records.dtype.names or ():
        if name != "handle":
            records[name][1:] = 0
    fails(scene, scene.sealed("north", records=records), "Fewer rows of the upload have an encoding")


def test_probe_with_one_child_among_rows_without_identifiers(scene: Scene) -> None:
    empty = [{"id": f"empty-{number}", **dict.fromkeys(IDENTIFIERS, "")} for number in range(ROWS - 1)]
    path = scene.encode("north", [*children(1, seed=9), *empty])
    fails(scene, path.read_bytes(), "Fewer rows of the upload have an encoding")
