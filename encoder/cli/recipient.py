"""The recipient's commands: open a run, join the holders' attribute files."""

import json
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from encoder.cli.desk import HERE, Broker, Desk, Folder, Json, PassphraseFd, PassphraseFile, Run, patience
from encoder.errors import InputError
from encoder.join import Joined, RunKey, Unmatched, open_run_key
from encoder.join import join as join_files
from encoder.results import require_rows
from encoder.shape import Shape
from encoder.waiting import fetch_release
from encoder.wording import counted
from encoder.workspace import own_party
from keys.agreement import Role
from keys.kinds import Sealed
from keys.terms import Release


def open_(
    run: Run,
    broker: Broker,
    folder: Folder = HERE,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
) -> None:
    """As the recipient, fetch the key that opens a run's tokens; it is kept sealed in the folder.

    Only a blind release has tokens. After an open release the files can be joined right away.

    Example: counterfoil open 3f0c... --broker https://broker.example
    """
    desk = Desk.open(folder, passphrase_file, passphrase_fd)
    own_party(desk.agreement, desk.identity, Role.RECIPIENT)
    require_rows(desk.agreement)
    if desk.agreement.terms.release is not Release.BLIND:
        raise InputError(
            "The agreement says open: its files hold link keys, and no token needs a key.",
            remedy="Go on with: counterfoil join",
        )
    with desk.door(broker) as opened:
        sealed = fetch_release(opened, run, patience=patience())
    key = open_run_key(sealed, agreement=desk.agreement, identity=desk.identity)
    if key.run != run:
        raise InputError("The broker sent the key of another run.", remedy="Ask the broker's operator.")
    desk.workspace.keep(
        _kind(run), key.key, agreement=desk.agreement.id, identity=desk.identity, random=secrets.token_bytes
    )
    sys.stdout.write(f"run {run} can be joined\n")


def join(
    run: Run,
    file: Annotated[
        list[str], typer.Option("--file", help="A holder's attribute file, NAME=FILE, CSV or Parquet; once per holder.")
    ],
    output: Annotated[Path, typer.Option(help="File to write: CSV or Parquet, by its name.")] = Path("linked.csv"),
    unmatched: Annotated[
        Unmatched,
        typer.Option(
            help="Rows that are linked with no row of another file: drop them, or keep them with the other holders' "
            "columns empty."
        ),
    ] = Unmatched.DROP,
    shape: Annotated[
        Shape,
        typer.Option(
            help="wide: the holders' rows of one link key side by side; long: each row of a file in a row of its own."
        ),
    ] = Shape.WIDE,
    sha256: Annotated[
        list[str] | None,
        typer.Option("--sha256", help="What the holder told of its file, NAME=SHA-256; another file is refused."),
    ] = None,
    folder: Folder = HERE,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    json_: Json = False,
) -> None:
    """Join the holders' attribute files by link key. Needs no network.

    One row per link key; the column holders says in whose files it stands. With three holders or more a row is
    linked if it is with any of the others. Link keys are this recipient's own pseudonyms after a blind release:
    another recipient, or another agreement, gets others.

    Where the agreement lets a link have any number of rows of one holder, a link key has one row per combination of
    its holders' rows, as in a join of a database: count children by link key, not by row, and do not add up
    columns. --shape long is for that: it gives each row of a file once, with a column holder that says of whose
    file. More than 1,000 combinations of one link key are refused.

    A token that stands twice is refused, and so is a link key that stands twice in a file unless the agreement says any
    number: the file was doubled, put together from several or edited. A file that lost rows, or after an open release
    with any number one that was doubled, is noticed only by its number of rows and its SHA-256, which its holder was
    shown too: compare them, or give --sha256.

    Example: counterfoil join 3f0c... --file council=council.csv --file icb=icb.parquet --output linked.csv

    Example, with the children known to one holder only: counterfoil join 3f0c... --file council=council.csv
    --file icb=icb.parquet --unmatched keep --output everyone.parquet
    """
    desk = Desk.open(folder, passphrase_file, passphrase_fd)
    own_party(desk.agreement, desk.identity, Role.RECIPIENT)
    require_rows(desk.agreement)
    holders = [holder.name for holder in desk.agreement.holders()]
    files = {name: Path(path) for name, path in by_holder("--file", file, holders).items()}
    expected = by_holder("--sha256", sha256 or [], holders)
    joined = join_files(
        files,
        output,
        run_key=run_key_of(desk, run),
        pseudonym_key=pseudonym_key_of(desk),
        unmatched=unmatched,
        shape=shape,
        rows_of_one_holder=desk.agreement.terms.decision.rows_of_one_holder,
        expected=expected,
    )
    absent = [name for name in holders if name not in files]
    if absent:
        sys.stderr.write(f"No file of {', '.join(absent)}: rows linked with no others count as not linked.\n")
    _tell(joined, unmatched, shape, json_=json_)


