"""The commands of a linkage under way: submit, upload, start, list, status."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from encoder.cli.ask import ask
from encoder.cli.desk import (
    HERE,
    Broker,
    Desk,
    Folder,
    Json,
    PassphraseFd,
    PassphraseFile,
    Run,
    Yes,
    door,
    patience,
    unlock,
)
from encoder.cli.files import read_agreement
from encoder.cli.progress import shown
from encoder.door import Door
from encoder.outcome import tell, told_awaited
from encoder.runs import runs_of
from encoder.sheet import sha256_of
from encoder.upload import require_packed
from encoder.upload import upload as send_upload
from encoder.waiting import look, until_ended
from encoder.wording import counted, duration
from encoder.workspace import Workspace, own_party
from keys.agreement import Agreement, Role
from keys.protocol import State


def submit(
    agreement: Annotated[Path, typer.Argument(help="The agreement that all parties have signed.")],
    broker: Broker,
    folder: Folder = HERE,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
) -> None:
    """Hand a signed agreement to the broker, and keep it with the broker's key for it. Every party may do so.

    Example: counterfoil submit agreement.json --broker https://broker.example
    """
    found = read_agreement(agreement)
    found.require_in_force(datetime.now(UTC))
    identity = unlock(folder, passphrase_file, passphrase_fd)
    with door(broker, identity, found) as opened:
        receiving = opened.post("/v1/agreements", found.to_json())
    Workspace(folder).save_agreement(found, receiving)
    sys.stderr.write(f"Agreement {found.id} is in force at the broker.\n")


def upload(
    broker: Broker,
    folder: Folder = HERE,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Send the sealed upload, after showing what it is; keep the broker's signed receipt.

    If the connection is cut, give the same command again: what has arrived is not sent twice. Once the upload has been
    accepted, the command shows the same receipt again and changes nothing.

    Example: counterfoil upload --broker https://broker.example
    """
    desk = Desk.open(folder, passphrase_file, passphrase_fd)
    own_party(desk.agreement, desk.identity, Role.HOLDER)
    require_packed(desk.workspace)
    sha256 = sha256_of(desk.workspace.upload)
    size = desk.workspace.upload.stat().st_size
    sys.stderr.write(f"{desk.workspace.upload}: {size:,} bytes, SHA-256 {sha256}, to {broker}\n")
    if not yes:
        ask("Send it?")
    with desk.door(broker) as opened, shown("Uploading") as count:
        receipt = send_upload(
            desk.workspace,
            opened,
            agreement=desk.agreement,
            identity=desk.identity,
            patience=patience(),
            progress=count,
        )
    if json_:
        sys.stdout.write(json.dumps(dict(receipt)) + "\n")
        return
    sys.stdout.write(
        f"accepted {counted(receipt['rows'], 'row')} as upload {receipt['upload']}, "
        f"entry {receipt['entry']} of the log\n"
    )


def start(
    broker: Broker, folder: Folder = HERE, passphrase_file: PassphraseFile = None, passphrase_fd: PassphraseFd = None
) -> None:
    """Start a run on the newest upload of every holder, and print its id.

    Example: counterfoil start --broker https://broker.example
    """
    desk = Desk.open(folder, passphrase_file, passphrase_fd)
    with desk.door(broker) as opened:
        answer = opened.post(f"/v1/agreements/{desk.agreement.id}/runs", {})
    sys.stdout.write(f"{answer['run']}\n")


def cancel(
    run: Run,
    broker: Broker,
    folder: Folder = HERE,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    yes: Yes = False,
) -> None:
    """As a holder or an IG lead, stop a run whose links are not decided yet. Another run may be started.

    Example: counterfoil cancel 3f0c... --broker https://broker.example
    """
    desk = Desk.open(folder, passphrase_file, passphrase_fd)
    with desk.door(broker) as opened:
        answer = look(opened, run)
        if not yes:
            ask(f"Cancel run {run}, of which {answer['percent']} % is compared? What is done of it is lost.")
        opened.post(f"/v1/runs/{run}/cancellation", {})
    sys.stdout.write(f"run {run} is cancelled\n")


def runs(
    broker: Broker,
    folder: Folder = HERE,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    json_: Json = False,
) -> None:
    """List the agreement's runs, newest first: id, state, when it was started and when its state changed (UTC).

    Example: counterfoil runs --broker https://broker.example
    """
    desk = Desk.open_expired(folder, passphrase_file, passphrase_fd)
    with desk.door(broker) as opened:
        found = list(runs_of(opened, desk.agreement.id))
    if json_:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for one in found:
        started, changed = (one[name][:16].replace("T", " ") for name in ("started_at", "changed_at"))
        sys.stdout.write(f"{one['run']}  {one['state']:<9}  {started}  {changed}\n")
    if not found:
        sys.stderr.write("There has been no run. A holder starts one: counterfoil start\n")


def status(
    run: Run,
    broker: Broker,
    folder: Folder = HERE,
    wait: Annotated[
        bool, typer.Option("--wait", help="Ask again until the run has ended; 1 if it is not released.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    json_: Json = False,
) -> None:
    """Show how far a run is, who has approved its release, and the counts that may be shown: to IG leads once it is
    matched, to the other parties once it is released.

    Example: counterfoil status 3f0c... --broker https://broker.example
    """
    desk = Desk.open_expired(folder, passphrase_file, passphrase_fd)
    with desk.door(broker) as opened:
        answer = _wait(opened, run) if wait else look(opened, run)
    if json_:
        sys.stdout.write(json.dumps(answer) + "\n")
    else:
        _show(answer, desk.agreement)
    if wait and answer["state"] != State.RELEASED:
        raise typer.Exit(1)


def _wait(opened: Door, run: str) -> dict[str, Any]:
    with shown("Comparing") as count:

        def seen(answer: dict[str, Any], *, changed: bool) -> None:
            if changed:
                sys.stderr.write(f"{answer['state']}, {answer['percent']} % compared\n")
            count(answer["percent"], 100)

        return until_ended(opened, run, patience=patience(), seen=seen)


def _left(answer: dict[str, Any]) -> str:
    seconds = answer.get("seconds_left")
    if seconds is None:
        return ""
    return f", about {duration(seconds)} left"


def _show(answer: dict[str, Any], agreement: Agreement) -> None:
    sys.stdout.write(f"{answer['state']}, {answer['percent']} % compared{_left(answer)}\n")
    sys.stdout.write(f"approved by: {', '.join(answer['approved_by']) or 'nobody'}\n")
    awaited = told_awaited(answer)
    sys.stdout.write("".join(f"{line}\n" for line in awaited))
    if answer["problem"]:
        sys.stdout.write(f"{answer['problem']['what']} {answer['problem']['remedy']}\n")
    if answer["outcome"]:
        sys.stdout.write("\n".join(tell(answer["outcome"], agreement.terms)) + "\n")
    elif answer["state"] in (State.MATCHED, State.APPROVED) and not awaited:
        sys.stdout.write("counts: for IG leads now, for the other parties once the run is released\n")
