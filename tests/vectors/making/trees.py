"""Merkle trees by hashlib alone: the worked example of RFC 6962, section 2.1.3, and published values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from tests.vectors.making.case import Case, Folder, flipped, listed

_MERKLE = Folder("merkle")

# The leaves and inner nodes with which implementations of Certificate Transparency test
# (transparency-dev/merkle, proof/verify_test.go; google/certificate-transparency,
# python/ct/crypto/merkle_test.py), by level and place.
LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
_0_0 = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
_0_1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
_0_4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
_0_6 = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"
_1_0 = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
_1_1 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
_1_2 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
_1_3 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
_2_0 = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
_2_1 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
INCLUSION = {  # index, size
    (0, 1): [],
    (0, 8): [_0_1, _1_1, _2_1],
    (5, 8): [_0_4, _1_3, _2_0],
    (2, 3): [_1_0],
    (1, 5): [_0_0, _1_1, _0_4],
}
CONSISTENCY = {  # old, new
    (1, 1): [],
    (1, 8): [_0_1, _1_1, _2_1],
    (6, 8): [_1_2, _1_3, _2_0],
    (2, 5): [_1_1, _0_4],
    (6, 7): [_1_2, _0_6, _2_0],
}
_REAL_LOG = {  # an entry of a public log, whose path was recorded there
    "leaf_hash": "7a395c866d5ecdb0cccb623e011dbc392cd348d1d1d72776174e127a24b09c78",
    "index": 848049,
    "size": 3630887,
    "proof": [
        "1a208aeebcd1b39fe2de247ee8db9454e1e93a312d206b87f6ca9cc6ec6f1ddd",
        "0a1b78b383f580856f433c01a5741e160d451c185910027f6cc9f828687a40c4",
        "3d1745789bc63f2da15850de1c12a5bf46ed81e1cc90f086148b1662e79aab3d",
        "9095b61e14d8990acf390905621e62b1714fb8e399fbb71de5510e0aef45affe",
        "0a332b91b8fab564e6afd1dd452449e04619b18accc0ff9aa8393cd4928451f2",
        "2336f0181d264aed6d8f3a6507ca14a8d3b3c3a23791ac263e845d208c1ee330",
        "b4ce56e300590500360c146c6452edbede25d4ed83919278749ee5dbe178e048",
        "933f6ddc848ea562e4f9c5cfb5f176941301dad0c6fdb9d1fbbe34fac1be6966",
        "b95a6222958a86f74c030be27c44f57dbe313e5e7c7f4ffb98bcbd3a03bb52f2",
        "daeeb3ce5923defd0faeb8e0c210b753b85b809445d7d3d3cd537a9aabaa9c45",
        "7fadd0a13e9138a2aa6c3fdec4e2275af233b94812784f66bcca9aa8e989f2bc",
        "1864e6ba3e32878610546539734fb5eeae2529991f130c575c73a7e25a2a7c56",
        "12842d1202b1dc6828a17ab253c02e7ce9409b5192430feba44189f39cc02d66",
        "29af64b16fa3053c13d02ac63aa75b23aa468506e44c3a2315edc85d2dc22b11",
        "b527b99934a0bd9edd154e449b0502e2c499bba783f3bc3dfe23364b6b532009",
        "4584db8ae8e351ace08e01f306378a92bfd43611714814f3d834a2842d69faa8",
        "86a9a41573b0d6e4292f01e93243d6cc65b30f06606fc6fa57390e7e90ed580f",
        "a88b98fbe84d4c6aae8db9d1605dfac059d9f03fe0fcb0d5dff1295dacba09e6",
        "06326dc617a6d1f7021dc536026dbfd5fffc6f7c5531d48ef6ccd1ed1569f2a1",
        "f41fe8fdc3a2e4e8345e30216e7ebecffee26ff266eeced208a6c2a3cf08f960",
        "40cf5bde8abb76983f3e98ba97aa36240402975674e120f234b3448911090f8d",
        "b3222dc8658538079883d980d7fdc2bef9285344ea34338968f736b04aeb387a",
    ],
    "root": "78316a05c9bcf14a3a4548f5b854a9adfcd46a4c034401b3ce7eb7ac2f1d0ecb",
}
_HOLDS = {"holds": True}


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, over leaves that are not yet hashed."""
    if len(leaves) < 2:
        return leaf(leaves[0]) if leaves else hashlib.sha256().digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node(root_of(leaves[:half]), root_of(leaves[half:]))


# The tree of RFC 6962, section 2.1.3, with its letters; what the leaves say is ours.
_D = [f"d{number}".encode() for number in range(7)]
A, B, C, D, E, F, J = (leaf(data) for data in _D)
G, H, I = node(A, B), node(C, D), node(E, F)  # noqa: E741 - the letters of the RFC
K, L = node(G, H), node(I, J)
ROOT_7 = node(K, L)
_EXAMPLE_PATHS = {0: [B, H, L], 3: [C, G, L], 4: [F, J, K], 6: [I, K]}
_PART = {"index": 3, "proof": listed([C, G]), "root": K.hex()}
_EXAMPLE_PROOFS = {3: (node(G, C), [C, D, G, L]), 4: (K, [L]), 6: (node(K, I), [I, J, K])}


