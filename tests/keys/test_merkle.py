"""RFC 6962 trees against published roots and a naive tree."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import LogError
from keys.merkle import (
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from tests.vectors.making.trees import CONSISTENCY, INCLUSION, LEAVES, ROOTS, root_of

PUBLISHED = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]


def tree(size: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(size)]


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_published_roots(size: int) -> None:
    assert root(PUBLISHED[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), INCLUSION, ids=str)
def test_published_paths(index: int, size: int) -> None:
    proof = inclusion_proof(PUBLISHED[:size], index)
    assert [one.hex() for one in proof] == INCLUSION[index, size]
    verify_inclusion(PUBLISHED[index], index, size, proof, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCY, ids=str)
def test_published_consistency(old: int, new: int) -> None:
    proof = consistency_proof(PUBLISHED[:new], old)
    assert [one.hex() for one in proof] == CONSISTENCY[old, new]
    verify_consistency(old, new, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]), proof)


@given(st.lists(st.binary(max_size=4), max_size=70))
def test_a_root_is_that_of_the_definition(leaves: list[bytes]) -> None:
    assert root([leaf_hash(leaf) for leaf in leaves]) == root_of(leaves)


def test_a_tree_that_grows_has_the_same_roots() -> None:
    tree_, hashes = Tree(), tree(200)
    assert tree_.root() == root([])
    for size, leaf in enumerate(hashes, start=1):
        tree_.append(leaf)
        assert tree_.root() == root(hashes[:size])


@given(st.integers(1, 80).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))))
def test_every_leaf_has_a_proof_that_fits_nothing_else(case: tuple[int, int]) -> None:
    size, index = case
    hashes = tree(size)
    proof = inclusion_proof(hashes, index)
    verify_inclusion(hashes[index], index, size, proof, root(hashes))
    with pytest.raises(LogError):
        verify_inclusion(leaf_hash(b"another"), index, size, proof, root(hashes))
    with pytest.raises(LogError):
        verify_inclusion(hashes[index], index, size, [*proof, bytes(32)], root(hashes))
    with pytest.raises(LogError):
        verify_inclusion(hashes[index], index, size, proof, hashlib.sha256(b"x").digest())
    if proof:
        with pytest.raises(LogError):
            verify_inclusion(hashes[index], index, size, proof[:-1], root(hashes))


@given(st.integers(1, 80).flatmap(lambda new: st.tuples(st.integers(1, new), st.just(new))), st.data())
def test_a_longer_log_is_shown_to_continue_the_shorter_one(case: tuple[int, int], data: st.DataObject) -> None:
    old, new = case
    hashes = tree(new)
    proof = consistency_proof(hashes, old)
    verify_consistency(old, new, root(hashes[:old]), root(hashes), proof)
    changed = data.draw(st.integers(0, old - 1))
    forked = [*hashes[:changed], leaf_hash(b"edited"), *hashes[changed + 1 :]]
    with pytest.raises(LogError):
        verify_consistency(old, new, root(hashes[:old]), root(forked), consistency_proof(forked, old))


SIZES = st.integers(1, 80)


@given(SIZES, SIZES, SIZES, SIZES, st.binary(min_size=1, max_size=1))
def test_a_path_fits_no_other_place_and_no_changed_step(
    size: int, index: int, other: int, at: int, mask: bytes
) -> None:
    hashes = tree(size)
    index, other = index % size, other % (size + 9)
    proof = inclusion_proof(hashes, index)
    if other != index:
        with pytest.raises(LogError):
            verify_inclusion(hashes[index], other, size, proof, root(hashes))
    if proof and mask != b"\0":
        step = proof[at % len(proof)]
        changed = [*proof]
        changed[at % len(proof)] = bytes([step[0] ^ mask[0]]) + step[1:]
        with pytest.raises(LogError):
            verify_inclusion(hashes[index], index, size, changed, root(hashes))


@given(SIZES, SIZES, SIZES, st.integers(0, 31), st.integers(1, 255))
def test_a_consistency_proof_fits_no_other_size_and_no_changed_step(
    new: int, old: int, at: int, place: int, mask: int
) -> None:
    hashes = tree(new)
    old = 1 + old % new
    old_root, new_root, proof = root(hashes[:old]), root(hashes), consistency_proof(hashes, old)
    for wrong in ([*proof, bytes(32)], proof[:-1]):
        if wrong != proof:
            with pytest.raises(LogError):
                verify_consistency(old, new, old_root, new_root, wrong)
    if old < new:
        with pytest.raises(LogError):
            verify_consistency(new, old, new_root, old_root, proof)
        with pytest.raises(LogError):
            verify_consistency(old, new, new_root, old_root, proof)
    for which in range(len(proof)):
        step = bytearray(proof[which])
        step[place] ^= mask
        with pytest.raises(LogError):
            verify_consistency(old, new, old_root, new_root, [*proof[:which], bytes(step), *proof[which + 1 :]])


@given(st.integers(2, 60), st.data())
def test_an_edit_a_deletion_a_swap_or_an_insertion_changes_the_root(size: int, data: st.DataObject) -> None:
    hashes = tree(size)
    at = data.draw(st.integers(0, size - 2))
    edited = [*hashes[:at], leaf_hash(b"edited"), *hashes[at + 1 :]]
    deleted = hashes[:at] + hashes[at + 1 :]
    swapped = [*hashes[:at], hashes[at + 1], hashes[at], *hashes[at + 2 :]]
    inserted = [*hashes[:at], leaf_hash(b"new"), *hashes[at:]]
    assert root(hashes) not in {root(other) for other in (edited, deleted, swapped, inserted)}


def test_proofs_of_what_is_not_there_are_refused() -> None:
    with pytest.raises(LogError):
        inclusion_proof(tree(3), 3)
    with pytest.raises(LogError):
        consistency_proof(tree(3), 4)
