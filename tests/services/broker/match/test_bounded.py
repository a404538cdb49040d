"""A run within the memory that it is given: foreseen, spilled to sealed files, and never ended half-way."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.errors import EnvelopeError
from keys.protocol import State
from keys.template import default_terms
from matcher.errors import FloodError
from matcher.evidence import ScoredPairs, score
from matcher.pairs import Pairs, join
from services.broker.errors import NotFound
from services.broker.match import deciding, matching, spill, weighing
from services.broker.match.inputs import Inputs, Shelf, open_inputs
from services.broker.match.spill import Spill, link_ids_name
from services.broker.office import Office
from services.broker.runs.attention import Attention, Overtaken
from services.broker.runs.states import change_state
from services.broker.store import runs
from tests.match_keys import FOUR_FUZZY, with_four_fuzzy
from tests.seen import refused
from tests.stage import IDENTIFIERS, MakeScene, Scene, children

pytestmark = pytest.mark.apart_from_database

BOTH = children(120, seed=1)
NORTH, SOUTH = BOTH + children(700, seed=2), BOTH + children(900, seed=3)


@pytest.fixture(scope="module")
def flooding(make_scene: MakeScene) -> tuple[Scene, str]:
    """A matched run whose terms let so many pairs through by chance that little memory does not hold them."""
    terms = with_four_fuzzy(default_terms(dict.fromkeys(("north", "south"), IDENTIFIERS))).model_dump(mode="json")
    decision = {**terms["decision"], "chance_pairs_per_row": 100}
    scene = make_scene(decision=decision, match_keys=terms["match_keys"])
    scene.upload("north", NORTH)
    scene.upload("south", SOUTH)
    run = scene.start_run()
    scene.status(run, "matched")
    return scene, run


@contextmanager
def at_the_desk(scene: Scene, **changes: object) -> Iterator[Office]:
    """The broker's own office, opened in this process with other settings."""
    with scene.broker.office(**changes) as office:
        yield office


def go_on() -> None:
    """Nothing halts the work."""


def find_all(inputs: Inputs) -> dict[int, int]:
    return {task.number: matching.find(inputs, task, halt=go_on) for task in inputs.plan()}


def linked(office: Office, inputs: Inputs) -> list[tuple[int, int]]:
    """Rows of the two holders with one link id."""
    ids = [
        [row.tobytes() for row in of_holder]
        for of_holder in deciding.stored_link_ids(office, inputs.run, inputs.agreement.id, 2)
    ]
    place = {one: row for row, one in enumerate(ids[1])}
    return [(row, place[one]) for row, one in enumerate(ids[0]) if one in place]


def test_a_flood_is_foreseen_and_says_what_would_do(
    flooding: tuple[Scene, str], caplog: pytest.LogCaptureFixture
) -> None:
    scene, run = flooding
    with at_the_desk(scene, memory_mb=64) as office, pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "BYTES_PER_CANDIDATE", 2_000)
        inputs = open_inputs(office, run, Shelf(1 << 30))
        with pytest.raises(FloodError, match=r"pairs reach the floor of 0\.5\d+; 33,554 fit in memory") as caught:
            matching.survey(inputs)
        found = sum(find_all(inputs).values())
    needed = found * 2_000 >> 20
    assert "or a memory budget of" in caught.value.remedy
    (said,) = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert (said["event"], said["has_mb"]) == ("memory short", 64)
    foreseen = said["needed_mb"]
    assert abs(foreseen - needed) <= 0.05 * needed


def test_enough_memory_is_no_flood(flooding: tuple[Scene, str]) -> None:
    scene, run = flooding
    with at_the_desk(scene) as office:
        matching.survey(open_inputs(office, run, Shelf(1 << 30)))


