"""What a holder checks of the control rows that a broker shows: whose they are, and that their links were committed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from keys.control_rows import (
    Committed,
    check_opened,
    commitment,
    committed,
    handle_digest,
    is_digest,
    row_to_json,
)
from keys.errors import ControlError
from keys.link_tree import LinkTree
from tests.doors import drawn

ROWS, SALT = 4, bytes(range(32))
HOLDERS = ("council", "icb")


def cells(label: str) -> Any:
    return np.frombuffer(drawn(label)(16 * 20), np.uint8).reshape(20, 16)


HANDLES = [cells(name) for name in HOLDERS]
TREE = LinkTree(HANDLES, [cells("links"), cells("links")], seed=SALT)


def shown() -> dict[str, Any]:
    """Rows 3, 2, 1 and 0 of each holder are its control rows, in this order."""
    return {
        name: {"salt": SALT.hex(), "rows": [row_to_json(TREE.open(holder, row)) for row in (3, 2, 1, 0)]}
        for holder, name in enumerate(HOLDERS)
    }


def bound(holder: int, rows: tuple[int, ...] = (3, 2, 1, 0)) -> str:
    return commitment(SALT, [handle_digest(HANDLES[holder][row].tobytes()) for row in rows])


FOUND = Committed(TREE.root, {name: bound(holder) for holder, name in enumerate(HOLDERS)}, frozenset(HOLDERS), None)


def test_marks_come_by_number() -> None:
    marks = check_opened(shown(), FOUND, rows=ROWS)
    assert marks["council"] == marks["icb"] == [TREE.open(0, row).mark for row in (3, 2, 1, 0)]


def another(document: dict[str, Any], row: int) -> None:
    document["icb"]["rows"][0] = row_to_json(TREE.open(1, row))


FORGERIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another row of the holder": lambda document: another(document, 7),
    "a row of another holder": lambda document: document["icb"]["rows"].__setitem__(0, document["council"]["rows"][0]),
    "rows in another order": lambda document: document["icb"]["rows"].reverse(),
    "a row left out": lambda document: document["icb"]["rows"].pop(),
    "a row twice": lambda document: another(document, 2),
    "a holder left out": lambda document: document.pop("icb"),
    "a holder put in": lambda document: document.__setitem__("school", document["icb"]),
    "another salt": lambda document: document["icb"].__setitem__("salt", "00" * 32),
    "another mark": lambda document: document["icb"]["rows"][1].__setitem__("mark", document["icb"]["rows"][0]["mark"]),
    "no rows": lambda document: document["icb"].pop("rows"),
    "one name more": lambda document: document["icb"]["rows"][0].__setitem__("more", 1),
    "a place that is no number": lambda document: document["icb"]["rows"][0].__setitem__("place", True),
    "a mark that is no text": lambda document: document["icb"]["rows"][0].__setitem__("mark", 7),
    "a path that is none": lambda document: document["icb"]["rows"][0].__setitem__("path", None),
    "rows that are none": lambda document: document["icb"].__setitem__("rows", 3),
    "a row that is none": lambda document: document["icb"].__setitem__("rows", [1, 2, 3, 4]),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_nothing_else_is_taken_for_them(forgery: str) -> None:
    document = copy.deepcopy(shown())
    FORGERIES[forgery](document)
    with pytest.raises(ControlError) as caught:
        check_opened(document, FOUND, rows=ROWS)
    assert "decline" in caught.value.remedy


@pytest.mark.parametrize("document", [None, [], {"council": None, "icb": 1}, {"council": [], "icb": {}}])
def test_what_is_no_answer_is_refused(document: Any) -> None:
    with pytest.raises(ControlError):
        check_opened(document, FOUND, rows=ROWS)


def test_a_tree_that_was_not_committed_to_is_refused() -> None:
    other = Committed(bytes(32), FOUND.control_rows, FOUND.opened, None)
    with pytest.raises(ControlError, match="not the one that the broker had committed to"):
        check_opened(shown(), other, rows=ROWS)


def test_rows_that_nobody_has_opened_in_the_log_are_refused() -> None:
    other = Committed(FOUND.links, FOUND.control_rows, frozenset({"council"}), None)
    with pytest.raises(ControlError, match="icb has not opened"):
        check_opened(shown(), other, rows=ROWS)


def test_a_holder_that_committed_to_one_row_many_times_is_refused() -> None:
    """It would have made one of its own rows into all of its control rows."""
    document = shown()
    document["icb"]["rows"] = [row_to_json(TREE.open(1, 7))] * ROWS
    found = Committed(FOUND.links, {**FOUND.control_rows, "icb": bound(1, (7, 7, 7, 7))}, FOUND.opened, None)
    with pytest.raises(ControlError, match="4 different rows of icb"):
        check_opened(document, found, rows=ROWS)


def test_a_commitment_is_of_the_rows_in_their_order_and_hides_them() -> None:
    digests = [handle_digest(one.tobytes()) for one in HANDLES[0][:3]]
    made = {commitment(salt, rows) for salt in (SALT, bytes(32)) for rows in (digests, digests[::-1], digests[:2])}
    assert len(made) == 6
    assert all(is_digest(one) for one in made)
    assert not any(is_digest(one) for one in (None, 7, "ab", "G" * 64, "AB" * 32))


def facts(*runs: tuple[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    """A log of runs, each with the holders that opened."""
    uploads = {"council": "u1", "icb": "u2"}
    found: list[dict[str, Any]] = [
        {"event": "upload accepted", "holder": name, "upload": upload, "control_rows": name}
        for name, upload in uploads.items()
    ]
    for run, opened in runs:
        found.append({"event": "run started", "run": run, "uploads": uploads})
        found.append({"event": "run changed", "run": run, "state": "matched", "links": "ab" * 32})
        found += [{"event": "control rows opened", "run": run, "by": name} for name in opened]
        found.append({"event": "run changed", "run": run, "state": "declined"})
    return found


def test_the_log_says_what_was_committed_and_who_has_opened() -> None:
    found = committed(facts(("one", ("icb",))), "one")
    expected = Committed(bytes.fromhex("ab" * 32), {"council": "council", "icb": "icb"}, frozenset({"icb"}), None)
    assert found == expected


def test_control_rows_that_anybody_opened_before_are_known_to_the_broker() -> None:
    entries = facts(("one", ()), ("two", ("icb",)), ("three", ("council", "icb")))
    assert [committed(entries, run).known_before for run in ("one", "two", "three")] == [None, None, "two"]


def test_nothing_is_opened_before_the_links_are_committed() -> None:
    entries = [one for one in facts(("one", ())) if one.get("state") != "matched"]
    for run in ("one", "another"):
        with pytest.raises(ControlError, match="does not say that the links of this run are decided"):
            committed(entries, run)
