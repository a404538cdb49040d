"""The tasks of a run, and what may be told of how far it is."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from keys.template import default_terms
from services.broker.runs.plan import PAIRS_PER_TASK, Task, batches, percent, plan, seconds_left, shares
from services.rehearsal.party import agree, gather
from tests.stage import IDENTIFIERS

AMONG_TWO, AMONG_THREE = (
    agree(default_terms(dict.fromkeys(names, IDENTIFIERS)), gather(names))
    for names in (["north", "south"], ["north", "south", "west"])
)
SIZES = st.tuples(*[st.integers(1, 30_000)] * 3)
LARGE = st.tuples(*[st.integers(1, 3_000_000)] * 3)
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


@given(LARGE)
def test_every_row_is_compared_with_every_other_once_under_every_key(rows: tuple[int, ...]) -> None:
    tasks = plan(AMONG_THREE, rows)
    assert [task.number for task in tasks] == list(range(len(tasks)))
    cut: dict[tuple[int, int, str], list[range]] = {}
    for task in tasks:
        cut.setdefault((task.first, task.second, task.key), []).append(task.rows)
        assert len(task.rows) * rows[task.second] <= max(PAIRS_PER_TASK, rows[task.second])
    assert len(cut) == 3 * len({task.key for task in tasks})
    for (first, second, _), pieces in cut.items():
        assert [piece.start for piece in pieces] == [0, *(piece.stop for piece in pieces[:-1])]
        assert pieces[-1].stop == rows[first]
        assert pieces == cut[first, second, tasks[0].key]
    assert [Task.from_json(task.to_json()) for task in tasks] == tasks
    assert abs(sum(shares(AMONG_THREE, rows)) - 1) < 1e-9


@given(SIZES, SIZES)
def test_i9_progress_is_the_same_whatever_the_numbers_of_rows(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    """As far as a comparison is one task, which it is up to eight thousand million pairs."""
    shown = []
    for rows in (one, other):
        parts = shares(AMONG_THREE, rows)
        shown.append([percent(parts, range(done)) for done in range(len(parts) + 1)])
    assert shown[0] == shown[1]
    assert (shown[0][0], shown[0][-1]) == (0, 100)


@given(LARGE, st.randoms(use_true_random=False))
def test_progress_grows_in_whatever_order_tasks_are_done_and_is_whole_with_the_last(
    rows: tuple[int, ...], random: "object"
) -> None:
    parts = shares(AMONG_THREE, rows)
    order = list(range(len(parts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shown = [percent(parts, order[:done]) for done in range(len(parts) + 1)]
    assert shown == sorted(shown)
    assert max(shown[:-1]) < 100
    assert shown[-1] == 100


@given(LARGE)
def test_small_tasks_are_put_together_and_none_is_lost(rows: tuple[int, ...]) -> None:
    tasks = plan(AMONG_THREE, rows)
    together = batches(tasks, rows)
    assert [task for batch in together for task in batch] == tasks
    sizes = [sum(len(task.rows) * rows[task.second] for task in batch) for batch in together]
    assert all(size <= PAIRS_PER_TASK or len(batch) == 1 for size, batch in zip(sizes, together, strict=True))
    for size, following in zip(sizes, together[1:], strict=False):
        assert size + len(following[0].rows) * rows[following[0].second] > PAIRS_PER_TASK


def test_progress_goes_on_within_a_comparison() -> None:
    parts = shares(AMONG_TWO, (400_000, 500_000))
    shown = [percent(parts, range(done)) for done in range(len(parts) + 1)]
    assert len(set(shown)) > 10


def test_the_time_left_is_that_of_the_pace() -> None:
    parts = [0.01] * 100
    done = [(number, BEGUN + timedelta(seconds=3 * (number + 1))) for number in range(40)]
    assert seconds_left(parts, [], begun=BEGUN, now=BEGUN) is None
    assert seconds_left(parts, done[:10], begun=BEGUN, now=done[9][1]) == 3 * 90
    assert seconds_left(parts, done, begun=BEGUN, now=done[-1][1]) == 3 * 60


def test_the_time_left_forgets_how_fast_it_once_was_and_grows_while_nothing_is_done() -> None:
    parts = [0.01] * 100
    slow = [(number, BEGUN + timedelta(seconds=100 * (number + 1))) for number in range(20)]
    fast = [(20 + number, slow[-1][1] + timedelta(seconds=number + 1)) for number in range(20)]
    now = fast[-1][1]
    assert seconds_left(parts, slow + fast, begun=BEGUN, now=now) == 60
    later = [seconds_left(parts, slow + fast, begun=BEGUN, now=now + timedelta(seconds=wait)) or 0 for wait in (0, 60)]
    assert later[1] > 3 * later[0]


def test_the_time_left_is_nothing_when_all_is_done() -> None:
    done = [(number, BEGUN + timedelta(seconds=number + 1)) for number in range(4)]
    assert seconds_left([0.25] * 4, done, begun=BEGUN, now=done[-1][1]) == 0
