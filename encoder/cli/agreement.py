"""``counterfoil agreement``: draft, check, freeze, review, sign, and see who has signed."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from encoder.cli.ask import ask
from encoder.cli.files import read_agreement, read_file
from keys.advice import advise, usable
from keys.agreement import Agreement
from keys.canonical import canonical, parse
from keys.draft import PARTIES, read_draft
from keys.files import write_whole
from keys.identity import Identity
from keys.passphrase import read_passphrase
from keys.review import review as review_page
from keys.template import template_text
from keys.words import words_of

app = typer.Typer(
    name="agreement",
    help="What the parties agree: draft, check, freeze, review, sign.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Draft = Annotated[Path, typer.Argument(help="The draft, a TOML file.")]
Frozen = Annotated[Path, typer.Argument(help="The frozen agreement, a JSON file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def new(
    output: Annotated[Path, typer.Option(help="File to write; it must not exist.")] = Path("agreement.toml"),
) -> None:
    """Write a draft with the default choices, each explained.

    Example: counterfoil agreement new --output agreement.toml
    """
    write_whole(output, template_text().encode())
    sys.stderr.write(f"Edit {output}, then: counterfoil agreement check {output}\n")


@app.command()
def check(draft: Draft, json_: Json = False) -> None:
    """List every missing or wrong choice of a draft, then every risky one, with what to write instead.

    Exit code 1 if anything is missing or wrong; risks alone do not fail, nor does a draft that names no parties yet.

    Example: counterfoil agreement check agreement.toml
    """
    read = read_draft(read_file(draft), where=str(draft))
    found = advise(read.terms, now=datetime.now(UTC))
    pairs = usable(read.terms)
    if json_:
        facts = {
            "parties": len(read.parties),
            "risks": [{"place": one.place, "what": one.what, "remedy": one.remedy} for one in found],
            "pairs": [
                {"holders": one.holders, "exact": one.exact, "fuzzy": one.fuzzy, "verdict": one.verdict}
                for one in pairs
            ],
        }
        sys.stdout.write(json.dumps(facts) + "\n")
        return
    lines = [f"{one.place}: {one.what} {one.remedy}" for one in found] or ["No risks among those that are checked for."]
    lines += [f"{one.holders[0]} and {one.holders[1]}: {one.verdict}." for one in pairs]
    if not read.parties:
        lines.append(f"No parties are named yet, as `counterfoil agreement freeze` needs them. {PARTIES}")
    sys.stdout.write("\n".join(lines) + "\n")


@app.command()
def freeze(
    draft: Draft,
    output: Annotated[Path, typer.Option(help="File to write; it must not exist.")] = Path("agreement.json"),
) -> None:
    """Put the parties' cards into a draft and fix it, ready to be signed. Card files lie beside the draft.

    Example: counterfoil agreement freeze agreement.toml --output agreement.json
    """
    read = read_draft(read_file(draft), where=str(draft))
    agreement = read.freeze(lambda name: read_file(draft.parent / name), where=str(draft))
    write_whole(output, canonical(agreement.to_json()))
    sys.stderr.write(f"Agreement {agreement.id}\nAll parties sign this file; any change makes another agreement.\n")


@app.command()
def review(agreement: Frozen) -> None:
    """Print two pages for the person who signs: purpose, law, who gives and learns what, risks, who has signed.

    Example: counterfoil agreement review agreement.json
    """
    sys.stdout.write(review_page(read_agreement(agreement), now=datetime.now(UTC)))


@app.command()
def sign(
    agreement: Frozen,
    identity: Annotated[Path, typer.Option(help="Identity file of the party that signs.")],
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the passphrase; else it is asked for.")
    ] = None,
    passphrase_fd: Annotated[int | None, typer.Option(help="Descriptor to read the passphrase from.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether the page has been read.")] = False,
) -> None:
    """Sign an agreement: the signature is added to the file. Read `counterfoil agreement review` first.

    Example: counterfoil agreement sign agreement.json --identity ig-lead.identity.json
    """
    found = _load(agreement)
    if not yes:
        sys.stdout.write(review_page(found, now=datetime.now(UTC)))
        ask("Sign this?")
    passphrase = read_passphrase(file=passphrase_file, descriptor=passphrase_fd)
    signer = Identity.unlock(read_file(identity), passphrase, where=str(identity))
    signed = found.with_signatures([found.sign(signer)])
    write_whole(agreement, canonical(signed.to_json()), replace=True)
    _tell(signed, json_=False)


@app.command()
def status(
    agreement: Frozen,
    add: Annotated[list[Path] | None, typer.Option(help="Copies signed by others, whose signatures are added.")] = None,
    json_: Json = False,
) -> None:
    """Show who has signed and who has not; --add gathers the signatures of copies that others signed.

    Example: counterfoil agreement status agreement.json --add from-icb.json
    """
    found = _load(agreement) if add else read_agreement(agreement)
    for copy in add or []:
        found = found.with_signatures(_load(copy).signatures)
    if add:
        write_whole(agreement, canonical(found.to_json()), replace=True)
    _tell(found, json_=json_)


def _tell(agreement: Agreement, *, json_: bool) -> None:
    missing = [party.name for party in agreement.unsigned()]
    signed = [party.name for party in agreement.parties if party.name not in missing]
    if json_:
        facts = {"agreement": agreement.id, "signed": signed, "unsigned": missing, "expires": agreement.terms.expires}
        sys.stdout.write(json.dumps(facts) + "\n")
        return
    sys.stdout.write(f"Agreement {agreement.id}\n  {words_of(agreement.id)}\n")
    sys.stdout.write(f"signed: {', '.join(signed) or 'nobody'}\nnot signed: {', '.join(missing) or 'nobody'}\n")


def _load(path: Path) -> Agreement:
    """The frozen agreement alone, to which signatures can be added."""
    return Agreement.from_json(parse(read_file(path), where=str(path)))
