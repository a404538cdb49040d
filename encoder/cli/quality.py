"""``counterfoil quality``: how good the links of a run are expected to be, on one page."""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from encoder.cli.desk import HERE, Broker, Desk, Folder, Json, PassphraseFd, PassphraseFile, Run, patience
from encoder.cli.recipient import by_holder, pseudonym_key_of, run_key_of
from encoder.cli.version import version_of
from encoder.errors import InputError
from encoder.join import receive_all
from encoder.linkage_page import About, Report, in_words, linkage_json, write_linkage
from encoder.linkage_quality import expected_of
from encoder.match_rates import HolderRates, match_rates, own_rates
from encoder.report import report_paths
from encoder.shape import group
from encoder.waiting import look_at_quality
from encoder.workspace import own_party
from keys.agreement import Role


def quality(
    run: Run,
    broker: Broker,
    out: Annotated[Path, typer.Option(help="Page to write; the figures go beside it as .json.")],
    file: Annotated[
        list[str] | None,
        typer.Option(
            "--file", help="For the recipient: a holder's attribute file, NAME=FILE; once per holder. For match rates."
        ),
    ] = None,
    folder: Folder = HERE,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    json_: Json = False,
) -> None:
    """Say how good the links of a run are expected to be: missed and false links, precision and recall, match rates.

    Nobody knows the truth: these are the expectations of the matching model, whose counts the broker suppresses and
    rounds as the agreement says. IG leads can have them once the run is matched, the other parties once it is released.

    As the recipient, give the holders' attribute files too: the page then has the match rate of each holder's rows, and
    of groups of them where the holder added traits (`counterfoil results --trait`). Nothing of the files is sent.

    Example: counterfoil quality 3f0c... --broker https://broker.example --out quality.html
    """
    report_paths(out)
    desk = Desk.open_expired(folder, passphrase_file, passphrase_fd)
    rates = _rates(desk, run, file) if file else ()
    with desk.door(broker) as opened:
        said = look_at_quality(opened, run, patience=patience())
    terms = desk.agreement.terms
    expected = None if said is None else expected_of(said, terms)
    made, tool = date.today().isoformat(), f"counterfoil {version_of('counterfoil')}"  # noqa: DTZ011 - the day here
    about = About.of(terms, run=run, made=made, tool=tool)
    report = Report(about, expected, own_rates(expected, terms.suppression) if expected else (), rates)
    page, figures = write_linkage(report, out)
    if json_:
        sys.stdout.write(linkage_json(report))
        return
    sys.stdout.write("\n".join([*in_words(report), f"Written: {page} and {figures}"]) + "\n")


def _rates(desk: Desk, run: str, given: list[str]) -> tuple[HolderRates, ...]:
    own_party(desk.agreement, desk.identity, Role.RECIPIENT)
    holders = [holder.name for holder in desk.agreement.holders()]
    files = {name: Path(path) for name, path in by_holder("--file", given, holders).items()}
    if len(files) < 2:
        raise InputError("With one file no row is linked.", remedy="Name the other holders' files too.")
    received = receive_all(
        files,
        run_key=run_key_of(desk, run),
        pseudonym_key=pseudonym_key_of(desk),
        rows_of_one_holder=desk.agreement.terms.decision.rows_of_one_holder,
    )
    return match_rates(received, group(received), desk.agreement.terms.suppression)
