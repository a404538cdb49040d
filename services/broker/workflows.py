"""The durable steps of a run (DBOS): each is recorded when done, and a run goes on where it stopped.

A step returns numbers and names of stored files, never an encoding, a pair or a score. Steps that write files
write them whole, so that repeating one changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dbos import DBOS, DBOSConfig, SetWorkflowID

from keys.errors import CounterfoilError
from keys.protocol import State
from services.broker import matching, release
from services.broker.inputs import InputCache
from services.broker.office import Office
from services.broker.problems import as_problem
from services.broker.states import change_state
from services.broker.store import runs

_VERSION = "1"


@dataclass
class _Desk:
    office: Office
    cache: InputCache


_desk: list[_Desk] = []


def start(office: Office) -> None:
    """Launch the runner in this process and take up every run that a crash left behind."""
    _desk[:] = [_Desk(office, InputCache())]
    config: DBOSConfig = {
        "name": "counterfoil-broker",
        "system_database_url": office.settings.durable_database,
        "application_version": _VERSION,
        "executor_id": "broker",
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    with office.store.transaction("find runs to take up") as connection:
        waiting = [(row["id"], State(row["state"])) for row in runs.unfinished(connection)]
    for run, state in waiting:
        take_up(run, state)


def stop() -> None:
    """Let the running step end and leave the rest to the next start."""
    DBOS.destroy()
    _desk.clear()


def take_up(run: str, state: State) -> None:
    """Begin what a run in this state waits for; doing so twice is the same as once."""
    if state is State.ACCEPTED:
        with SetWorkflowID(f"{run}-match"):
            DBOS.start_workflow(match_run, run)
    elif state is State.APPROVED:
        with SetWorkflowID(f"{run}-release"):
            DBOS.start_workflow(release_run, run)


@DBOS.workflow()
def match_run(run: str) -> None:
    """Compare, decide, and wait for approval."""
    try:
        for task in _plan(run):
            _find(run, task)
        _decide(run)
        _change(run, State.MATCHED.value)
    except CounterfoilError as error:
        _fail(run, as_problem(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the run must not hang, and must not say more
        _fail(run, _unexpected(error))
    finally:
        _here().cache.forget(run)


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


@DBOS.step()
def _plan(run: str) -> list[dict[str, Any]]:
    desk = _here()
    return [task.to_json() for task in matching.plan(desk.cache.of(desk.office, run))]


@DBOS.step()
def _find(run: str, task: dict[str, Any]) -> int:
    desk = _here()
    work = matching.Task.from_json(task)
    matching.find(desk.office, run, desk.cache.of(desk.office, run), work)
    with desk.office.store.transaction("count compared pairs") as connection:
        runs.note(connection, run, pairs_compared=work.compared_after)
    return work.number


@DBOS.step()
def _decide(run: str) -> None:
    desk = _here()
    outcome = matching.decide(desk.office, run, desk.cache.of(desk.office, run))
    with desk.office.store.transaction("note outcome") as connection:
        runs.note(connection, run, outcome=outcome)


@DBOS.step()
def _release(run: str) -> None:
    release.release(_here().office, run)


@DBOS.step()
def _change(run: str, state: str) -> None:
    office = _here().office
    with office.store.transaction("change state of run") as connection:
        change_state(office, connection, run, State(state))


@DBOS.step()
def _fail(run: str, problem: dict[str, Any]) -> None:
    office = _here().office
    with office.store.transaction("fail run") as connection:
        change_state(office, connection, run, State.FAILED, problem=problem)


def _here() -> _Desk:
    if not _desk:
        raise RuntimeError("the broker's runner has not been started")
    return _desk[0]


def _unexpected(error: Exception) -> dict[str, Any]:
    DBOS.logger.error("run stopped by %s", type(error).__name__)
    return {
        "what": f"The broker met an unexpected error ({type(error).__name__}).",
        "remedy": "Ask the broker's operator to read the log, then start another run.",
    }