def _inclusion(data: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> dict[str, Any]:
    return {
        "check": "inclusion",
        "leaf": data.hex(),
        "index": index,
        "size": size,
        "proof": listed(proof),
        "root": root.hex(),
    }


def _consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> dict[str, Any]:
    return {
        "check": "consistency",
        "old": old,
        "new": new,
        "old_root": old_root.hex(),
        "new_root": new_root.hex(),
        "proof": listed(proof),
    }


def cases() -> Iterator[Case]:
    yield from _roots()
    yield from _inclusions()
    yield from _refused_inclusions()
    yield from _consistencies()
    yield from _refused_consistencies()


def _roots() -> Iterator[Case]:
    for size in (0, 3, 8):
        yield _MERKLE.accept(
            f"root-of-{size}",
            f"The published root of the first {size} leaves of the Certificate Transparency test tree.",
            {"check": "root", "leaves": list(LEAVES[:size])},
            {"root": ROOTS[size]},
        )
    yield _MERKLE.accept(
        "root-of-example",
        "The tree of seven leaves that RFC 6962 draws in section 2.1.3.",
        {"check": "root", "leaves": listed(_D)},
        {"root": ROOT_7.hex()},
    )


def _inclusions() -> Iterator[Case]:
    for index, proof in _EXAMPLE_PATHS.items():
        about = f"The audit path of d{index} in the example of RFC 6962, section 2.1.3."
        yield _MERKLE.accept(
            f"inclusion-example-d{index}", about, _inclusion(_D[index], index, 7, proof, ROOT_7), _HOLDS
        )
    for (index, size), published in INCLUSION.items():
        yield _MERKLE.accept(
            f"inclusion-{index}-of-{size}",
            f"A published path in the Certificate Transparency test tree: leaf {index}, counted from 0, of {size}.",
            {
                "check": "inclusion",
                "leaf": LEAVES[index],
                "index": index,
                "size": size,
                "proof": published,
                "root": ROOTS[size],
            },
            _HOLDS,
        )
    about = "A path that a public Certificate Transparency log gave for one of 3.6 million entries."
    yield _MERKLE.accept("inclusion-in-a-large-log", about, {"check": "inclusion", **_REAL_LOG}, _HOLDS)


def _refused_inclusions() -> Iterator[Case]:
    good = _inclusion(_D[3], 3, 7, [C, G, L], ROOT_7)
    for name, about, changes in (
        ("another-place", "The path of d3, shown for place 2.", {"index": 2}),
        ("another-leaf", "The path of d3, shown for another leaf.", {"leaf": _D[2].hex()}),
        ("step-missing", "A path whose last step is missing.", {"proof": listed([C, G])}),
        ("root-of-a-part", "A path that ends below the root, with the hash it leads to.", _PART),
        ("step-too-many", "A path with a step more.", {"proof": listed([C, G, L, L])}),
        ("bit-flipped", "A path with one bit changed.", {"proof": listed([C, flipped(G, 0), L])}),
    ):
        yield _MERKLE.reject(f"inclusion-{name}", about, {**good, **changes})
    about = "An inner node shown as if its two halves were a leaf: leaves and nodes are hashed apart."
    yield _MERKLE.reject("inclusion-node-as-leaf", about, _inclusion(G + H, 0, 2, [L], ROOT_7))


def _consistencies() -> Iterator[Case]:
    for old, (old_root, proof) in _EXAMPLE_PROOFS.items():
        about = f"That the first {old} leaves are a beginning of the example of RFC 6962, section 2.1.3."
        yield _MERKLE.accept(f"consistency-example-{old}", about, _consistency(old, 7, old_root, ROOT_7, proof), _HOLDS)
    for (old, new), published in CONSISTENCY.items():
        yield _MERKLE.accept(
            f"consistency-{old}-to-{new}",
            f"A published proof in the Certificate Transparency test tree: {old} leaves, then {new}.",
            {
                "check": "consistency",
                "old": old,
                "new": new,
                "old_root": ROOTS[old],
                "new_root": ROOTS[new],
                "proof": published,
            },
            _HOLDS,
        )


def _refused_consistencies() -> Iterator[Case]:
    old_root, proof = _EXAMPLE_PROOFS[3]
    good = _consistency(3, 7, old_root, ROOT_7, proof)
    forked = node(node(node(A, leaf(b"another")), H), L)
    for name, about, changes in (
        ("forked", "A longer tree in which an old leaf was edited.", {"new_root": forked.hex()}),
        (
            "another-old-root",
            "A proof of the new root, and an old root that is another.",
            {"old_root": flipped(old_root, 5).hex()},
        ),
        (
            "roots-swapped",
            "The two roots in each other's place.",
            {"old_root": ROOT_7.hex(), "new_root": old_root.hex()},
        ),
        ("step-missing", "A proof whose last step is missing.", {"proof": listed(proof[:-1])}),
        ("step-too-many", "A proof with a step more.", {"proof": listed([*proof, L])}),
        ("bit-flipped", "A proof with one bit changed.", {"proof": listed([*proof[:-1], flipped(L, 31)])}),
        ("no-proof", "Two sizes and no proof.", {"proof": []}),
        ("same-size-another-root", "Two roots of one size, which is a fork.", {"old": 7, "proof": []}),
    ):
        yield _MERKLE.reject(f"consistency-{name}", about, {**good, **changes})
    about = "Nothing to prove, and a proof all the same."
    yield _MERKLE.reject("consistency-same-size-with-proof", about, _consistency(7, 7, ROOT_7, ROOT_7, [L]))