def test_a_flood_that_was_not_foreseen_leaves_the_weakest_pairs_out_and_says_so(flooding: tuple[Scene, str]) -> None:
    scene, run = flooding
    with at_the_desk(scene) as office, pytest.MonkeyPatch.context() as patch:
        inputs = open_inputs(office, run, Shelf(1 << 30))
        usual = linked(office, inputs)
        office.storage.remove(link_ids_name(run))
        found = find_all(inputs)
        assert sum(found.values()) > 200_000
        patch.setattr(deciding, "capacity", lambda _memory: 20_000)
        weighed: list[int] = []

        def weigh(**evidence: Any) -> ScoredPairs:
            weighed.append(len(evidence["left"]))
            return score(**evidence)

        patch.setattr(weighing, "score", weigh)
        outcome = deciding.decide(inputs, found)
        assert outcome["left_out"] == [key["name"] for key in FOUR_FUZZY]
        assert max(weighed) <= 25_000
        assert linked(office, inputs) == usual
        assert len(usual) == len(BOTH)
        spill.forget_pairs(office, run, found)
        assert not list((office.settings.storage / "runs" / run).glob("pairs-*"))


def test_what_little_memory_finds_is_what_much_memory_finds(flooding: tuple[Scene, str]) -> None:
    """File for file: pieces, threads and memory do not show."""
    scene, run = flooding
    kept = []
    for memory, threads, most in ((1, 1, 0), (1024, 3, 1 << 30)):
        with at_the_desk(scene, memory_mb=memory, threads=threads) as office, pytest.MonkeyPatch.context() as patch:
            patch.setattr(spill, "PAIRS_PER_FILE", 5_000)
            inputs = open_inputs(office, run, Shelf(most))
            found = find_all(inputs)
            files = Spill(office, run, inputs.agreement.id)
            pairs = [list(files.read(task, number)) for task, number in found.items()]
            spill.forget_pairs(office, run, found)
        kept.append((found, pairs))
    assert kept[0][0] == kept[1][0]
    for one, other in zip(kept[0][1], kept[1][1], strict=True):
        assert [len(part) for part in one] == [len(part) for part in other]
        assert all(len(part) == 5_000 for part in one[:-1])
        for part, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(part.left, same.left)
            np.testing.assert_array_equal(part.right, same.right)
            np.testing.assert_array_equal(part.similarity, same.similarity)


def test_links_that_were_decided_before_stay(flooding: tuple[Scene, str]) -> None:
    """A worker that was taken for dead may decide a second time: the ids are random, and the first ones count."""
    scene, run = flooding
    with at_the_desk(scene) as office:
        inputs = open_inputs(office, run, Shelf(1 << 30))
        before = office.storage.read(link_ids_name(run))
        found = find_all(inputs)
        one, other = (deciding.decide(inputs, found) for _ in range(2))
        spill.forget_pairs(office, run, found)
        assert office.storage.read(link_ids_name(run)) == before
        assert one == other


def test_a_shelf_holds_what_fits_and_lets_a_run_go(flooding: tuple[Scene, str]) -> None:
    scene, run = flooding
    with at_the_desk(scene) as office:
        large, small = Shelf(1 << 30), Shelf(1)
        for shelf in (large, small):
            inputs = open_inputs(office, run, shelf)
            everything = [(holder, name) for holder in range(2) for name in inputs.names(holder)]
            for holder, name in (*everything, *everything):
                np.testing.assert_array_equal(
                    inputs.encodings(holder, name).bits, open_inputs(office, run).encodings(holder, name).bits
                )
        assert large.bytes > 3 * small.bytes > 0
        large.keep_only({run})
        held = large.bytes
        large.make_room(large.capacity - held // 2)
        assert 0 < large.bytes <= held // 2
        large.keep_only({run})
        assert large.bytes > 0
        large.keep_only(set())
        assert large.bytes == 0


def test_encodings_are_read_anew_only_where_they_were_let_go(flooding: tuple[Scene, str]) -> None:
    scene, run = flooding
    with at_the_desk(scene) as office:
        for capacity in (1 << 30, 1):
            inputs, read = open_inputs(office, run, Shelf(capacity)), 0
            names = inputs.names(0)[1:]
            assert len(names) > 1
            whole = Inputs.read

            def counted(self: Inputs, holder: int, fields: Sequence[str]) -> object:
                nonlocal read
                read += 1
                return whole(self, holder, fields)  # noqa: B023

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Inputs, "read", counted)
                for name in names:
                    for holder in (0, 1, 0, 1):
                        inputs.encodings(holder, name)
            assert read == (2 if capacity > 1 else 2 * len(names))


