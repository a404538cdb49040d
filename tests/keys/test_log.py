"""I7: any edit of an audit log is detected offline, and the first bad entry is named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.canonical import canonical
from keys.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint
from keys.errors import AgreementError, KeysError, LogError
from keys.log import Entry, Log, origin_of, require_one_log, verify_log
from keys.protocol import Event, State
from tests.doors import identity, signed, small_terms
from tests.logbook import Course, Facts, agreement, course, kept, whole

WHERE = "log.json"
COUNCIL, ICB, LEAD, STRANGER = (identity(name) for name in ("council", "icb", "icb-lead", "stranger"))


def place(error: pytest.ExceptionInfo[LogError]) -> int:
    """The entry that the error names."""
    return int(str(error.value.where).rsplit(" ", 1)[1])


def written(log: Log) -> Any:
    """The file as JSON that may be changed."""
    return json.loads(canonical(log.to_json()))


def read(document: Any) -> Log:
    return Log.from_json(document, where=WHERE)


def check(document: Any, *known: SignedCheckpoint) -> None:
    verify_log(read(document), where=WHERE, kept=known)


def forged(facts: list[Facts]) -> Log:
    """Written and signed anew by the broker itself."""
    return kept(facts)


def facts_of(log: Log) -> list[Facts]:
    return [entry.facts for entry in log.entries]


def test_a_whole_course_is_accepted_and_says_who_vouches() -> None:
    log = whole()
    notes = (log.entries[6].checkpoint.countersigned(COUNCIL), log.newest.countersigned(LEAD))
    found = verify_log(replace(log, countersigned=notes), where=WHERE, kept=notes)
    assert (found.entries, found.newest) == (len(log.entries), log.newest)
    assert found.countersigned == {"council": 7, "icb-lead": len(log.entries)}


def test_a_log_comes_back_from_its_file_as_it_was() -> None:
    assert read(written(whole())) == whole()


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every string and number."""
    if isinstance(value, dict):
        return [spot for name, one in value.items() for spot in spots(one, (*path, name))]
    if isinstance(value, list):
        return [spot for number, one in enumerate(value) for spot in spots(one, (*path, number))]
    return [path]


ENTRIES = written(whole())["entries"]
SPOTS = spots(ENTRIES)


@given(st.sampled_from(SPOTS), st.data())
def test_i7_an_edit_of_any_value_of_any_entry_is_found_in_that_entry(
    spot: tuple[Any, ...], data: st.DataObject
) -> None:
    document = written(whole())
    holder = document["entries"]
    for step in spot[:-1]:
        holder = holder[step]
    old = str(holder[spot[-1]])
    at = data.draw(st.integers(0, max(0, len(old) - 1)))
    letter = data.draw(st.characters(codec="utf-8", exclude_characters=old[at : at + 1]))
    holder[spot[-1]] = old[:at] + letter + old[at + 1 :]
    with pytest.raises(LogError) as error:
        check(document)
    assert place(error) == spot[0] + 1


@given(st.data())
def test_i7_an_entry_that_is_deleted_swapped_doubled_or_put_in_is_found(data: st.DataObject) -> None:
    document = written(whole())
    entries = document["entries"]
    at = data.draw(st.integers(0, len(entries) - 2))
    other = data.draw(st.integers(at + 1, len(entries) - 1))
    match data.draw(st.sampled_from(["deleted", "swapped", "doubled", "put in"])):
        case "deleted":
            del entries[at]
        case "swapped":
            entries[at], entries[other] = entries[other], entries[at]
        case "doubled":
            entries.insert(at, copy.deepcopy(entries[at]))
            at += 1
        case "put in":
            entries.insert(at, copy.deepcopy(entries[other]))
    with pytest.raises(LogError) as error:
        check(document)
    assert place(error) == at + 1


@given(st.integers(1, len(ENTRIES) - 1))
def test_i7_a_log_that_ends_too_early_is_found_by_any_later_checkpoint(length: int) -> None:
    short = replace(whole(), entries=whole().entries[:length])
    verify_log(short, where=WHERE)
    with pytest.raises(LogError) as error:
        verify_log(short, where=WHERE, kept=[whole().newest.countersigned(COUNCIL)])
    assert place(error) == length + 1


@given(st.integers(1, len(ENTRIES) - 1), st.text(min_size=1, max_size=5))
def test_i7_a_log_that_the_broker_wrote_anew_contradicts_what_a_witness_kept(at: int, text: str) -> None:
    witnessed = whole().newest.countersigned(LEAD)
    facts = facts_of(whole())
    facts[at] = {**facts[at], "note": text}
    with pytest.raises(LogError, match="was changed since"):
        verify_log(forged(facts), where=WHERE, kept=[witnessed])


