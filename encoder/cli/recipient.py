"""The recipient's commands: open a run, join the holders' attribute files."""

import json
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from encoder.cli.desk import HERE, Broker, Desk, Folder, Json, PassphraseFd, PassphraseFile, Run
from encoder.errors import InputError
from encoder.join import RunKey, open_run_key
from encoder.join import join as join_files
from encoder.workspace import own_party
from keys.agreement import Role
from keys.terms import Release

PSEUDONYM_KEY = "pseudonym key"


def open_(
    run: Run,
    broker: Broker,
    folder: Folder = HERE,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
) -> None:
    """As the recipient, fetch the key that opens a run's tokens; it is kept sealed in the folder.

    Example: counterfoil open 3f0c... --broker https://broker.example
    """
    desk = Desk.open(folder, passphrase_file, passphrase_fd)
    own_party(desk.agreement, desk.identity, Role.RECIPIENT)
    with desk.door(broker) as opened:
        sealed = opened.get_bytes(f"/v1/runs/{run}/release")
    key = open_run_key(sealed, agreement=desk.agreement, identity=desk.identity)
    desk.workspace.keep(
        _kind(key.run), key.key, agreement=desk.agreement.id, identity=desk.identity, random=secrets.token_bytes
    )
    sys.stdout.write(f"run {key.run} can be joined\n")


def join(
    run: Run,
    file: Annotated[
        list[str], typer.Option("--file", help="A holder's attribute file, NAME=FILE.csv; once per holder.")
    ],
    output: Annotated[Path, typer.Option(help="CSV to write.")] = Path("linked.csv"),
    keep_unmatched: Annotated[bool, typer.Option("--keep-unmatched", help="Keep rows that are not linked.")] = False,
    folder: Folder = HERE,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    json_: Json = False,
) -> None:
    """Join the holders' attribute files by link key. Needs no network.

    Link keys are this recipient's own pseudonyms: another recipient, or another agreement, gets others.

    Example: counterfoil join 3f0c... --file council=council.csv --file icb=icb.csv --output linked.csv
    """
    desk = Desk.open(folder, passphrase_file, passphrase_fd)
    own_party(desk.agreement, desk.identity, Role.RECIPIENT)
    files = {}
    for one in file:
        name, equals, path = one.partition("=")
        if not equals or name not in {holder.name for holder in desk.agreement.holders()} or name in files:
            raise InputError("--file takes NAME=FILE, each holder once.", remedy="Use the agreement's holder names.")
        files[name] = Path(path)
    run_key = None
    if desk.agreement.terms.release is Release.BLIND:
        recalled = desk.workspace.recall(_kind(run), agreement=desk.agreement.id, identity=desk.identity)
        run_key = RunKey(run, recalled)
    if not desk.workspace.keeps(PSEUDONYM_KEY):
        desk.workspace.keep(
            PSEUDONYM_KEY,
            secrets.token_bytes(32),
            agreement=desk.agreement.id,
            identity=desk.identity,
            random=secrets.token_bytes,
        )
    pseudonym_key = desk.workspace.recall(PSEUDONYM_KEY, agreement=desk.agreement.id, identity=desk.identity)
    joined = join_files(files, output, run_key=run_key, pseudonym_key=pseudonym_key, keep_unmatched=keep_unmatched)
    facts = {"rows": dict(joined.rows), "written": joined.linked, "output": str(joined.path)}
    if json_:
        sys.stdout.write(json.dumps(facts) + "\n")
    else:
        read = ", ".join(f"{name} {rows:,}" for name, rows in joined.rows.items())
        sys.stdout.write(f"read {read}; wrote {joined.linked:,} rows to {joined.path}\n")


def _kind(run: str) -> str:
    return f"run key {run}"