def by_holder(option: str, given: Sequence[str], holders: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE, each name once."""
    found: dict[str, str] = {}
    for one in given:
        name, _, value = one.partition("=")
        if not value or name not in holders or name in found:
            raise InputError(
                f"{option} takes NAME=VALUE, each holder once.",
                remedy=f"The agreement's holders are: {', '.join(holders)}.",
            )
        found[name] = value
    return found


def run_key_of(desk: Desk, run: str) -> RunKey | None:
    """The key that ``open`` kept; None where there are no tokens."""
    if desk.agreement.terms.release is not Release.BLIND:
        return None
    if not desk.workspace.keeps(_kind(run)):
        raise InputError(
            "The key of this run is not here.", where=str(desk.workspace.root), remedy=f"First: counterfoil open {run}"
        )
    return RunKey(run, desk.workspace.recall(_kind(run), agreement=desk.agreement.id, identity=desk.identity))


def pseudonym_key_of(desk: Desk) -> bytes:
    """What makes link keys this recipient's own; drawn at the first join of the agreement and kept."""
    if not desk.workspace.keeps(Sealed.PSEUDONYM_KEY):
        desk.workspace.keep(
            Sealed.PSEUDONYM_KEY,
            secrets.token_bytes(32),
            agreement=desk.agreement.id,
            identity=desk.identity,
            random=secrets.token_bytes,
        )
    return desk.workspace.recall(Sealed.PSEUDONYM_KEY, agreement=desk.agreement.id, identity=desk.identity)


def _tell(joined: Joined, unmatched: Unmatched, shape: Shape, *, json_: bool) -> None:
    """Exact numbers: the rows are the recipient's own."""
    if json_:
        facts = {
            "holders": {
                name: {
                    "file": str(share.path),
                    "sha256": share.sha256,
                    "rows": share.rows,
                    "linked": share.linked,
                    "not_linked": share.not_linked,
                    "link_keys_with_several_rows": share.several,
                }
                for name, share in joined.shares.items()
            },
            "unmatched": unmatched.value,
            "shape": shape.value,
            "linked": joined.linked,
            "link_keys": joined.link_keys,
            "link_keys_with_several_rows": joined.several,
            "written": joined.written,
            "output": str(joined.path),
        }
        sys.stdout.write(json.dumps(facts) + "\n")
        return
    fate = "kept" if unmatched is Unmatched.KEEP else "dropped"
    for name, share in joined.shares.items():
        several = f"; {_several(share.several)} here" if share.several else ""
        sys.stdout.write(
            f"{name}: {counted(share.rows, 'row')} in {share.path}, {share.linked:,} linked, "
            f"{share.not_linked:,} not linked ({fate}){several}\n  SHA-256 {share.sha256}\n"
        )
    rows = f"{counted(joined.written, 'row')} in {joined.path}"
    if joined.written == joined.link_keys:
        sys.stdout.write(f"{rows}, {joined.linked:,} of them linked\n")
        return
    sys.stdout.write(f"{rows}, of {counted(joined.link_keys, 'link key')}, {joined.linked:,} of them linked\n")
    several = f": {_several(joined.several)} of a holder" if joined.several else ""
    sys.stdout.write(f"Count children by link key, not by row{several}\n")


def _several(link_keys: int) -> str:
    return counted(link_keys, "link key has several rows", "link keys have several rows")


def _kind(run: str) -> str:
    return f"{Sealed.RUN_KEY} {run}"