@given(st.integers(1, len(ENTRIES) - 1), st.integers(1, len(ENTRIES)))
def test_i7_two_logs_of_one_broker_are_told_apart_at_the_fork(at: int, length: int) -> None:
    facts = facts_of(whole())
    facts[at] = {**facts[at], "note": "for the council"}
    one, other = whole(), forged(facts)
    with pytest.raises(LogError, match="two different logs") as error:
        require_one_log(one, other, where="two files")
    assert place(error) == at + 1
    require_one_log(one, replace(one, entries=one.entries[:length]), where="two files")


def test_a_checkpoint_of_another_log_or_by_another_broker_is_refused() -> None:
    other = kept(facts_of(whole()), broker=STRANGER)
    with pytest.raises(LogError) as error:
        verify_log(other, where=WHERE)
    assert place(error) == 1
    elsewhere = sign_checkpoint(Checkpoint(origin_of("0" * 64), 1, bytes(32)), identity("broker"))
    with pytest.raises(LogError, match="another log"):
        verify_log(whole(), where=WHERE, kept=[elsewhere])
    with pytest.raises(KeysError, match="not signed by broker"):
        verify_log(whole(), where=WHERE, kept=[other.newest])


@pytest.mark.parametrize(
    "note",
    [
        lambda newest: newest.countersigned(STRANGER),
        lambda newest: replace(newest.countersigned(ICB), lines=(*newest.lines, newest.lines[0])),
        lambda newest: sign_checkpoint(replace(newest.checkpoint, root=bytes(32)), identity("broker")),
        lambda newest: SignedCheckpoint(
            newest.checkpoint, (newest.lines[0], newest.countersigned(ICB).lines[1][:-8] + "AAAAAAA=")
        ),
    ],
    ids=["by a stranger", "a line twice", "of another root", "with a wrong signature"],
)
def test_a_countersignature_that_nobody_gave_is_refused(
    note: Callable[[SignedCheckpoint], SignedCheckpoint],
) -> None:
    with pytest.raises(KeysError):
        verify_log(replace(whole(), countersigned=(note(whole().newest),)), where=WHERE)


def test_a_log_of_an_agreement_that_is_not_signed_is_refused() -> None:
    with pytest.raises(AgreementError, match="not signed by"):
        verify_log(replace(whole(), agreement=replace(agreement(), signatures=())), where=WHERE)


def test_entries_of_another_agreement_are_refused() -> None:
    other = signed(small_terms(title="Another"))
    with pytest.raises(LogError) as error:
        verify_log(kept(facts_of(whole()), of=other), where=WHERE)
    assert place(error) == 1


