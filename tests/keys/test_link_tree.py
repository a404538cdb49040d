"""The tree over the links of a run: every row opens, none opens as another, and the rest stays unseen."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from keys.errors import ControlError
from keys.link_tree import LEAST_DEPTH, LinkTree, OpenedRow
from keys.merkle import leaf_hash, root
from tests.doors import drawn

SEED = bytes(range(32))
ROWS = (5, 9)


def cells(label: str, count: int) -> Any:
    return np.frombuffer(drawn(label)(16 * count), np.uint8).reshape(count, 16)


HANDLES = [cells(f"handles {holder}", rows) for holder, rows in enumerate(ROWS)]
LINK_IDS = [cells("links", ROWS[0]), np.concatenate([cells("links", 3), cells("fresh", ROWS[1] - 3)])]
"""The first three rows of both holders are linked."""


@pytest.fixture(scope="module")
def tree() -> LinkTree:
    return LinkTree(HANDLES, LINK_IDS, seed=SEED)


@pytest.mark.parametrize("holder", [0, 1])
def test_every_row_opens(tree: LinkTree, holder: int) -> None:
    for row, handle in enumerate(HANDLES[holder]):
        opened = tree.open(holder, row)
        opened.verify(tree.root)
        assert opened.handle == hashlib.sha256(handle.tobytes()).digest()
        assert len(opened.path) == LEAST_DEPTH


def test_linked_rows_have_one_mark_and_others_have_others(tree: LinkTree) -> None:
    marks = [[tree.open(holder, row).mark for row in range(rows)] for holder, rows in enumerate(ROWS)]
    assert marks[0][:3] == marks[1][:3]
    assert len({*marks[0], *marks[1]}) == sum(ROWS) - 3
    ids = {one.tobytes() for of_holder in LINK_IDS for one in of_holder}
    assert not ids & {*marks[0], *marks[1]}


def test_the_root_is_that_of_rfc_6962(tree: LinkTree) -> None:
    """By ``keys.merkle``, over all leaves."""
    noise = hashlib.shake_256(b"counterfoil link tree noise\0" + SEED).digest(32 << LEAST_DEPTH)
    leaves = [noise[at : at + 32] for at in range(0, len(noise), 32)]
    for holder, rows in enumerate(ROWS):
        for row in range(rows):
            one = tree.open(holder, row)
            leaves[one.place] = leaf_hash(one.salt + one.mark + one.handle)
    assert root(leaves) == tree.root


def forged(one: OpenedRow) -> dict[str, OpenedRow]:
    other = bytes([one.mark[0] ^ 1]) + one.mark[1:]
    path = one.path
    return {
        "another mark": replace(one, mark=other),
        "another row": replace(one, handle=bytes(32)),
        "another salt": replace(one, salt=bytes(16)),
        "another place": replace(one, place=one.place ^ 1),
        "no place": replace(one, place=1 << LEAST_DEPTH),
        "a place before all": replace(one, place=-1),
        "a sibling changed": replace(one, path=(bytes(32), *path[1:])),
        "a sibling left out": replace(one, path=path[:-1]),
        "a sibling put in": replace(one, path=(*path, bytes(32))),
        "a short sibling": replace(one, path=(path[0][:31], *path[1:])),
        "bytes moved from the mark to the salt": replace(one, salt=one.salt + one.mark[:1], mark=one.mark[1:]),
        "no path": replace(one, path=()),
        "a path without end": replace(one, path=path * 3),
    }


@pytest.mark.parametrize("forgery", forged(OpenedRow(bytes(32), bytes(16), bytes(16), 0, (bytes(32),) * LEAST_DEPTH)))
def test_no_row_opens_as_another(tree: LinkTree, forgery: str) -> None:
    with pytest.raises(ControlError, match="not the one that the broker had committed to"):
        forged(tree.open(1, 4))[forgery].verify(tree.root)


def test_a_node_is_no_leaf(tree: LinkTree) -> None:
    """A row that is shown one level up would have two hashes in place of salt, mark and handle."""
    one = tree.open(0, 0)
    own = leaf_hash(one.salt + one.mark + one.handle)
    pair = own + one.path[0] if one.place % 2 == 0 else one.path[0] + own
    above = OpenedRow(pair[32:], pair[16:32], pair[:16], one.place // 2, one.path[1:])
    with pytest.raises(ControlError):
        above.verify(tree.root)


def test_other_links_or_another_seed_make_another_root(tree: LinkTree) -> None:
    other = [LINK_IDS[0], np.concatenate([LINK_IDS[1][:2], cells("else", ROWS[1] - 2)])]
    assert LinkTree(HANDLES, other, seed=SEED).root != tree.root
    assert LinkTree(HANDLES, LINK_IDS, seed=bytes(32)).root != tree.root
    assert LinkTree(HANDLES, LINK_IDS, seed=SEED).root == tree.root


def test_what_is_opened_does_not_tell_how_many_rows_there_are(tree: LinkTree) -> None:
    """Places are all over the tree, and no sibling shows that nothing is below it."""
    few, many = tree, LinkTree([cells("many", 400)], [cells("many links", 400)], seed=SEED)
    for one in (few.open(0, 0), few.open(1, 8), many.open(0, 399)):
        assert len(one.path) == LEAST_DEPTH
        assert len(set(one.path)) == LEAST_DEPTH
    places = np.sort([few.open(1, row).place for row in range(ROWS[1])])
    assert places[0] < 1 << (LEAST_DEPTH - 1) < places[-1]
