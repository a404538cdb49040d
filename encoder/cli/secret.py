"""``counterfoil secret``: how the holders come by one secret that nobody else knows."""

import json
import secrets
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from encoder import ceremony
from encoder.cli.ask import ask
from encoder.cli.desk import HERE, Broker, Desk, Folder, Json, PassphraseFd, PassphraseFile, Yes
from encoder.errors import InputError
from encoder.workspace import Workspace
from keys.derive import key_check
from keys.kinds import Sealed
from keys.secret import Secret
from keys.words import words_of

app = typer.Typer(name="secret", help="The linkage secret of the holders.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def contribute(
    broker: Broker, folder: Folder = HERE, passphrase_file: PassphraseFile = None, passphrase_fd: PassphraseFd = None
) -> None:
    """Draw this holder's contribution and send it, sealed, to every other holder.

    Example: counterfoil secret contribute --broker https://broker.example
    """
    desk = Desk.open(folder, passphrase_file, passphrase_fd)
    with desk.door(broker) as door:
        ceremony.contribute(
            desk.workspace,
            door,
            agreement=desk.agreement,
            identity=desk.identity,
            now=datetime.now(UTC),
            random=secrets.token_bytes,
        )
    others = [holder.name for holder in desk.agreement.holders() if holder != desk.party]
    sys.stderr.write(f"Contributed, sealed to {' and '.join(others)}.\n")
    sys.stderr.write("When they have contributed too, run: counterfoil secret receive\n")


@app.command()
def receive(
    broker: Broker, folder: Folder = HERE, passphrase_file: PassphraseFile = None, passphrase_fd: PassphraseFd = None
) -> None:
    """Open the other holders' contributions and make the secret; it is kept sealed in the folder.

    Example: counterfoil secret receive --broker https://broker.example
    """
    desk = Desk.open(folder, passphrase_file, passphrase_fd)
    with desk.door(broker) as door:
        made = ceremony.receive(
            desk.workspace,
            door,
            agreement=desk.agreement,
            identity=desk.identity,
            now=datetime.now(UTC),
            random=secrets.token_bytes,
        )
    sys.stdout.write(_told_check(made) + "\n")
    sys.stderr.write("Read the words to the other holders on the phone: everyone must have the same.\n")


@app.command()
def status(
    folder: Folder = HERE,
    broker: Annotated[str | None, typer.Option(help="Also ask the broker at this address who has contributed.")] = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    json_: Json = False,
) -> None:
    """Say which steps of the ceremony this folder has behind it; no passphrase and no network needed.

    With --broker, which asks for the passphrase: also whose contributions have arrived, and the key check.

    Example: counterfoil secret status --broker https://broker.example
    """
    workspace = Workspace(folder)
    facts: dict[str, Any] = {
        "contributed": workspace.keeps(Sealed.CONTRIBUTION),
        "received": workspace.keeps(Sealed.LINKAGE_SECRET),
    }
    lines = [f"{name:<12} {'yes' if done else 'no'}" for name, done in facts.items()]
    if broker is not None:
        desk = Desk.open_expired(folder, passphrase_file, passphrase_fd)
        with desk.door(broker) as door:
            others = ceremony.contributed(door, agreement=desk.agreement, identity=desk.identity)
        facts |= {"others": others, "key_check": None, "words": None}
        lines += [
            f"{name}: {'has contributed' if done else 'has not contributed yet'}" for name, done in others.items()
        ]
        if facts["received"]:
            made = ceremony.recall_secret(workspace, agreement=desk.agreement, identity=desk.identity)
            facts |= {"key_check": key_check(made), "words": words_of(key_check(made))}
            lines.append(_told_check(made))
        else:
            lines.append(_next_step(contributed=facts["contributed"], arrived=all(others.values())))
    sys.stdout.write((json.dumps(facts) if json_ else "\n".join(lines)) + "\n")


def _next_step(*, contributed: bool, arrived: bool) -> str:
    if not contributed:
        return "next: counterfoil secret contribute"
    return "next: counterfoil secret receive" if arrived else "next: wait for the others"


def _told_check(made: Secret) -> str:
    check = key_check(made)
    return f"key check    {check[:16]}\nin words     {words_of(check)}"


@app.command()
def destroy(folder: Folder = HERE, yes: Yes = False) -> None:
    """Delete the secret and the contribution from this folder. Nothing can be encoded for this agreement after it.

    Example: counterfoil secret destroy
    """
    workspace = Workspace(folder)
    if not any(workspace.keeps(kind) for kind in (Sealed.CONTRIBUTION, Sealed.LINKAGE_SECRET)):
        raise InputError("There is no secret here.", where=str(folder), remedy="Name the folder of the agreement.")
    if not yes:
        ask("Destroy the secret? This is final.")
    ceremony.destroy(workspace)
    sys.stderr.write("Destroyed. Copies in backups, if there are any, are still sealed with your passphrase.\n")