NOT_ALLOWED: dict[str, tuple[Callable[[], Course], int]] = {
    "nothing was received": (lambda: course().started("run-1"), 1),
    "received by somebody": (lambda: course().add(Event.AGREEMENT_RECEIVED, by="someone"), 1),
    "received twice": (lambda: course().begun().add(Event.AGREEMENT_RECEIVED, by="icb"), 6),
    "contributed twice": (
        lambda: course().begun().add(Event.CONTRIBUTION_RELAYED, sender="icb", receiver="council"),
        6,
    ),
    "contributed to itself": (
        lambda: (
            course()
            .add(Event.AGREEMENT_RECEIVED, by="icb")
            .add(Event.CONTRIBUTION_RELAYED, sender="icb", receiver="icb")
        ),
        2,
    ),
    "an upload of a stranger": (lambda: course().begun().add(Event.UPLOAD_ACCEPTED, holder="x", upload="1"), 6),
    "a second upload that replaces none": (
        lambda: course().begun().add(Event.UPLOAD_ACCEPTED, holder="icb", upload="icb-2"),
        6,
    ),
    "a run on an upload that was replaced": (
        lambda: course().begun().add(Event.UPLOAD_REPLACED, holder="icb", upload="icb-2").started("run-1"),
        7,
    ),
    "a run without the upload of a holder": (
        lambda: (
            course()
            .add(Event.AGREEMENT_RECEIVED, by="icb")
            .add(Event.UPLOAD_ACCEPTED, holder="icb", upload="icb-1")
            .started("run-1", icb="icb-1")
        ),
        3,
    ),
    "two runs at once": (lambda: course().begun().started("run-1").started("run-2"), 7),
    "the same run again": (lambda: course().begun().released("run-1").started("run-1"), 12),
    "a change of no run": (lambda: course().begun().changed("run-1", State.MATCHED), 6),
    "released before it was matched": (lambda: course().begun().started("r").changed("r", State.RELEASED), 7),
    "released without approvals": (
        lambda: course().begun().matched("r").changed("r", State.APPROVED),
        8,
    ),
    "released with one approval": (
        lambda: course().begun().matched("r").decided(Event.RELEASE_APPROVED, "r", "icb").changed("r", State.APPROVED),
        9,
    ),
    "approved twice for one holder": (
        lambda: (
            course()
            .begun()
            .matched("r")
            .decided(Event.RELEASE_APPROVED, "r", "icb")
            .decided(Event.RELEASE_APPROVED, "r", "icb")
        ),
        9,
    ),
    "approved by a holder": (
        lambda: course().begun().matched("r").decided(Event.RELEASE_APPROVED, "r", "icb", by=ICB),
        8,
    ),
    "approved by a stranger": (
        lambda: course().begun().matched("r").decided(Event.RELEASE_APPROVED, "r", "icb", by=STRANGER),
        8,
    ),
    "approved before it was matched": (
        lambda: course().begun().started("r").decided(Event.RELEASE_APPROVED, "r", "icb"),
        7,
    ),
    "approved after a refusal": (
        lambda: (
            course()
            .begun()
            .matched("r")
            .decided(Event.RELEASE_REFUSED, "r", "icb")
            .decided(Event.RELEASE_APPROVED, "r", "council")
        ),
        9,
    ),
    "declined by nobody": (
        lambda: course().begun().matched("r").changed("r", State.DECLINED),
        8,
    ),
    "cancelled by nobody": (lambda: course().begun().started("r").changed("r", State.CANCELLED), 7),
    "cancelled by the broker": (lambda: course().begun().started("r").changed("r", State.CANCELLED, by="broker"), 7),
    "cancelled when links were decided": (
        lambda: course().begun().matched("r").changed("r", State.CANCELLED, by="icb"),
        8,
    ),
    "a run goes on that was cancelled": (
        lambda: course().begun().started("r").changed("r", State.CANCELLED, by="icb").changed("r", State.MATCHED),
        8,
    ),
    "destroyed by a stranger": (lambda: course().begun().destroyed(by=STRANGER), 6),
    "a run after destruction": (lambda: course().begun().destroyed().started("run-1"), 7),
    "an upload after destruction": (
        lambda: course().begun().destroyed().add(Event.UPLOAD_REPLACED, holder="icb", upload="icb-2"),
        7,
    ),
}


@pytest.mark.parametrize("by", ["council", "icb-lead"])
def test_a_run_that_was_cancelled_may_be_followed_by_another(by: str) -> None:
    told = course().begun().started("r").changed("r", State.CANCELLED, by=by).matched("r-2")
    assert verify_log(kept(told.facts), where=WHERE).entries == len(told.facts)


@pytest.mark.parametrize("name", NOT_ALLOWED)
def test_a_course_that_the_protocol_does_not_allow_is_refused_though_the_broker_signed_it(name: str) -> None:
    make, expected = NOT_ALLOWED[name]
    with pytest.raises(LogError, match="protocol does not allow") as error:
        verify_log(kept(make().facts), where=WHERE)
    assert place(error) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("agreement"),
        lambda document: document.update(version=2),
        lambda document: document.update(version=True),
        lambda document: document.update(version=1.0),
        lambda document: document.update(entries={}),
        lambda document: document["entries"].clear(),
        lambda document: document["entries"].append({}),
        lambda document: document["entries"].append({"facts": [], "checkpoint": ""}),
        lambda document: document["countersigned"].append(7),
    ],
)
def test_another_form_is_refused(change: Callable[[Any], Any]) -> None:
    document = written(whole())
    change(document)
    with pytest.raises(LogError):
        check(document)


def test_an_entry_without_a_place_in_time_is_refused() -> None:
    facts = [{**one, "at": "yesterday"} if number == 3 else one for number, one in enumerate(facts_of(whole()))]
    with pytest.raises(LogError) as error:
        verify_log(kept(facts), where=WHERE)
    assert place(error) == 4


def test_a_leaf_is_the_canonical_line() -> None:
    entry = Entry({"b": 1, "a": "é"}, whole().newest)
    assert entry.leaf == '{"a":"é","b":1}'.encode()
