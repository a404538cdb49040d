"""``counterfoil log``: what happened, and the proof that nobody changed it since."""

import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from encoder.cli.desk import HERE, Broker, Desk, Folder, Json, PassphraseFd, PassphraseFile
from encoder.cli.files import read_agreement, read_file
from encoder.errors import InputError
from encoder.witness import fetch_log, require_agreement
from encoder.workspace import Workspace
from keys.agreement import Agreement
from keys.canonical import parse
from keys.checkpoint import SignedCheckpoint, parse_note
from keys.errors import LogError
from keys.files import write_whole
from keys.identity import Card
from keys.log import Entry, Log, Verified, require_one_log, verify_log

app = typer.Typer(
    name="log",
    help="The audit log of an agreement: fetch it, verify it offline, read it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Files = Annotated[list[Path], typer.Argument(help="Files that `log fetch` wrote, by one party or several.")]
SignedAgreement = Annotated[
    Path | None, typer.Option("--agreement", help="The agreement that you signed; else the one in --folder.")
]
Cards = Annotated[
    list[Path] | None, typer.Option("--card", help="The parties' cards, instead of the agreement. Repeat for each.")
]
Kept = Annotated[
    list[Path] | None, typer.Option("--checkpoint", help="A checkpoint that somebody kept; it must be in the log.")
]


@app.command()
def fetch(
    broker: Broker,
    folder: Folder = HERE,
    output: Annotated[Path | None, typer.Option(help="Also write the log to this file; it must not exist.")] = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    json_: Json = False,
) -> None:
    """Fetch the log into the folder, check it against what was seen before, and countersign its newest checkpoint.

    Example: counterfoil log fetch --broker https://broker.example
    """
    desk = Desk.open_expired(folder, passphrase_file, passphrase_fd)
    with desk.door(broker) as door:
        log, found = fetch_log(desk.workspace, door, agreement=desk.agreement, identity=desk.identity)
    if output is not None:
        write_whole(output, desk.workspace.log.read_bytes())
    countersigned = {**found.countersigned, desk.party.name: found.entries}
    _tell([desk.workspace.log], [(log, Verified(found.entries, found.newest, countersigned))], json_=json_)


@app.command()
def verify(
    files: Files,
    folder: Folder = HERE,
    agreement: SignedAgreement = None,
    card: Cards = None,
    checkpoint: Kept = None,
    json_: Json = False,
) -> None:
    """Check exported logs offline: every signature, every entry, and that all files are one and the same log.

    Needs no network, no passphrase and no broker. Exit code 1 names the first entry that cannot be trusted.

    Example: counterfoil log verify log.json --agreement agreement.json --checkpoint kept-by-the-icb.note
    """
    kept = [_note(path) for path in checkpoint or []]
    own = Workspace(folder).checkpoint
    if not (agreement or card) and own.is_file():
        kept.append(_note(own))
    logs = []
    for path in files:
        log = _load(path)
        if card:
            _require_cards(log, [_card(one) for one in card], where=str(path))
        else:
            require_agreement(log, _agreement(agreement, folder), where=str(path))
        logs.append((log, verify_log(log, where=str(path), kept=kept)))
    for path, (log, _) in zip(files[1:], logs[1:], strict=True):
        require_one_log(logs[0][0], log, where=f"{files[0]} and {path}")
    _tell(files, logs, json_=json_)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A file that `log fetch` wrote.")],
    run: Annotated[str | None, typer.Option(help="Only what concerns this run: its id or the beginning.")] = None,
    json_: Json = False,
) -> None:
    """Print what happened, one line an entry. Refuses a file that does not hold together.

    The cards are taken from the file itself: `log verify` compares them with those of the agreement you signed.

    Example: counterfoil log show log.json
    """
    log = _load(file)
    verify_log(log, where=str(file))
    chosen = [
        (number, entry)
        for number, entry in enumerate(log.entries, start=1)
        if run is None or str(entry.facts.get("run", "")).startswith(run)
    ]
    if json_:
        sys.stdout.write(json.dumps([{"entry": number, **entry.facts} for number, entry in chosen]) + "\n")
        return
    for number, entry in chosen:
        sys.stdout.write(f"{number:>4}  {_line(entry)}\n")


def _line(entry: Entry) -> str:
    facts = dict(entry.facts)
    at, event = str(facts.pop("at"))[:19].replace("T", " "), facts.pop("event")
    facts.pop("agreement")
    order = [name for name in _ORDER if name in facts] + sorted(facts.keys() - set(_ORDER))
    told = ", ".join(f"{name.replace('_', ' ')} {_short(facts[name])}" for name in order)
    return f"{at} UTC  {event:<20}  {told}"


_ORDER = ("by", "holder", "sender", "receiver", "run", "state", "upload", "uploads", "content_digest")


def _short(value: Any) -> str:
    """As much as tells one from another; --json has it all."""
    if isinstance(value, dict) and "signer" in value:
        return f"signed by {value['signer'][:8]}"
    if isinstance(value, dict):
        return " ".join(f"{name} {_short(one)}" for name, one in value.items())
    text = str(value)
    if text.startswith("sha-256=:"):
        return text[:17]
    return text[:8] if _ID.fullmatch(text) else text


_ID = re.compile("[0-9a-f]{32,}")


def _tell(files: list[Path], logs: list[tuple[Log, Verified]], *, json_: bool) -> None:
    if json_:
        facts = [
            {
                "file": str(path),
                "agreement": log.agreement.id,
                "entries": found.entries,
                "root": found.newest.checkpoint.root.hex(),
                "countersigned": dict(found.countersigned),
            }
            for path, (log, found) in zip(files, logs, strict=True)
        ]
        sys.stdout.write(json.dumps(facts) + "\n")
        return
    for path, (log, found) in zip(files, logs, strict=True):
        sys.stdout.write(
            f"{path}: {found.entries} entries of agreement {log.agreement.id[:16]}, all of them as the broker signed "
            f"them and as the protocol allows\n  root {found.newest.checkpoint.root.hex()}\n"
        )
        for party in log.agreement.parties:
            size = found.countersigned.get(party.name)
            if size is not None:
                sys.stdout.write(f"  countersigned by {party.name} up to entry {size}\n")
        if not found.countersigned:
            sys.stdout.write("  countersigned by nobody: the broker alone vouches for it\n")
    if len(files) > 1:
        sys.stdout.write("The files are one and the same log.\n")


def _load(path: Path) -> Log:
    return Log.from_json(parse(read_file(path), where=str(path)), where=str(path))


def _note(path: Path) -> SignedCheckpoint:
    try:
        return parse_note(read_file(path).decode())
    except (LogError, UnicodeDecodeError):
        raise InputError("This is not a checkpoint.", where=str(path), remedy="Name a file checkpoint.note.") from None


def _card(path: Path) -> Card:
    return Card.from_json(parse(read_file(path), where=str(path)), where=str(path))


def _agreement(path: Path | None, folder: Path) -> Agreement:
    if path is None:
        return Workspace(folder).load_agreement()[0]
    return read_agreement(path)


def _require_cards(log: Log, cards: list[Card], *, where: str) -> None:
    known = {card.fingerprint for card in cards}
    for party in log.agreement.parties:
        if party.card.fingerprint not in known:
            raise InputError(
                f"The card of {party.name} ({party.role.value}) in the log is not among those given.",
                where=where,
                remedy="Give the card of every party with --card, or the agreement that was signed with --agreement.",
            )
