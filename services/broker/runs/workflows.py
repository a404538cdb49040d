"""The durable steps of a run (DBOS), taken from queues by any number of processes on one database.

Each step is recorded when it is done, and a run goes on where it stopped, here or in another process. A step returns
numbers and names of stored files, never an encoding, a pair or a score. Steps that write files write them whole, and
the same ones every time, so that repeating one changes nothing.

match_run     survey, then all tasks by way of the queue "compare", then the links are decided
open_run      what holders may see of the control rows that all of them have opened
compare_tasks the pairs of one task, or of some small ones
release_run   a token for every row
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from itertools import count
from threading import Event, Lock
from typing import Any

from dbos import DBOS, DBOSConfig, Queue, SetWorkflowID
from sqlalchemy import Engine

from keys.errors import CounterfoilError
from keys.protocol import State
from services.broker.front.problems import as_problem
from services.broker.match import deciding, matching
from services.broker.match.inputs import Inputs, Shelf, open_inputs
from services.broker.match.spill import forget_pairs
from services.broker.office import Office
from services.broker.outcome import opening, release
from services.broker.patience import Patience
from services.broker.runs.attention import Attention, Overtaken
from services.broker.runs.plan import Task, batches
from services.broker.runs.roll import Roll
from services.broker.runs.states import change_state
from services.broker.store import openings, runs, tasks
from services.broker.store.database import let_many_in
from services.broker.store.engine import steps_engine
from services.broker.watch import metrics
from services.broker.watch.logs import level_of_libraries, say

_VERSION = "3"
_MATCH, _COMPARE, _OPEN, _RELEASE = "match", "compare", "open", "release"
_AT_ONCE = {_MATCH: 1, _COMPARE: 2, _OPEN: 1, _RELEASE: 1}
"""What a process takes from each queue at once; of two tasks one waits, so that there is always one to go on with."""
_POLL_SECONDS = 0.2
_BEATS_BETWEEN = 10
"""After so many beats it is looked again for runs that nobody has taken up."""


@dataclass
class _Desk:
    office: Office
    shelf: Shelf
    roll: Roll
    queues: Mapping[str, Queue]
    """All of them once ``opened``: a recovered run may begin before."""
    opened: Event
    engine: Engine | None
    """Of the recorded steps, if it is ours to close."""
    patience: Patience
    comparing: Lock = field(default_factory=Lock)
    """Held by the one task that is being done."""


_desk: list[_Desk] = []


def start(office: Office, name: str, *, work: bool = True) -> None:
    """Launch the runner in this process under a name of its own, and take up every run that waits.

    Without ``work`` this process only hands runs to the queues, for others to do. Raises ``BrokerError`` while another
    process has the name.
    """
    shelf = Shelf(office.settings.memory_mb << 20)
    roll = Roll(office, name, works=work, take_over=_take_over, each_beat=_tidying(office, shelf))
    roll.enter()
    let_many_in(office.settings.durable_database)
    engine = steps_engine(office.settings.durable_database, password_file=office.settings.database_password_file)
    queues: dict[str, Queue] = {}
    opened = Event()
    _desk[:] = [_Desk(office, shelf, roll, queues, opened, engine, Patience(office.settings.patience_seconds))]
    config: DBOSConfig = {
        "name": "counterfoil-broker",
        "system_database_url": office.settings.durable_database,
        "system_database_engine": engine,
        "application_version": _VERSION,
        "executor_id": name,
        "log_level": level_of_libraries(office.settings, "error").upper(),
    }
    DBOS(config=config)
    if not work:
        DBOS.listen_queues([])
    DBOS.launch()
    for queue, most in _AT_ONCE.items():
        queues[queue] = DBOS.register_queue(queue, worker_concurrency=most, polling_interval_sec=_POLL_SECONDS)
    opened.set()
    take_up_all(office)
    roll.start()


def stop() -> None:
    """Let the running step end and leave the rest to the next start, or to others."""
    for desk in _desk:
        desk.patience.end()
    DBOS.destroy()
    for desk in _desk:
        desk.roll.leave()
        if desk.engine is not None:
            desk.engine.dispose()
    _desk.clear()


def is_alive() -> bool:
    """Whether this process is on the roll and goes on telling the others so."""
    return bool(_desk) and _desk[0].roll.is_kept()


def waiting() -> dict[str, int]:
    """How many items each queue holds that nobody has taken."""
    held = dict.fromkeys(_AT_ONCE, 0)
    for item in DBOS.list_queued_workflows(status="ENQUEUED", load_input=False, load_output=False):
        if item.queue_name in held:
            held[item.queue_name] += 1
    return held


def take_up(run: str, state: State) -> None:
    """Begin what a run in this state waits for, as a matched one does once all control rows are opened; doing so twice
    is the same as once."""
    if state is State.ACCEPTED:
        _enqueue(_MATCH, match_run, run)
    elif state is State.MATCHED:
        _enqueue(_OPEN, open_run, run)
    elif state is State.APPROVED:
        _enqueue(_RELEASE, release_run, run)


def take_up_all(office: Office) -> None:
    """Take up every run that waits: also one whose beginning was noted just before whoever noted it died."""
    with office.store.transaction("find runs to take up") as connection:
        waiting = [(row["id"], State(row["state"])) for row in runs.unfinished(connection)]
        for row in runs.committed(connection):
            if len(openings.of_run(connection, row["id"])) == len(row["uploads"]):
                waiting += [(row["id"], State.MATCHED)]
    for run, state in waiting:
        take_up(run, state)


def _enqueue(queue: str, workflow: Callable[[str], None], run: str) -> None:
    with SetWorkflowID(f"{run}-{queue}"):
        _queue(queue).enqueue(workflow, run)


def _queue(name: str) -> Queue:
    desk = _here()
    desk.opened.wait()
    return desk.queues[name]


def _step(*, bounded: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A step that waits while the database is away or the disk is full, and is done again then."""

    def made(work: Callable[..., Any]) -> Callable[..., Any]:
        @DBOS.step()
        @wraps(work)
        def step(*args: Any) -> Any:
            return _here().patience.insist(lambda: work(*args), bounded=bounded)

        return step

    return made


