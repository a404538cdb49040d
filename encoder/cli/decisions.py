"""What an IG lead decides about a matched run: approve, decline."""

import sys
from typing import Any

from encoder.cli.ask import ask
from encoder.cli.desk import HERE, Broker, Desk, Folder, PassphraseFd, PassphraseFile, Run, Yes
from encoder.door import Door
from encoder.errors import InputError
from encoder.outcome import tell, told_awaited
from encoder.waiting import look
from encoder.witness import witness
from encoder.workspace import own_party
from keys.agreement import Role
from keys.kinds import Declared
from keys.protocol import State
from keys.statement import declare

_ADDRESS = {Declared.APPROVAL: "approvals", Declared.REFUSAL: "refusals"}


def approve(
    run: Run,
    broker: Broker,
    folder: Folder = HERE,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    yes: Yes = False,
) -> None:
    """As an IG lead, approve the release of a run. The IG leads of two holders must.

    Example: counterfoil approve 3f0c... --broker https://broker.example
    """
    desk = Desk.open(folder, passphrase_file, passphrase_fd)
    question = None if yes else f"Approve the {desk.agreement.terms.release.value} release of run {run}?"
    answer = _decide(desk, run, Declared.APPROVAL, broker=broker, question=question)
    sys.stdout.write(f"{desk.party.name} approved; approved by: {', '.join(answer['approved_by'])}\n")


def decline(
    run: Run,
    broker: Broker,
    folder: Folder = HERE,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    yes: Yes = False,
) -> None:
    """As an IG lead, refuse the release of a run. That is final for this run; the holders may start another.

    Example: counterfoil decline 3f0c... --broker https://broker.example
    """
    desk = Desk.open(folder, passphrase_file, passphrase_fd)
    question = None if yes else f"Refuse the release of run {run}? Nothing of it will be released."
    _decide(desk, run, Declared.REFUSAL, broker=broker, question=question)
    sys.stdout.write(f"{desk.party.name} refused; run {run} is declined\n")


def _decide(desk: Desk, run: str, kind: Declared, *, broker: str, question: str | None) -> Any:
    """Show the run, ask unless there is nothing to ask, sign and send; the broker's answer, its log checked."""
    own_party(desk.agreement, desk.identity, Role.IG_LEAD)
    with desk.door(broker) as door:
        _show(desk, door, run)
        if question is not None:
            ask(question)
        statement = declare(desk.identity, kind, {"agreement": desk.agreement.id, "run": run})
        answer = door.post(f"/v1/runs/{run}/{_ADDRESS[kind]}", statement.to_json())
        witness(desk.workspace, door, agreement=desk.agreement, identity=desk.identity)
    return answer


def _show(desk: Desk, door: Door, run: str) -> None:
    """What is about to be decided, on stderr. Raises ``InputError`` when there is nothing to decide."""
    status = look(door, run)
    if status["agreement"] != desk.agreement.id:
        raise InputError("The run is of another agreement.", where=run, remedy="Name a run of this agreement.")
    lines = [
        f"{desk.agreement.terms.title}: run {run} of {status['started_at'][:19]} UTC is {status['state']}",
        f"approved by: {', '.join(status['approved_by']) or 'nobody'}",
    ]
    if status["state"] == State.MATCHED:
        lines += told_awaited(status) or tell(status["outcome"] or {}, desk.agreement.terms)
    sys.stderr.write("\n".join(lines) + "\n")