def test_attention_ends_with_the_run(flooding: tuple[Scene, str]) -> None:
    scene, run = flooding
    with at_the_desk(scene) as office:
        attention = Attention(office, run)
        with pytest.raises(Overtaken):  # it is matched, so nobody compares any more
            attention()
        with pytest.raises(Overtaken):
            attention()
        with pytest.raises(Overtaken):
            Attention(office, "no such run")()


def test_attention_asks_again_and_again(make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.broker.runs.attention.SECONDS", 0.0)
    scene = make_scene()
    stamp = "2026-01-01T00:00:00.000000+00:00"
    with at_the_desk(scene) as office:
        with office.store.transaction("set up") as connection:
            runs.put(
                connection,
                id="a" * 32,
                agreement=scene.agreement.id,
                state="accepted",
                uploads={},
                task_pairs=1,
                started_at=stamp,
                changed_at=stamp,
            )
        attention = Attention(office, "a" * 32)
        for _ in range(3):
            attention()
        with office.store.transaction("end it") as connection:
            change_state(office, connection, "a" * 32, State.CANCELLED, by="north")
        with pytest.raises(Overtaken):
            attention()


def test_only_holders_and_ig_leads_cancel_and_only_before_links_are_decided(flooding: tuple[Scene, str]) -> None:
    scene, run = flooding
    path = f"/v1/runs/{run}/cancellation"
    for identity in (scene.cast.holders["north"], scene.cast.ig_leads["south"]):
        said = refused(scene.ask(identity, "POST", path), 409, "conflict")
        assert said == "A run that is matched cannot be cancelled."
    for identity in (scene.cast.recipient, scene.cast.broker):
        assert scene.ask(identity, "POST", path).status_code in (401, 404)
    assert scene.status(run)["state"] == "matched"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=8), st.integers(1, 17))
def test_pairs_come_back_from_files_as_they_went_whatever_the_pieces(sizes: list[int], most: int) -> None:
    rng = np.random.default_rng(len(sizes))
    pieces = [
        Pairs(
            rng.integers(0, 99, size).astype(np.int32),
            rng.integers(0, 99, size).astype(np.int32),
            rng.random(size).astype(np.float32),
        )
        for size in sizes
    ]
    files = object.__new__(Spill)
    kept: dict[str, dict[str, np.ndarray]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spill, "PAIRS_PER_FILE", most)
        patch.setattr(files, "_run", "r", raising=False)
        patch.setattr(files, "put", lambda name, **arrays: kept.__setitem__(name, arrays))
        patch.setattr(files, "get", lambda name: kept[name])
        written = files.write(3, pieces)
        back = join(list(files.read(3, written)))
    whole = join(pieces)
    assert written == len(whole)
    assert len(kept) == -(-written // most)
    np.testing.assert_array_equal(back.left, whole.left)
    np.testing.assert_array_equal(back.right, whole.right)
    np.testing.assert_array_equal(back.similarity, whole.similarity)


def test_errors_go_from_process_to_process() -> None:
    for error in (Overtaken(), NotFound(), FloodError("what", remedy="do"), EnvelopeError("w", where="x", remedy="r")):
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own, of a moment ago
        assert type(again) is type(error)
        assert (again.what, again.where, again.remedy, str(again)) == (
            error.what,
            error.where,
            error.remedy,
            str(error),
        )
