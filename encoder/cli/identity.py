"""``counterfoil identity``: make, show, hand out and replace the keys of a party."""

import json
import secrets
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from encoder.cli.files import read_file
from keys.canonical import canonical, parse
from keys.files import refuse_existing, write_whole
from keys.identity import Card, Identity, card_of
from keys.passphrase import read_passphrase
from keys.rotation import declare_rotation, read_rotation
from keys.words import words_of

app = typer.Typer(
    name="identity",
    help="The keys of a party: make, show, hand out, replace.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

File = Annotated[Path, typer.Argument(help="The identity file.")]
Output = Annotated[Path, typer.Option(help="File to write; it must not exist.")]
PassphraseFile = Annotated[Path | None, typer.Option(help="File with the passphrase; else it is asked for.")]
PassphraseFd = Annotated[int | None, typer.Option(help="Open file descriptor to read the passphrase from.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Name of the party, as others will see it.")],
    output: Output = Path("identity.json"),
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    json_: Json = False,
) -> None:
    """Make the keys of a party and lock them with a passphrase.

    Example: counterfoil identity create --name "Example Council" --output council.identity.json
    """
    refuse_existing(output, replace=False)
    passphrase = read_passphrase(file=passphrase_file, descriptor=passphrase_fd, repeat=True)
    identity = Identity.create(name, random=secrets.token_bytes)
    write_whole(output, identity.lock(passphrase, random=secrets.token_bytes), private=True)
    sys.stderr.write("A lost passphrase is final: nobody can open this identity without it.\n")
    _tell(identity.card, json_)


@app.command()
def show(file: File, json_: Json = False) -> None:
    """Show whose identity or card a file is, with its fingerprint as words to read out on the phone.

    Example: counterfoil identity show council.identity.json
    """
    _tell(_card(file), json_)


@app.command()
def card(file: File, output: Output = Path("card.json")) -> None:
    """Write the public card of an identity, to be given to the other parties.

    Example: counterfoil identity card council.identity.json --output council.card.json
    """
    write_whole(output, canonical(_card(file).to_json()))
    sys.stderr.write(f"Give {output} to the other parties, and compare the fingerprint by another way.\n")


@app.command()
def rotate(
    file: File,
    output: Output,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
) -> None:
    """Make new keys for the same party, and a statement signed by the old ones that names the new card.

    Agreements name cards, so those in force go on with the old identity; new ones name the new card.

    Example: counterfoil identity rotate council.identity.json --output council-2.identity.json
    """
    statement = output.with_suffix(".rotation.json")
    for path in (output, statement):
        refuse_existing(path, replace=False)
    passphrase = read_passphrase(file=passphrase_file, descriptor=passphrase_fd)
    old = Identity.unlock(read_file(file), passphrase, where=str(file))
    new = Identity.create(old.card.name, random=secrets.token_bytes)
    write_whole(output, new.lock(passphrase, random=secrets.token_bytes), private=True)
    write_whole(statement, canonical(declare_rotation(old, new.card).to_json()))
    _tell(new.card, False)
    sys.stderr.write(f"Give {statement} to the other parties: counterfoil identity check-rotation reads it.\n")


@app.command("check-rotation")
def check_rotation(
    file: Annotated[Path, typer.Argument(help="The statement that `identity rotate` wrote, from the other party.")],
    card: Annotated[Path, typer.Option(help="The card of that party as you have had it until now.")],
    output: Annotated[Path | None, typer.Option(help="Write the new card to this file; it must not exist.")] = None,
    json_: Json = False,
) -> None:
    """Check that new keys of another party are vouched for by its old ones, and show both.

    Whoever has stolen the old keys can vouch too, so compare the new words by another way before you use the card.

    Example: counterfoil identity check-rotation icb-2.rotation.json --card icb.card.json --output icb-2.card.json
    """
    old = _card(card)
    new = read_rotation(parse(read_file(file), where=str(file)), old, where=str(file))
    if output is not None:
        write_whole(output, canonical(new.to_json()))
    if json_:
        sys.stdout.write(json.dumps({"old": _facts(old), "new": _facts(new)}) + "\n")
    else:
        sys.stdout.write(f"Signed with the old keys.\n\nold card\n{_lines(old)}\n\nnew card\n{_lines(new)}\n")
    sys.stderr.write(f"Before you use it, let {new.name} read the words of the new card to you on the phone.\n")


def _facts(shown: Card) -> dict[str, Any]:
    return {"name": shown.name, "fingerprint": shown.fingerprint, "words": words_of(shown.fingerprint)}


def _lines(shown: Card) -> str:
    return "\n".join(f"{name:<12} {value}" for name, value in _facts(shown).items())


def _tell(shown: Card, json_: bool) -> None:
    sys.stdout.write((json.dumps(_facts(shown)) if json_ else _lines(shown)) + "\n")


def _card(file: Path) -> Card:
    data = read_file(file)
    try:
        document = json.loads(data)
    except ValueError:
        document = None
    if isinstance(document, dict) and document.get("counterfoil") == "card":
        return Card.from_json(document, where=str(file))
    return card_of(data, where=str(file))
