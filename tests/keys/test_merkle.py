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

# The leaves and roots that implementations of Certificate Transparency test with.
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree(size: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(size)]


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_published_roots(size: int) -> None:
    assert root([leaf_hash(leaf) for leaf in LEAVES[:size]]).hex() == ROOTS[size]


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
