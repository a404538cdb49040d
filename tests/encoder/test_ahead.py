"""Work on several threads: in order, only a little ahead, and with its errors where its results would be."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.ahead import cores, in_order


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(), max_size=20), st.integers(1, 5))
def test_results_come_in_the_order_of_the_parts(parts: list[int], workers: int) -> None:
    assert list(in_order(lambda part: part * 2, parts, workers=workers)) == [part * 2 for part in parts]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_no_more_parts_are_taken_than_there_are_workers_and_one(workers: int) -> None:
    taken: list[int] = []

    def parts() -> Iterator[int]:
        for part in range(100):
            taken.append(part)
            yield part

    for used, _ in enumerate(in_order(abs, parts(), workers=workers), start=1):
        assert len(taken) <= used + workers


def test_two_workers_are_at_work_at_once() -> None:
    both = threading.Barrier(2, timeout=60)
    assert list(in_order(lambda part: both.wait() >= 0, range(4), workers=2)) == [True] * 4


def test_one_worker_is_the_caller() -> None:
    assert set(in_order(lambda _: threading.current_thread(), range(3), workers=1)) == {threading.current_thread()}


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_comes_after_the_results_before_it_and_ends_the_work(workers: int) -> None:
    begun: list[int] = []
    done: list[float] = []

    def work(part: int) -> float:
        begun.append(part)
        return 12 / (part - 3)

    def collect() -> None:
        for result in in_order(work, range(100), workers=workers):
            done.append(result)  # noqa: PERF402 - what came before the error counts

    with pytest.raises(ZeroDivisionError):
        collect()
    assert done == [-4, -6, -12]
    assert len(begun) <= 4 + workers


@pytest.mark.parametrize("workers", [1, 3])
def test_who_stops_asking_leaves_no_thread_behind(workers: int) -> None:
    before = threading.active_count()
    results = in_order(abs, range(100), workers=workers)
    assert next(iter(results)) == 0
    results.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_there_must_be_a_worker() -> None:
    with pytest.raises(ValueError, match="0 workers"):
        list(in_order(abs, [1], workers=0))


def test_there_is_a_core_to_work_on() -> None:
    assert cores() >= 1
