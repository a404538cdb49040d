"""``counterfoil secret``: how the holders come by one secret that nobody else knows."""

import json
import secrets
import sys
from datetime import UTC, datetime

import typer

from encoder import ceremony
from encoder.cli.desk import HERE, Broker, Desk, Folder, Json, PassphraseFd, PassphraseFile, Yes
from encoder.errors import InputError
from encoder.workspace import Workspace
from keys.derive import key_check
from keys.kinds import Sealed

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
    sys.stderr.write("Contributed. When all holders have, run: counterfoil secret receive\n")


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
    sys.stdout.write(f"key check {key_check(made)[:16]}\n")
    sys.stderr.write("Every holder must see the same key check.\n")


@app.command()
def status(folder: Folder = HERE, json_: Json = False) -> None:
    """Say which steps of the ceremony this folder has behind it; no passphrase and no network needed.

    Example: counterfoil secret status
    """
    workspace = Workspace(folder)
    facts = {
        "contributed": workspace.keeps(Sealed.CONTRIBUTION),
        "received": workspace.keeps(Sealed.LINKAGE_SECRET),
    }
    lines = (
        json.dumps(facts)
        if json_
        else "\n".join(f"{name:<12} {'yes' if done else 'no'}" for name, done in facts.items())
    )
    sys.stdout.write(lines + "\n")


@app.command()
def destroy(folder: Folder = HERE, yes: Yes = False) -> None:
    """Delete the secret and the contribution from this folder. Nothing can be encoded for this agreement after it.

    Example: counterfoil secret destroy
    """
    workspace = Workspace(folder)
    if not any(workspace.keeps(kind) for kind in (Sealed.CONTRIBUTION, Sealed.LINKAGE_SECRET)):
        raise InputError("There is no secret here.", where=str(folder), remedy="Name the folder of the agreement.")
    if not yes:
        typer.confirm("Destroy the secret? This is final.", abort=True)
    ceremony.destroy(workspace)
    sys.stderr.write("Destroyed. Copies in backups, if there are any, are still sealed with your passphrase.\n")