@DBOS.workflow()
def match_run(run: str) -> None:
    """Compare, decide, and wait for approval."""
    try:
        compare = _queue(_COMPARE)
        under_way = [compare.enqueue(compare_tasks, run, tasks_) for tasks_ in _survey(run)]
        for handle in under_way:
            problem = handle.get_result(polling_interval_sec=_POLL_SECONDS)
            if problem is not None:
                _fail(run, problem)
                return
        _decide(run)
        _change(run, State.MATCHED.value)
        _forget_pairs(run)
    except Overtaken:
        return
    except CounterfoilError as error:
        _fail(run, as_problem(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the run must not hang, and must not say more
        _fail(run, _unexpected(error))


@DBOS.workflow()
def compare_tasks(run: str, tasks_: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Find the pairs of some tasks; what went wrong, or nothing."""
    try:
        for task in tasks_:
            _find(run, task)
    except Overtaken:
        return None
    except CounterfoilError as error:
        return as_problem(error)
    except Exception as error:  # noqa: BLE001 - as above
        return _unexpected(error)
    return None


@DBOS.workflow()
def open_run(run: str) -> None:
    """Show the control rows of all holders, and tell the outcome without them."""
    try:
        _show(run)
    except CounterfoilError as error:
        _fail(run, as_problem(error), State.MATCHED.value)
    except Exception as error:  # noqa: BLE001 - as above
        _fail(run, _unexpected(error), State.MATCHED.value)


@DBOS.workflow()
def release_run(run: str) -> None:
    """Make one token for every row of every holder."""
    try:
        _release(run)
        _change(run, State.RELEASED.value)
    except CounterfoilError as error:
        _fail(run, as_problem(error))
    except Exception as error:  # noqa: BLE001 - as above
        _fail(run, _unexpected(error))


@_step()
def _survey(run: str) -> list[list[dict[str, Any]]]:
    office, inputs = _here().office, _inputs(run)
    Attention(office, run)()
    with office.store.transaction("note that comparing begins") as connection:
        runs.note(connection, run, begun_at=office.stamp())
    matching.survey(inputs)
    together = batches(inputs.plan(), inputs.rows, inputs.task_pairs)
    return [[task.to_json() for task in batch] for batch in together]


@_step()
def _find(run: str, task: dict[str, Any]) -> None:
    desk, work = _here(), Task.from_json(task)
    office, attention = desk.office, Attention(desk.office, run)
    with desk.comparing:
        attention()
        pairs = matching.find(_inputs(run), work, halt=attention)
    with office.store.transaction("note task") as connection:
        row = runs.get_locked(connection, run)
        wanted = row is not None and row["state"] == State.ACCEPTED
        if wanted:
            tasks.done(connection, run, work.number, pairs=pairs, worker=desk.roll.name, at=office.stamp())
    if not wanted:  # the links were decided, and all pairs forgotten, while this worker was taken for dead
        forget_pairs(office, run, {work.number: pairs})
    metrics.TASKS.inc()


@_step()
def _decide(run: str) -> None:
    office = _here().office
    Attention(office, run)()
    inputs = _inputs(run)
    noted: dict[str, Any] = {"outcome": deciding.decide(inputs, _found(office, run))}
    if inputs.agreement.terms.control.rows:
        noted = {"links": opening.commit(inputs)}  # the outcome is told once all have opened their control rows
    with office.store.transaction("note outcome") as connection:
        runs.note(connection, run, **noted)


@_step()
def _forget_pairs(run: str) -> None:
    office = _here().office
    forget_pairs(office, run, _found(office, run))


@_step()
def _show(run: str) -> None:
    office = _here().office
    outcome = opening.show(_inputs(run))
    with office.store.transaction("note outcome without control rows") as connection:
        runs.note(connection, run, outcome=outcome)


@_step()
def _release(run: str) -> None:
    release.release(_here().office, run)


@_step()
def _change(run: str, state: str) -> None:
    office = _here().office
    with office.store.transaction("change state of run") as connection:
        before = runs.get_locked(connection, run)
        change_state(office, connection, run, State(state))
    metrics.run_changed(before, State(state), office.now())


@_step(bounded=False)
def _fail(run: str, problem: dict[str, Any], *states: str) -> None:
    """A run that somebody else has ended, or has taken further, stays as it is: one in none of ``states``, if given."""
    office = _here().office
    with office.store.transaction("fail run") as connection:
        row = runs.get_locked(connection, run)
        if row is not None and row["state"] in (states or (State.ACCEPTED, State.APPROVED)):
            change_state(office, connection, run, State.FAILED, problem=problem)


def _found(office: Office, run: str) -> dict[int, int]:
    with office.store.transaction("read tasks") as connection:
        return {row["number"]: row["pairs"] for row in tasks.of_run(connection, run)}


def _inputs(run: str) -> Inputs:
    desk = _here()
    return open_inputs(desk.office, run, desk.shelf)


def _here() -> _Desk:
    if not _desk:
        raise RuntimeError("the broker's runner has not been started")
    return _desk[0]


def _take_over(name: str) -> None:
    DBOS._recover_pending_workflows([name])


def _tidying(office: Office, shelf: Shelf) -> Callable[[], None]:
    """At each beat: let go of encodings once their run is no longer being matched. Now and then: take up what waits."""
    beats = count(1)

    def tidy() -> None:
        if shelf.bytes:
            with office.store.transaction("look which runs are under way") as connection:
                shelf.keep_only({row["id"] for row in runs.unfinished(connection) if row["state"] == State.ACCEPTED})
        if next(beats) % _BEATS_BETWEEN == 0:
            take_up_all(office)

    return tidy


def _unexpected(error: Exception) -> dict[str, Any]:
    metrics.RUN_ERRORS.inc()
    say("run stopped", error)
    return {
        "what": f"The broker met an unexpected error ({type(error).__name__}).",
        "remedy": "Ask the broker's operator to read the log, then start another run.",
    }
